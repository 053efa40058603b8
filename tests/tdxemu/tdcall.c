/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDCALL of a TD: checks of RAX, the leaf, and what its outcome does to the guest. TDG.VP.VMCALL and
 * TDG.VP.VEINFO.GET are here because they are about the stay itself; the others are in leaf_tdg.c. Called on the core
 * that runs the TD, its VMCS current. Manual: TDX Module ABI, "Guest-Side (TDCALL) Interface Functions";
 * tdx-guest-abi.md 1.2 to 1.6.
 */
#include "tests/tdxemu/tdcall.h"

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/metadata.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/td_guest.h"
#include "tests/tdxemu/td_ve.h"
#include "tests/tdxemu/trace.h"
#include "tests/tdxemu/vmx.h"

#define TDCALL_BYTES 4
#define LEAF_SLOTS 16
#define VMCALL_MASK_RESERVED 0xffffffff00000000ull

struct leaf_row {
	guest_leaf run;	/* NULL: unknown */
	u8 max_version;
};

static enum tdcall_outcome vp_vmcall(struct td_run *run, u32 version, u64 *status)
{
	u64 mask = run->gpr[GPR_RCX];
	u64 forbidden = TDVMCALL_MASK_FORBIDDEN | VMCALL_MASK_RESERVED;

	(void)version;
	if (run->tdcs->config_flags & TD_CONFIG_NO_RBP_MOD)
		forbidden |= BIT(GPR_RBP);
	if (mask & forbidden) {
		*status = INVALID(RCX);
		return TDCALL_DONE;
	}
	run->tdvps->tdvmcall_mask = mask;
	run->tdvps->last_exit = LAST_EXIT_TDVMCALL;
	run->gpr[GPR_RAX] = TDX_SUCCESS;
	run->exit_status = TDX_SUCCESS | TD_EXIT_TDCALL;
	td_advance(run, TDCALL_BYTES);
	return TDCALL_EXIT;
}

static enum tdcall_outcome vp_veinfo_get(struct td_run *run, u32 version, u64 *status)
{
	struct ve_info *ve = &run->tdvps->ve;
	u64 *gpr = run->gpr;

	(void)version;
	if (ve->valid == 0) {
		gpr[GPR_RCX] = gpr[GPR_RDX] = gpr[GPR_R8] = gpr[GPR_R9] = gpr[GPR_R10] = 0;
		*status = TDX_NO_VALID_VE_INFO;
		return TDCALL_DONE;
	}
	gpr[GPR_RCX] = ve->exit_reason;
	gpr[GPR_RDX] = ve->exit_qualification;
	gpr[GPR_R8] = ve->gla;
	gpr[GPR_R9] = ve->gpa;
	gpr[GPR_R10] = (u64)ve->instruction_info << 32 | ve->instruction_bytes;
	ve->valid = 0;
	*status = TDX_SUCCESS;
	return TDCALL_DONE;
}

/* clang-format off */
static const struct leaf_row rows[LEAF_SLOTS] = {
	[TDG_VP_VMCALL] = { vp_vmcall, 0 },
	[TDG_VP_INFO] = { tdg_vp_info, 0 },
	[TDG_MR_RTMR_EXTEND] = { tdg_mr_rtmr_extend, 0 },
	[TDG_VP_VEINFO_GET] = { vp_veinfo_get, 0 },
	[TDG_MR_REPORT] = { tdg_mr_report, 0 },
	[TDG_VP_CPUIDVE_SET] = { tdg_vp_cpuidve_set, 0 },
	[TDG_MEM_PAGE_ACCEPT] = { tdg_mem_page_accept, 0 },
	[TDG_VM_RD] = { tdg_vm_rd, 1 },
	[TDG_VM_WR] = { tdg_vm_wr, 0 },
	[TDG_VP_RD] = { tdg_vp_rd, 0 },
	[TDG_VP_WR] = { tdg_vp_wr, 0 },
	[TDG_SYS_RD] = { tdg_sys_rd, 0 },
	[TDG_SYS_RDALL] = { tdg_sys_rdall, 0 },
};
/* clang-format on */

static enum tdcall_outcome dispatch(struct td_run *run, u64 *status)
{
	u64 rax = run->gpr[GPR_RAX];
	u64 leaf = rax & TDX_LEAF_NUMBER_MASK;
	u32 version = (u32)((rax & TDX_LEAF_VERSION_MASK) >> TDX_LEAF_VERSION_SHIFT);

	*status = INVALID(RAX);
	if ((rax & TDX_LEAF_RESERVED_MASK) != 0 || leaf >= LEAF_SLOTS || rows[leaf].run == NULL)
		return TDCALL_DONE;
	if (version > rows[leaf].max_version) {
		if (leaf == TDG_VM_RD) {
			run->gpr[GPR_R8] = 0;
			run->gpr[GPR_RDX] = TDX_MD_FIRST_FIELD;
		}
		return TDCALL_DONE;
	}
	return rows[leaf].run(run, version, status);
}

bool tdcall_exit(struct td_run *run)
{
	u64 leaf = run->gpr[GPR_RAX] & TDX_LEAF_NUMBER_MASK;
	enum tdcall_outcome outcome;
	u64 status;

	if (!td_guest_in_64bit_code()) {
		td_inject_gp(run);
		return true;
	}
	trace_enter(run->cpu, TRACE_TDCALL, run->gpr);
	outcome = dispatch(run, &status);
	if (outcome == TDCALL_DONE) {
		run->gpr[GPR_RAX] = status;
		td_advance(run, TDCALL_BYTES);
	}
	trace_leave(run->cpu, TRACE_TDCALL, leaf, run->gpr);
	return outcome != TDCALL_EXIT;
}
