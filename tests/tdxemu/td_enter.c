/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.VP.ENTER: checks, association, TLB epoch, the stay of the vCPU in its TD, and what the host finds afterwards.
 *
 * The stay runs inside the leaf: the TD's VMCS becomes current, exits are handled until one belongs to the host.
 * TDVPR and TDR stay locked shared all the time, so nothing can take them away. The stepping defences of the module
 * are left out; a host cannot tell. Called on the core that enters. Manual: TDX Module ABI, "TDH.VP.ENTER Leaf";
 * tdx-host-td.md 7.6 and 9.
 */
#include "arch/x86/insn.h"
#include "include/spec/tdx/status.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/seamcall.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/td_ept.h"
#include "tests/tdxemu/td_exit.h"
#include "tests/tdxemu/td_switch.h"
#include "tests/tdxemu/td_vmcs.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"
#include "tests/tdxemu/xstate.h"

#define TDVPR_MASK 0x000ffffffffff000ull
#define RCX_DEFINED (TDVPR_MASK | VP_ENTER_RECOVERABILITY_HINT | VP_ENTER_RESUME_L1)
#define XMM_MASK_SHIFT 16
#define QUALIFICATION_VM_INDEX (3ull << 32)
#define LEAF_1_ECX_MONITOR (1u << 3)
#define LEAF_7_EDX_SPEC_CTRL (1u << 26)
#define PRED_CMD_IBPB 1
#define EPOCH_PARITY 1u

enum association {
	ASSOCIATED_NOW,
	ASSOCIATED_BEFORE,
};

/* ---- before the entry ---- */

static u64 native_msr(u32 msr)
{
	u64 value;

	return msr_read_safe(msr, &value) ? value : 0;
}

/* Checks 8 to 12 of the reference's order. */
static u64 check_vcpu(const struct vp_ref *ref, u64 rcx)
{
	const struct tdvps *tdvps = ref->tdvps;
	u32 monitor = ref->td.tdcs->cpuid[TD_CPUID_1].ecx & LEAF_1_ECX_MONITOR;

	if ((rcx & VP_ENTER_RECOVERABILITY_HINT) != 0 && tdvps->last_exit != LAST_EXIT_ASYNC_TRAP)
		return INVALID(RCX);
	if (rcx & VP_ENTER_RESUME_L1)
		return INVALID(RCX);
	if (native_msr(IA32_TSC_ADJUST) != module.tsc_adjust)
		return TDX_INCONSISTENT_MSR | IA32_TSC_ADJUST;
	if (rdtsc() < tdvps->last_exit_tsc)
		return TDX_TSC_ROLLBACK;
	/* CPUID mirrors IA32_MISC_ENABLE.ENABLE_MONITOR_FSM, also on CPUs that have no such MSR. */
	if (monitor != 0 && (cpuid(CPUID_FEATURES, 0).ecx & LEAF_1_ECX_MONITOR) == 0)
		return TDX_INCORRECT_MSR_VALUE | IA32_MISC_ENABLE;
	return TDX_SUCCESS;
}

/* Enter the current TLB epoch; a vCPU that last ran in an older one may have stale translations on this core. */
static u64 enter_epoch(struct vp_ref *ref, enum association association)
{
	struct tdcs *tdcs = ref->td.tdcs;
	u64 epoch;

	if (!sharex_try(&tdcs->epoch_lock, LOCK_SHARED))
		return BUSY(TD_EPOCH);
	epoch = tdcs->td_epoch;
	__atomic_fetch_add(&tdcs->refcount[epoch & EPOCH_PARITY], 1, __ATOMIC_SEQ_CST);
	sharex_release(&tdcs->epoch_lock, LOCK_SHARED);
	if (epoch != ref->tdvps->vcpu_epoch && association == ASSOCIATED_BEFORE)
		td_ept_flush(ref->tdvps);
	ref->tdvps->vcpu_epoch = epoch;
	return TDX_SUCCESS;
}

static void leave_epoch(struct td_run *run)
{
	__atomic_fetch_sub(&run->tdcs->refcount[run->tdvps->vcpu_epoch & EPOCH_PARITY], 1, __ATOMIC_SEQ_CST);
}

static u64 prepare(struct emu_cpu *cpu, struct vp_ref *ref, u64 rcx)
{
	enum association association;
	u64 status = td_check_state(&ref->td, OP_STATE_SHARED, BIT(OP_RUNNABLE));

	if (status != TDX_SUCCESS)
		return status;
	if (ref->tdvps->page_count < MODULE_TDVPS_PAGES)
		return TDX_TDCX_NUM_INCORRECT;
	association = ref->tdvps->assoc_lp == cpu->index ? ASSOCIATED_BEFORE : ASSOCIATED_NOW;
	status = vp_associate(cpu, ref, false);
	if (status != TDX_SUCCESS)
		return status;
	status = check_vcpu(ref, rcx);
	if (status != TDX_SUCCESS)
		return status;
	return enter_epoch(ref, association);
}

/* ---- the stay ---- */

/* Another vCPU ran here last: nothing it left in TLBs and branch predictors may be used. */
static void separate_from_last(struct emu_cpu *cpu, const struct tdvps *tdvps)
{
	if (cpu->last_tdvpr == tdvps->pages[0])
		return;
	td_ept_flush(tdvps);
	vmx_invvpid(VMX_INVVPID_GLOBAL, 0);
	if (cpuid(CPUID_EXTENDED, 0).edx & LEAF_7_EDX_SPEC_CTRL)
		(void)msr_write_safe(IA32_PRED_CMD, PRED_CMD_IBPB);
	cpu->last_tdvpr = tdvps->pages[0];
}

/* The registers of a TDVMCALL come back from the host. */
static void take_tdvmcall_results(struct td_run *run, const u64 host[GPR_COUNT])
{
	for (u32 n = 0; n < GPR_COUNT; n++)
		if (run->tdvps->tdvmcall_mask & BIT(n))
			run->gpr[n] = host[n];
}

static void enter(struct td_run *run, const u64 host[GPR_COUNT])
{
	struct tdvps *tdvps = run->tdvps;
	u32 xmm_mask = 0;

	memcpy(run->gpr, tdvps->gpr, sizeof(run->gpr));
	if (tdvps->last_exit == LAST_EXIT_TDVMCALL) {
		take_tdvmcall_results(run, host);
		xmm_mask = (u32)((tdvps->tdvmcall_mask & TDVMCALL_MASK_XMMS) >> XMM_MASK_SHIFT);
	}
	tdvps->last_exit = LAST_EXIT_ASYNC_FAULT;
	separate_from_last(run->cpu, tdvps);
	td_ept_refresh(run->cpu, run->tdr, tdvps);
	td_vmcs_load(tdvps);
	if (!tdvps->vmcs_launched)
		vmx_write_host_state(run->cpu);
	xstate_enter(run, xmm_mask);
	td_switch_enter(run);
}

/* An NMI for the guest is due when it can be taken before the next #VE: let the CPU say when. */
static void open_nmi_window(const struct tdvps *tdvps)
{
	if (tdvps->pend_nmi != 0 && tdvps->ve.valid == 0)
		vmwrite(VMCS_PROCBASED_CONTROLS, vmread(VMCS_PROCBASED_CONTROLS) | VMX_PROC_NMI_WINDOW_EXITING);
}

static void stay(struct td_run *run)
{
	do {
		if (smp_nmi_take(run->cpu)) {
			td_leave_for_nmi(run);
			return;
		}
		open_nmi_window(run->tdvps);
		if (!vmx_run(run->gpr, run->tdvps->vmcs_launched ? VMX_RESUME : VMX_LAUNCH))
			verdict_stop("core %u: VM entry of a TD fails with error %lu", run->cpu->index,
				     vmread(VMCS_INSTRUCTION_ERROR));
		run->tdvps->vmcs_launched = 1;
	} while (td_exit(run));
}

static void leave(struct td_run *run)
{
	struct tdvps *tdvps = run->tdvps;
	u32 xmm_mask = 0;

	if (tdvps->last_exit == LAST_EXIT_TDVMCALL)
		xmm_mask = (u32)((tdvps->tdvmcall_mask & TDVMCALL_MASK_XMMS) >> XMM_MASK_SHIFT);
	memcpy(tdvps->gpr, run->gpr, sizeof(tdvps->gpr));
	td_switch_leave(run);
	xstate_leave(run, xmm_mask);
	tdvps->last_exit_tsc = rdtsc();
	leave_epoch(run);
	if (!vmx_load(run->cpu->host_vmcs_hpa))
		verdict_stop("core %u: the host's VMCS cannot be loaded after a stay in a TD", run->cpu->index);
	td_switch_scrub_host();
}

/* ---- what the host finds ---- */

static void give_tdvmcall(const struct td_run *run, u64 host[GPR_COUNT])
{
	u64 mask = run->tdvps->tdvmcall_mask;
	bool keep_rbp = (run->tdcs->config_flags & TD_CONFIG_NO_RBP_MOD) != 0;

	for (u32 n = GPR_RDX; n < GPR_COUNT; n++)
		if (n != GPR_RSP && !(n == GPR_RBP && keep_rbp))
			host[n] = (mask & BIT(n)) != 0 ? run->gpr[n] : 0;
	host[GPR_RCX] = mask;
}

static void give_exit(const struct td_run *run, u64 host[GPR_COUNT])
{
	bool keep_rbp = (run->tdcs->config_flags & TD_CONFIG_NO_RBP_MOD) != 0;

	for (u32 n = GPR_RBX; n < GPR_COUNT; n++)
		if (n != GPR_RSP && !(n == GPR_RBP && keep_rbp))
			host[n] = 0;
	host[GPR_RCX] = run->exit_qualification & ~QUALIFICATION_VM_INDEX;
	host[GPR_RDX] = run->exit_extended;
	host[GPR_R8] = run->exit_gpa;
	host[GPR_R9] = run->exit_interruption;
}

u64 leaf_vp_enter(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 rcx = gpr[GPR_RCX];
	struct td_run run = { .cpu = cpu };
	struct vp_ref ref;
	u64 status;

	(void)version;
	if (native_msr(IA32_MISC_ENABLE) & MISC_ENABLE_LIMIT_CPUID)
		return TDX_LIMIT_CPUID_MAXVAL_SET;
	if (rcx & ~RCX_DEFINED)
		return INVALID(RCX);
	status = vp_take(rcx & TDVPR_MASK, TDX_OPERAND_ID_RCX, LOCK_SHARED, LOCK_SHARED, &ref);
	if (status != TDX_SUCCESS)
		return status;
	status = prepare(cpu, &ref, rcx);
	if (status != TDX_SUCCESS) {
		vp_drop(&ref);
		return status;
	}
	sharex_release(&ref.td.tdcs->op_state_lock, LOCK_SHARED);
	ref.td.op_state_locked = false;

	run.tdr = ref.td.tdr;
	run.tdr_hpa = ref.tdvps->tdr;
	run.tdcs = ref.td.tdcs;
	run.tdvps = ref.tdvps;
	cpu->run = &run;
	run.tdvps->state = VCPU_ACTIVE;
	enter(&run, gpr);
	stay(&run);
	leave(&run);
	cpu->run = NULL;
	if (run.tdvps->last_exit == LAST_EXIT_TDVMCALL)
		give_tdvmcall(&run, gpr);
	else
		give_exit(&run, gpr);
	if (run.tdvps->state == VCPU_ACTIVE && !run.tdr->fatal)
		run.tdvps->state = VCPU_READY;
	vp_drop(&ref);
	return run.exit_status;
}
