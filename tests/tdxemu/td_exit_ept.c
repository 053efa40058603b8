/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EPT violations and misconfigurations of a TD. A shared page whose entry is not present with "suppress #VE" clear
 * never comes here on a CPU with EPT-violation #VE: it delivers the exception itself. Where the CPU cannot, it is
 * done below. Called on the core that runs the TD, its VMCS current. Manual: tdx-guest-abi.md 4.5.
 */
#include "include/spec/tdx/status.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/sept.h"
#include "tests/tdxemu/td_ept.h"
#include "tests/tdxemu/td_exit.h"
#include "tests/tdxemu/td_guest.h"
#include "tests/tdxemu/td_ve.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define QUALIFICATION_HIDDEN 0x1f80ull	/* 12:7, details of the linear address */
#define QUALIFICATION_SHADOW_STACK BIT(13)
#define PF_PRESENT 0x01u
#define PF_WRITE 0x02u
#define PF_USER 0x04u
#define PF_RESERVED 0x08u
#define PF_FETCH 0x10u
#define PF_SHADOW_STACK 0x40u
#define CPL_USER 3u

static bool leave(struct td_run *run, u64 qualification, u64 gpa, enum td_exit_extended extended)
{
	td_leave(run, TDX_SUCCESS, VMX_REASON_EPT_VIOLATION);
	run->exit_qualification = qualification & ~QUALIFICATION_HIDDEN;
	run->exit_extended = extended;
	run->exit_gpa = ALIGN_DOWN(gpa, PAGE_SIZE);
	return false;
}

/* GPA bits above the SHARED bit are reserved in the guest's page tables. */
static bool raise_reserved_bit_fault(struct td_run *run, u64 qualification)
{
	u32 code = PF_PRESENT | PF_RESERVED;

	if (qualification & VMX_EPT_QUAL_WRITE)
		code |= PF_WRITE;
	if (qualification & VMX_EPT_QUAL_FETCH)
		code |= PF_FETCH;
	if (qualification & QUALIFICATION_SHADOW_STACK)
		code |= PF_SHADOW_STACK;
	if (td_guest_cpl() == CPL_USER)
		code |= PF_USER;
	return td_inject_pf(run, code, vmread(VMCS_GUEST_LINEAR_ADDRESS)) || td_leave_disabled(run);
}

static bool private_violation(struct td_run *run, u64 qualification, u64 gpa)
{
	struct sept_walk walk = sept_leaf(run->tdr, gpa);

	if (sept_entry_state(sept_entry_read(walk.entry)) != SEPT_PENDING)
		return leave(run, qualification, gpa, TD_EEQ_NONE);
	if (run->tdcs->td_ctls & TD_CTLS_PENDING_VE_DISABLE)
		return leave(run, qualification, gpa, TD_EEQ_PENDING_EPT_VIOLATION);
	td_inject_ve(run, VMX_REASON_EPT_VIOLATION, qualification, vmread(VMCS_GUEST_LINEAR_ADDRESS), gpa);
	return true;
}

/* Would a CPU with EPT-violation #VE have delivered it instead of exiting? */
static bool lacks_hardware_ve(struct td_run *run, u64 qualification, u64 gpa)
{
	enum guest_access access = (qualification & VMX_EPT_QUAL_WRITE) != 0 ? GUEST_WRITE : GUEST_READ;
	u64 hpa;

	return (vmread(VMCS_PROCBASED2_CONTROLS) & VMX_PROC2_EPT_VIOLATION_VE) == 0 && run->tdvps->ve.valid == 0 &&
	       (vmread(VMCS_IDT_VECTORING_INFO) & VMX_EVENT_VALID) == 0 &&
	       (vmread(VMCS_GUEST_CR0) & CR0_PE) != 0 && td_ept_walk_shared(run, gpa, access, &hpa) == SHARED_VE;
}

bool td_exit_ept_violation(struct td_run *run)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);
	u64 gpa = vmread(VMCS_GUEST_PHYSICAL_ADDRESS);
	bool in_delivery = (vmread(VMCS_IDT_VECTORING_INFO) & VMX_EVENT_VALID) != 0;

	if ((qualification & VMX_EPT_QUAL_NMI_UNBLOCKING) != 0 && !in_delivery)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | VMX_BLOCKING_BY_NMI);
	if (td_ept_refresh_at(run, gpa))
		return true;
	if (gpa >= td_shared_bit(run->tdcs) << 1 && (qualification & VMX_EPT_QUAL_GLA_VALID) != 0)
		return raise_reserved_bit_fault(run, qualification);
	if (gpa_is_private(run->tdcs, gpa))
		return private_violation(run, qualification, gpa);
	if (lacks_hardware_ve(run, qualification, gpa)) {
		td_inject_ve(run, VMX_REASON_EPT_VIOLATION, qualification, vmread(VMCS_GUEST_LINEAR_ADDRESS), gpa);
		return true;
	}
	return leave(run, qualification, gpa, TD_EEQ_NONE);
}

bool td_exit_ept_misconfiguration(struct td_run *run)
{
	u64 gpa = vmread(VMCS_GUEST_PHYSICAL_ADDRESS);

	if (td_ept_refresh_at(run, gpa))
		return true;
	if (gpa_is_private(run->tdcs, gpa))
		verdict_stop("core %u: EPT misconfiguration at private GPA 0x%lx", run->cpu->index, gpa);
	td_leave(run, TDX_SUCCESS, VMX_REASON_EPT_MISCONFIGURATION);
	run->exit_qualification = 0;
	run->exit_gpa = ALIGN_DOWN(gpa, PAGE_SIZE);
	return false;
}
