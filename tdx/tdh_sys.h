/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.SYS.*: one typed wrapper per leaf used. No loop, no lock, no policy. Each returns the module's status; outputs
 * are written on the statuses named. Manual: TDX Module ABI, "TDH.SYS... Leaf".
 */
#ifndef TDX_TDH_SYS_H
#define TDX_TDH_SYS_H

#include "include/cella/types.h"
#include "tdx/status.h"

#define TDX_CPUID_NO_SUBLEAF 0xffffffffu
#define TDX_CPUID_REGISTERS 4

/* The CPUID value that TDH.SYS.INIT or TDH.SYS.LP.INIT does not accept; registers from EAX to EDX. */
struct tdx_cpuid_complaint {
	u32 leaf;
	u32 subleaf;	/* TDX_CPUID_NO_SUBLEAF: none */
	u32 mask[TDX_CPUID_REGISTERS];	/* bits looked at */
	u32 expected[TDX_CPUID_REGISTERS];	/* TDH.SYS.INIT only */
	u32 reads[TDX_CPUID_REGISTERS];	/* on the core that called */
};

/** tdh_sys_init() - any one core, once. @complaint: written on TDX_INCORRECT_CPUID_VALUE */
tdx_status_t tdh_sys_init(struct tdx_cpuid_complaint *complaint);
/** tdh_sys_lp_init() - every core, after TDH.SYS.INIT. @complaint: written on TDX_INCONSISTENT_CPUID_FIELD */
tdx_status_t tdh_sys_lp_init(struct tdx_cpuid_complaint *complaint);
/** tdh_sys_rd() - one metadata element. @value: zero-extended, written on success. Core after TDH.SYS.LP.INIT */
tdx_status_t tdh_sys_rd(u64 field, u64 *value);
/**
 * tdh_sys_config() - hand over the TDMRs
 * @tdmrs: array of u64 HPAs of TDMR_INFO entries; array and entries 512-byte aligned, in host memory. @global: private
 * KeyID. @flags: 0 or TDX_SYS_CONFIG_DYNAMIC_PAMT
 */
tdx_status_t tdh_sys_config(hpa_t tdmrs, u32 count, hkid_t global, u64 flags);
/** tdh_sys_key_config() - one core of each package, not in parallel, after WBINVD on all cores */
tdx_status_t tdh_sys_key_config(void);
/** tdh_sys_tdmr_init() - one step of one TDMR. @next: HPA up to which the TDMR may be used, written on success */
tdx_status_t tdh_sys_tdmr_init(hpa_t tdmr, hpa_t *next);
/**
 * tdh_sys_shutdown() - no way back but another module; keeps what TDs need. @handoff: version of what it keeps. No core
 * may be inside the module. tdh_sys_update() - the new one takes it over, after TDH.SYS.LP.INIT on all cores
 */
tdx_status_t tdh_sys_shutdown(u16 handoff);
tdx_status_t tdh_sys_update(void);
/**
 * tdh_sys_disable() - give everything back and leave the module as loaded; repeated by the caller while interrupted
 * or busy
 */
tdx_status_t tdh_sys_disable(void);

#endif
