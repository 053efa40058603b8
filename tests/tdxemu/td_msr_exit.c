/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RDMSR and WRMSR of a TD that exit: values the module keeps, writes it checks, #VE and #GP for the rest.
 * Called on the core that runs the TD, its VMCS current; physical MSRs that are switched hold the TD's values then.
 * Manual: TDX Module ABI, "MSR Virtualization"; tdx-guest-abi.md 6.4.
 */
#include "arch/x86/insn.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/td_msr.h"
#include "tests/tdxemu/td_ve.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define MISC_ENABLE_PERFMON BIT(7)
#define MISC_ENABLE_PEBS_UNAVAILABLE BIT(12)
#define PERF_CAPABILITIES_PEBS_PT BIT(16)
#define DEBUGCTL_BTF BIT(1)
#define DEBUGCTL_TR BIT(6)
#define DEBUGCTL_BTS BIT(7)
#define DEBUGCTL_UNCORE_PMI BIT(13)	/* the host's: a guest reads 0 and does not change it */
#define DEBUGCTL_DEFINED 0xffc7ull	/* 15:6 and 2:0 */

enum answer {
	ANSWER_DONE,
	ANSWER_VE,
	ANSWER_GP,
};

static u64 value_of_guest(const struct td_run *run)
{
	return (u64)(u32)run->gpr[GPR_RDX] << 32 | (u32)run->gpr[GPR_RAX];
}

static u64 native_or_zero(u32 msr)
{
	u64 value;

	return msr_read_safe(msr, &value) ? value : 0;
}

static enum answer read_msr(struct td_run *run, u32 msr, enum msr_action action)
{
	u64 value;

	switch (action) {
	case MSR_READ_ONE:
		value = 1;
		break;
	case MSR_READ_ZERO:
		value = 0;
		break;
	case MSR_ARCH_CAPABILITIES:
		value = run->tdcs->arch_capabilities;
		break;
	case MSR_MISC_ENABLE:
		value = (native_or_zero(msr) & ~MISC_ENABLE_PERFMON) | MISC_ENABLE_PEBS_UNAVAILABLE;
		break;
	case MSR_DEBUGCTL:
		value = vmread(VMCS_GUEST_IA32_DEBUGCTL) & ~DEBUGCTL_UNCORE_PMI;
		break;
	case MSR_PERF_CAPABILITIES:
		value = native_or_zero(msr) & ~PERF_CAPABILITIES_PEBS_PT;
		break;
	case MSR_VE:
		return ANSWER_VE;
	case MSR_GP:
		return ANSWER_GP;
	default:
		verdict_stop("RDMSR 0x%x of a TD exits although the table does not ask for it", msr);
	}
	run->gpr[GPR_RAX] = (u32)value;
	run->gpr[GPR_RDX] = value >> 32;
	return ANSWER_DONE;
}

static enum answer write_debugctl(u64 value)
{
	u64 old = vmread(VMCS_GUEST_IA32_DEBUGCTL);

	if ((value & ~DEBUGCTL_DEFINED) != 0)
		return ANSWER_GP;
	if ((value & DEBUGCTL_TR) != 0 && (value & DEBUGCTL_BTS) == 0)
		return ANSWER_VE;
	vmwrite(VMCS_GUEST_IA32_DEBUGCTL, (value & ~DEBUGCTL_UNCORE_PMI) | (old & DEBUGCTL_UNCORE_PMI));
	return ANSWER_DONE;
}

/* After the write: a change of BTF under single step leaves the trap as the old BTF wanted it. */
static void settle_single_step(u64 old, u64 value)
{
	u64 pending = vmread(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS);

	if ((vmread(VMCS_GUEST_RFLAGS) & RFLAGS_TF) == 0 || ((old ^ value) & DEBUGCTL_BTF) == 0)
		return;
	pending &= ~VMX_PENDING_DEBUG_BS;
	if (old & DEBUGCTL_BTF)
		pending |= VMX_PENDING_DEBUG_BS;
	vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, pending);
}

static enum answer write_xss(struct td_run *run, u64 value)
{
	struct cpuid_regs regs = cpuid(CPUID_XSAVE, 1);
	u64 supported = (u64)regs.edx << 32 | regs.ecx;

	if ((value & ~(supported & run->tdcs->xfam & TD_XFAM_SUPERVISOR_MASK)) != 0 || !msr_write_safe(IA32_XSS, value))
		return ANSWER_GP;
	run->tdvps->xss = value;
	return ANSWER_DONE;
}

static enum answer write_efer(u64 value)
{
	u64 old = vmread(VMCS_GUEST_IA32_EFER);

	if (((old ^ value) & ~(u64)(EFER_SCE | EFER_LMA)) != 0)
		return ANSWER_VE;
	vmwrite(VMCS_GUEST_IA32_EFER, (old & ~(u64)EFER_SCE) | (value & EFER_SCE));
	return ANSWER_DONE;
}

static enum answer write_msr(struct td_run *run, u32 msr, enum msr_action action)
{
	u64 value = value_of_guest(run);

	switch (action) {
	case MSR_DEBUGCTL:
		return write_debugctl(value);
	case MSR_XSS:
		return write_xss(run, value);
	case MSR_EFER_WRITE:
		return write_efer(value);
	case MSR_VE:
		return ANSWER_VE;
	case MSR_GP:
		return ANSWER_GP;
	default:
		verdict_stop("WRMSR 0x%x of a TD exits although the table does not ask for it", msr);
	}
}

void td_msr_exit(struct td_run *run, enum msr_access access)
{
	u32 msr = (u32)run->gpr[GPR_RCX];
	enum msr_action action = td_msr_action(run->tdcs, msr, access);
	u64 debugctl = vmread(VMCS_GUEST_IA32_DEBUGCTL);
	enum answer answer = access == MSR_READ ? read_msr(run, msr, action) : write_msr(run, msr, action);

	if (answer == ANSWER_VE) {
		td_inject_ve(run, access == MSR_READ ? VMX_REASON_RDMSR : VMX_REASON_WRMSR, 0, 0, 0);
	} else if (answer == ANSWER_GP) {
		td_inject_gp(run);
	} else {
		td_advance(run, vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
		if (access == MSR_WRITE && action == MSR_DEBUGCTL)
			settle_single_step(debugctl, vmread(VMCS_GUEST_IA32_DEBUGCTL));
	}
}
