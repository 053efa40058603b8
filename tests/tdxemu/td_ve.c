/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events for a TD through VM-entry injection, and completion of emulated instructions.
 *
 * An event whose delivery an exit interrupted is queued again first; what the handler then queues overwrites it,
 * except that #PF follows the rules of double and triple faults. All functions work on the current VMCS, the TD's.
 * Manual: TDX Module Base, "Injected Events"; tdx-guest-abi.md 1.4, 4.3 and 4.4.
 */
#include "tests/tdxemu/td_ve.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/td_guest.h"
#include "tests/tdxemu/vmx.h"

#define VECTOR_UD 6u
#define VECTOR_DF 8u
#define VECTOR_GP 13u
#define VECTOR_PF 14u
#define VECTOR_VE 20u
#define EXCEPTION (VMX_EVENT_VALID | VMX_EVENT_HARDWARE_EXCEPTION)
#define DEBUGCTL_BTF BIT(1)
#define TDCALL_BYTES 4u
#define INSTRUCTION_BLOCKING (VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS)
#define ADDRESS_32BIT 0xffffffffu

static void queue(u32 vector)
{
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, EXCEPTION | vector);
}

static void queue_with_code(u32 vector, u32 error_code)
{
	vmwrite(VMCS_ENTRY_EXCEPTION_ERROR_CODE, error_code);
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, EXCEPTION | VMX_EVENT_ERROR_CODE | vector);
}

static void set_resume_flag(void)
{
	vmwrite(VMCS_GUEST_RFLAGS, vmread(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
}

void td_inject_gp(struct td_run *run)
{
	(void)run;
	queue_with_code(VECTOR_GP, 0);
}

void td_inject_ud(struct td_run *run)
{
	(void)run;
	queue(VECTOR_UD);
}

/* TDCALL reaches us as #UD, for which the length field means nothing. */
static u32 instruction_bytes(void)
{
	if ((vmread(VMCS_EXIT_REASON) & VMX_EXIT_REASON_BASIC_MASK) == VMX_REASON_EXCEPTION_NMI)
		return TDCALL_BYTES;
	return (u32)vmread(VMCS_EXIT_INSTRUCTION_LENGTH);
}

void td_inject_ve(struct td_run *run, u32 reason, u64 qualification, u64 gla, u64 gpa)
{
	struct ve_info *ve = &run->tdvps->ve;

	set_resume_flag();
	if (ve->valid != 0) {
		queue_with_code(VECTOR_DF, 0);
		return;
	}
	*ve = (struct ve_info){
		.exit_reason = reason,
		.valid = VE_INFO_VALID,
		.exit_qualification = qualification,
		.gla = gla,
		.gpa = gpa,
		.instruction_bytes = instruction_bytes(),
		.instruction_info = (u32)vmread(VMCS_EXIT_INSTRUCTION_INFO),
	};
	queue(VECTOR_VE);
}

bool td_inject_pf(struct td_run *run, u32 error_code, u64 gla)
{
	u32 queued = (u32)vmread(VMCS_ENTRY_INTERRUPTION_INFO);
	bool exception = (queued & VMX_EVENT_VALID) != 0 &&
			 (queued & VMX_EVENT_TYPE_MASK) == VMX_EVENT_HARDWARE_EXCEPTION;
	u32 vector = queued & VMX_EVENT_VECTOR_MASK;

	(void)run;
	if (exception && vector == VECTOR_DF)
		return false;
	if (exception && (vector == VECTOR_PF || vector == VECTOR_VE)) {
		queue_with_code(VECTOR_DF, 0);
		return true;
	}
	write_cr2(gla);
	queue_with_code(VECTOR_PF, error_code);
	return true;
}

void td_requeue_event(void)
{
	u32 event = (u32)vmread(VMCS_IDT_VECTORING_INFO);

	if ((event & VMX_EVENT_VALID) == 0)
		return;
	if ((event & VMX_EVENT_TYPE_MASK) == VMX_EVENT_NMI)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~VMX_BLOCKING_BY_NMI);
	if (event & VMX_EVENT_ERROR_CODE)
		vmwrite(VMCS_ENTRY_EXCEPTION_ERROR_CODE, vmread(VMCS_IDT_VECTORING_ERROR_CODE));
	vmwrite(VMCS_ENTRY_INSTRUCTION_LENGTH, vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, event & ~VMX_EVENT_NMI_UNBLOCKING);
}

void td_advance(struct td_run *run, u64 bytes)
{
	u64 rflags = vmread(VMCS_GUEST_RFLAGS) & ~(u64)RFLAGS_RF;
	u64 rip = vmread(VMCS_GUEST_RIP) + bytes;

	(void)run;
	vmwrite(VMCS_GUEST_RIP, td_guest_in_64bit_code() ? rip : rip & ADDRESS_32BIT);
	vmwrite(VMCS_GUEST_RFLAGS, rflags);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~(u64)INSTRUCTION_BLOCKING);
	if ((rflags & RFLAGS_TF) != 0 && (vmread(VMCS_GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF) == 0)
		vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS,
			vmread(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS) | VMX_PENDING_DEBUG_BS);
}
