/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each exit of a TD means: answered here, an exception for the guest, an exit to the host, or the end of the TD.
 * Only reasons the reference lists can occur with the controls of td_vmcs.c; a row is missing where the module kills
 * the TD. #UD exits exist on this machine only: they carry TDCALL and SEAMCALL, every other #UD goes back to the
 * guest. Called on the core that runs the TD, its VMCS current. Manual: TDX Module Base, "TD VM Exits";
 * tdx-guest-abi.md 4.
 */
#include "tests/tdxemu/td_exit.h"

#include "include/spec/tdx/status.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/td_cr.h"
#include "tests/tdxemu/td_guest.h"
#include "tests/tdxemu/td_msr.h"
#include "tests/tdxemu/td_ve.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define VECTOR_NMI 2u
#define VECTOR_UD 6u
#define VECTOR_MC 18u
#define NMI_INTERRUPTION (VMX_EVENT_VALID | VMX_EVENT_NMI | VECTOR_NMI)
#define OPCODE_BYTES 4
#define SMI_IS_MACHINE_CHECK BIT(1)	/* exit qualification of an SMI exit: MSMI */
#define NOTIFICATION_CONTEXT_INVALID BIT(0)
#define NOTIFICATION_NMI_UNBLOCKING BIT(12)

enum exit_action {
	EXIT_KILLS,	/* not listed: never asked for */
	EXIT_HANDLED,	/* by the row's function */
	EXIT_TO_HOST,
	EXIT_VE,
	EXIT_UD,
	EXIT_GP,
};

struct exit_row {
	enum exit_action action;
	bool (*handle)(struct td_run *run);
};

/* ---- ends of the stay ---- */

bool td_leave(struct td_run *run, u64 status, u32 reason)
{
	run->exit_status = status | reason;
	run->exit_qualification = vmread(VMCS_EXIT_QUALIFICATION);
	run->exit_extended = TD_EEQ_NONE;
	run->exit_gpa = 0;
	run->exit_interruption = 0;
	return false;
}

bool td_leave_disabled(struct td_run *run)
{
	run->tdvps->state = VCPU_DISABLED;
	return td_leave(run, TDX_NON_RECOVERABLE_VCPU, VMX_REASON_TRIPLE_FAULT);
}

bool td_leave_fatal(struct td_run *run, u64 status, u32 reason)
{
	__atomic_store_n(&run->tdr->fatal, 1, __ATOMIC_SEQ_CST);
	return td_leave(run, status, reason);
}

static u32 raw_reason(void)
{
	return (u32)vmread(VMCS_EXIT_REASON);
}

/* An exit that only the host of a debug TD could have asked for; this module has no debug TDs. */
static bool leave_unexpected(struct td_run *run)
{
	verdict_note("core %u: TD exit with reason %u, which the module does not expect, RIP 0x%lx", run->cpu->index,
		     raw_reason(), vmread(VMCS_GUEST_RIP));
	return td_leave_fatal(run, TDX_NON_RECOVERABLE_TD, raw_reason());
}

static bool leave_with_event(struct td_run *run)
{
	td_leave(run, TDX_SUCCESS, raw_reason());
	run->exit_interruption = vmread(VMCS_EXIT_INTERRUPTION_INFO);
	return false;
}

void td_leave_for_nmi(struct td_run *run)
{
	run->exit_status = TDX_SUCCESS | TD_EXIT_EXCEPTION_NMI;
	run->exit_qualification = 0;
	run->exit_extended = TD_EEQ_NONE;
	run->exit_gpa = 0;
	run->exit_interruption = NMI_INTERRUPTION;
}

/* ---- exceptions and NMIs ---- */

/* The CPU unblocked NMIs for an IRET that then faulted: block them again before the fault is delivered. */
static void block_nmis_again(void)
{
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | VMX_BLOCKING_BY_NMI);
}

static bool handle_undefined_opcode(struct td_run *run, u32 event)
{
	static const u8 prefix[OPCODE_BYTES - 1] = { 0x66, 0x0f, 0x01 };
	u8 code[OPCODE_BYTES];
	enum td_fetch fetched = td_guest_fetch(run, code, OPCODE_BYTES);

	if (fetched == TD_FETCH_GONE)
		return true;
	if (fetched == TD_FETCH_DONE && code[0] == prefix[0] && code[1] == prefix[1] && code[2] == prefix[2] &&
	    code[3] == TDCALL_LAST_OPCODE) {
		if (td_guest_cpl() == 0)
			return tdcall_exit(run);
		td_inject_gp(run);
		return true;
	}
	if (event & VMX_EVENT_NMI_UNBLOCKING)
		block_nmis_again();
	td_inject_ud(run);
	return true;
}

static bool handle_exception(struct td_run *run)
{
	u32 event = (u32)vmread(VMCS_EXIT_INTERRUPTION_INFO);
	u32 vector = event & VMX_EVENT_VECTOR_MASK;

	if ((event & VMX_EVENT_TYPE_MASK) == VMX_EVENT_NMI) {
		smp_nmi_arrived(run->cpu);
		nmi_unblock();
		(void)smp_nmi_take(run->cpu);
		return leave_with_event(run);
	}
	if (vector == VECTOR_UD)
		return handle_undefined_opcode(run, event);
	if (vector == VECTOR_MC) {
		td_leave_fatal(run, TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, raw_reason());
		run->exit_interruption = event;
		return false;
	}
	return leave_unexpected(run);
}

static bool handle_nmi_window(struct td_run *run)
{
	vmwrite(VMCS_PROCBASED_CONTROLS, vmread(VMCS_PROCBASED_CONTROLS) & ~VMX_PROC_NMI_WINDOW_EXITING);
	if (run->tdvps->pend_nmi == 0 || run->tdvps->ve.valid != 0)
		return true;
	run->tdvps->pend_nmi = 0;
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, NMI_INTERRUPTION);
	return true;
}

/* ---- other rows ---- */

static bool handle_smi(struct td_run *run)
{
	if (vmread(VMCS_EXIT_QUALIFICATION) & SMI_IS_MACHINE_CHECK)
		return td_leave_fatal(run, TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, raw_reason());
	return leave_with_event(run);
}

static bool handle_cpuid(struct td_run *run)
{
	td_cpuid_exit(run);
	return true;
}

static bool handle_cr(struct td_run *run)
{
	return td_cr_exit(run) || leave_unexpected(run);
}

static bool handle_rdmsr(struct td_run *run)
{
	td_msr_exit(run, MSR_READ);
	return true;
}

static bool handle_wrmsr(struct td_run *run)
{
	td_msr_exit(run, MSR_WRITE);
	return true;
}

static bool handle_xsetbv(struct td_run *run)
{
	td_xsetbv_exit(run);
	return true;
}

static bool handle_notification(struct td_run *run)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);

	if (qualification & NOTIFICATION_CONTEXT_INVALID)
		return td_leave_fatal(run, TDX_NON_RECOVERABLE_TD, raw_reason());
	if (qualification & NOTIFICATION_NMI_UNBLOCKING)
		block_nmis_again();
	return td_leave(run, TDX_SUCCESS, raw_reason());
}

/* clang-format off */
static const struct exit_row rows[VMX_REASON_COUNT] = {
	[VMX_REASON_EXCEPTION_NMI] = { EXIT_HANDLED, handle_exception },
	[VMX_REASON_EXTERNAL_INTERRUPT] = { EXIT_HANDLED, leave_with_event },
	[VMX_REASON_TRIPLE_FAULT] = { EXIT_HANDLED, td_leave_disabled },
	[VMX_REASON_INIT] = { EXIT_TO_HOST, NULL },
	[VMX_REASON_OTHER_SMI] = { EXIT_HANDLED, handle_smi },
	[VMX_REASON_NMI_WINDOW] = { EXIT_HANDLED, handle_nmi_window },
	[VMX_REASON_TASK_SWITCH] = { EXIT_TO_HOST, NULL },
	[VMX_REASON_CPUID] = { EXIT_HANDLED, handle_cpuid },
	[VMX_REASON_GETSEC] = { EXIT_UD, NULL },
	[VMX_REASON_HLT] = { EXIT_VE, NULL },
	[VMX_REASON_INVD] = { EXIT_VE, NULL },
	[VMX_REASON_RDPMC] = { EXIT_GP, NULL },
	[VMX_REASON_RSM] = { EXIT_UD, NULL },
	[VMX_REASON_VMCALL] = { EXIT_VE, NULL },
	[VMX_REASON_VMCLEAR] = { EXIT_UD, NULL },
	[VMX_REASON_VMLAUNCH] = { EXIT_UD, NULL },
	[VMX_REASON_VMPTRLD] = { EXIT_UD, NULL },
	[VMX_REASON_VMPTRST] = { EXIT_UD, NULL },
	[VMX_REASON_VMREAD] = { EXIT_UD, NULL },
	[VMX_REASON_VMRESUME] = { EXIT_UD, NULL },
	[VMX_REASON_VMWRITE] = { EXIT_UD, NULL },
	[VMX_REASON_VMXOFF] = { EXIT_UD, NULL },
	[VMX_REASON_VMXON] = { EXIT_UD, NULL },
	[VMX_REASON_CR_ACCESS] = { EXIT_HANDLED, handle_cr },
	[VMX_REASON_IO] = { EXIT_VE, NULL },
	[VMX_REASON_RDMSR] = { EXIT_HANDLED, handle_rdmsr },
	[VMX_REASON_WRMSR] = { EXIT_HANDLED, handle_wrmsr },
	[VMX_REASON_MWAIT] = { EXIT_VE, NULL },
	[VMX_REASON_MONITOR] = { EXIT_VE, NULL },
	[VMX_REASON_CSTATE_SMI] = { EXIT_HANDLED, leave_with_event },
	[VMX_REASON_EPT_VIOLATION] = { EXIT_HANDLED, td_exit_ept_violation },
	[VMX_REASON_EPT_MISCONFIGURATION] = { EXIT_HANDLED, td_exit_ept_misconfiguration },
	[VMX_REASON_INVEPT] = { EXIT_UD, NULL },
	[VMX_REASON_INVVPID] = { EXIT_UD, NULL },
	[VMX_REASON_WBINVD] = { EXIT_VE, NULL },
	[VMX_REASON_XSETBV] = { EXIT_HANDLED, handle_xsetbv },
	[VMX_REASON_APIC_WRITE] = { EXIT_VE, NULL },
	[VMX_REASON_VMFUNC] = { EXIT_UD, NULL },
	[VMX_REASON_ENCLS] = { EXIT_UD, NULL },
	[VMX_REASON_PCONFIG] = { EXIT_VE, NULL },
	[VMX_REASON_ENCLV] = { EXIT_UD, NULL },
	[VMX_REASON_ENQCMD_PASID] = { EXIT_GP, NULL },
	[VMX_REASON_ENQCMDS_PASID] = { EXIT_UD, NULL },
	[VMX_REASON_BUS_LOCK] = { EXIT_TO_HOST, NULL },
	[VMX_REASON_NOTIFY_WINDOW] = { EXIT_HANDLED, handle_notification },
	[VMX_REASON_SEAMCALL] = { EXIT_UD, NULL },
	[VMX_REASON_TDCALL] = { EXIT_HANDLED, tdcall_exit },
};
/* clang-format on */

static bool entry_failed(struct td_run *run, u32 reason)
{
	u32 basic = reason & VMX_EXIT_REASON_BASIC_MASK;

	if (basic == VMX_REASON_ENTRY_FAIL_MACHINE_CHECK)
		return td_leave_fatal(run, TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, reason);
	if (basic != VMX_REASON_ENTRY_FAIL_GUEST_STATE)
		verdict_stop("core %u: entry of a TD fails with reason %u", run->cpu->index, basic);
	verdict_note("core %u: the CPU refuses the guest state of a TD, qualification %lu, RIP 0x%lx", run->cpu->index,
		     vmread(VMCS_EXIT_QUALIFICATION), vmread(VMCS_GUEST_RIP));
	return td_leave_fatal(run, TDX_NON_RECOVERABLE_TD, reason);
}

bool td_exit(struct td_run *run)
{
	u32 reason = raw_reason();
	u32 basic = reason & VMX_EXIT_REASON_BASIC_MASK;
	const struct exit_row *row = &rows[basic < VMX_REASON_COUNT ? basic : VMX_REASON_PREEMPTION_TIMER];

	if (reason & VMX_EXIT_REASON_ENTRY_FAILURE)
		return entry_failed(run, reason);
	td_requeue_event();
	if (__atomic_load_n(&run->tdr->fatal, __ATOMIC_SEQ_CST)) {
		leave_with_event(run);
		run->exit_status |= TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE;
		return false;
	}
	switch (row->action) {
	case EXIT_HANDLED:
		return row->handle(run);
	case EXIT_TO_HOST:
		return td_leave(run, TDX_SUCCESS, reason);
	case EXIT_VE:
		td_inject_ve(run, basic, vmread(VMCS_EXIT_QUALIFICATION), 0, 0);
		return true;
	case EXIT_UD:
		td_inject_ud(run);
		return true;
	case EXIT_GP:
		td_inject_gp(run);
		return true;
	default:
		return leave_unexpected(run);
	}
}
