/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.VP.*: one typed wrapper per leaf used. No loop, no lock. All but VP.CREATE and VP.ADDCX only on the core that the
 * vCPU is associated with, or any core if it is free. Manual: TDX Module ABI, "TDH.VP... Leaf".
 */
#ifndef TDX_TDH_VP_H
#define TDX_TDH_VP_H

#include "include/cella/types.h"
#include "include/spec/tdx/vp_enter.h"
#include "tdx/status.h"

/** tdh_vp_enter() - one stay in the TD. @gpr: exchanged with the guest after a TDVMCALL. Interrupts off */
tdx_status_t tdh_vp_enter(hpa_t tdvpr, u64 gpr[GPR_COUNT]);
/** tdh_vp_addcx() - @page: free page of a TDMR, becomes the next TDVPS page */
tdx_status_t tdh_vp_addcx(hpa_t page, hpa_t tdvpr);
/** tdh_vp_create() - @page: free page of a TDMR, becomes the TDVPR */
tdx_status_t tdh_vp_create(hpa_t page, hpa_t tdr);
/** tdh_vp_flush() - dissociate the vCPU from the running core */
tdx_status_t tdh_vp_flush(hpa_t tdvpr);
/** tdh_vp_init() - version 0. @initial_rcx: RCX and R8 of the guest at its first instruction */
tdx_status_t tdh_vp_init(hpa_t tdvpr, u64 initial_rcx);
/** tdh_vp_init_with_apic_id() - version 1, for modules that enumerate topology */
tdx_status_t tdh_vp_init_with_apic_id(hpa_t tdvpr, u64 initial_rcx, u32 x2apic_id);
/** tdh_vp_rd() - one vCPU-scope metadata element; @value: written on success */
tdx_status_t tdh_vp_rd(hpa_t tdvpr, u64 field, u64 *value);
/** tdh_vp_wr() - write the bits of @mask */
tdx_status_t tdh_vp_wr(hpa_t tdvpr, u64 field, u64 value, u64 mask);

#endif
