/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.SYS.*: registers become named values here. See tdh_sys.h; order of the manual's leaf list. */
#include "tdx/tdh_sys.h"

#include "arch/x86/insn.h"
#include "kernel/lib/string.h"
#include "tdx/seamcall.h"

/* The registers of both leaves that complain about CPUID; TDH.SYS.LP.INIT leaves the expected value 0. */
static void take_complaint(const struct seamcall_regs *regs, struct tdx_cpuid_complaint *complaint)
{
	u32 leaf = (u32)regs->rcx, subleaf = (u32)(regs->rcx >> 32);
	struct cpuid_regs reads = cpuid(leaf, subleaf == TDX_CPUID_NO_SUBLEAF ? 0 : subleaf);

	complaint->leaf = leaf;
	complaint->subleaf = subleaf;
	memcpy(complaint->mask, (const u64[]){ regs->rdx, regs->r8 }, sizeof(complaint->mask));
	memcpy(complaint->expected, (const u64[]){ regs->r9, regs->r10 }, sizeof(complaint->expected));
	memcpy(complaint->reads, &reads, sizeof(complaint->reads));
}

tdx_status_t tdh_sys_key_config(void)
{
	return seamcall(TDH_SYS_KEY_CONFIG, &(struct seamcall_regs){ 0 });
}

tdx_status_t tdh_sys_init(struct tdx_cpuid_complaint *complaint)
{
	struct seamcall_regs regs = { .rcx = 0 };	/* attributes: all reserved */
	tdx_status_t status = seamcall(TDH_SYS_INIT, &regs);

	if (tdx_status_is(status, TDX_INCORRECT_CPUID_VALUE))
		take_complaint(&regs, complaint);
	return status;
}

tdx_status_t tdh_sys_rd(u64 field, u64 *value)
{
	struct seamcall_regs regs = { .rdx = field };
	tdx_status_t status = seamcall(TDH_SYS_RD, &regs);

	if (tdx_succeeded(status))
		*value = regs.r8;
	return status;
}

tdx_status_t tdh_sys_lp_init(struct tdx_cpuid_complaint *complaint)
{
	struct seamcall_regs regs = { 0 };
	tdx_status_t status = seamcall(TDH_SYS_LP_INIT, &regs);

	if (tdx_status_is(status, TDX_INCONSISTENT_CPUID_FIELD))
		take_complaint(&regs, complaint);
	return status;
}

tdx_status_t tdh_sys_tdmr_init(hpa_t tdmr, hpa_t *next)
{
	struct seamcall_regs regs = { .rcx = tdmr.raw };
	tdx_status_t status = seamcall(TDH_SYS_TDMR_INIT, &regs);

	if (tdx_succeeded(status))
		next->raw = regs.rdx;
	return status;
}

tdx_status_t tdh_sys_config(hpa_t tdmrs, u32 count, hkid_t global, u64 flags)
{
	struct seamcall_regs regs = { .rcx = tdmrs.raw, .rdx = count, .r8 = global.raw | flags };

	return seamcall(TDH_SYS_CONFIG, &regs);
}

tdx_status_t tdh_sys_shutdown(u16 handoff)
{
	return seamcall(TDH_SYS_SHUTDOWN, &(struct seamcall_regs){ .rcx = handoff });
}

tdx_status_t tdh_sys_update(void)
{
	return seamcall(TDH_SYS_UPDATE, &(struct seamcall_regs){ 0 });
}

tdx_status_t tdh_sys_disable(void)
{
	return seamcall(TDH_SYS_DISABLE, &(struct seamcall_regs){ 0 });
}
