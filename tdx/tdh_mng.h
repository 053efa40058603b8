/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.MNG.*: one typed wrapper per leaf used. No loop, no lock, no policy; all but TDH.MNG.RD take the TDR exclusively,
 * so no vCPU may be inside the TD. Manual: TDX Module ABI, "TDH.MNG... Leaf".
 */
#ifndef TDX_TDH_MNG_H
#define TDX_TDH_MNG_H

#include "include/cella/types.h"
#include "tdx/status.h"

/* The CPUID configuration that TDH.MNG.INIT does not accept. */
struct td_cpuid_refusal {
	u32 leaf;
	u32 subleaf;	/* all ones: none */
};

/** tdh_mng_addcx() - @page: free page of a TDMR, becomes the next TDCS page */
tdx_status_t tdh_mng_addcx(hpa_t page, hpa_t tdr);
/** tdh_mng_key_config() - on one core of each package */
tdx_status_t tdh_mng_key_config(hpa_t tdr);
/** tdh_mng_create() - @page: free page of a TDMR, becomes the TDR. Takes the KeyID table: one caller at a time */
tdx_status_t tdh_mng_create(hpa_t page, hkid_t hkid);
/** tdh_mng_rd() - one TD-scope metadata element; @value: written on success */
tdx_status_t tdh_mng_rd(hpa_t tdr, u64 field, u64 *value);
/** tdh_mng_vpflushdone() - all vCPUs are flushed. Takes the KeyID table */
tdx_status_t tdh_mng_vpflushdone(hpa_t tdr);
/** tdh_mng_key_freeid() - caches of all packages are written back. Takes the KeyID table */
tdx_status_t tdh_mng_key_freeid(hpa_t tdr);
/** tdh_mng_init() - @params: TD_PARAMS, 1024-byte aligned host memory. @refusal: written on TDX_OPERAND_INVALID */
tdx_status_t tdh_mng_init(hpa_t tdr, hpa_t params, struct td_cpuid_refusal *refusal);

#endif
