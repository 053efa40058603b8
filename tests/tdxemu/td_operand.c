/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory operands of TDCALL leaves. A private operand is looked up in the Secure EPT, a shared one in the host's
 * shared EPT; a page that is not there ends in #VE or a TD exit, and the guest repeats the TDCALL afterwards.
 * The result stays good for the leaf: a mapping can only be taken away after this vCPU has left the TD.
 * Called by guest leaves on the core that runs the TD. Manual: tdx-guest-abi.md 1.5.
 */
#include "include/spec/tdx/status.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/sept.h"
#include "tests/tdxemu/td_ept.h"
#include "tests/tdxemu/td_ve.h"
#include "tests/tdxemu/tdcall.h"

#define ENTRY_PERMISSIONS (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define QUALIFICATION_PERMISSIONS_SHIFT 3

static u64 access_bit(enum guest_access access)
{
	return access == GUEST_WRITE ? EPT_VIOLATION_WRITE : EPT_VIOLATION_READ;
}

static enum tdcall_outcome leave(struct td_run *run, u32 reason, u64 qualification, u64 gpa,
				 enum td_exit_extended extended)
{
	run->exit_status = TDX_SUCCESS | reason;
	run->exit_qualification = qualification;
	run->exit_extended = extended;
	run->exit_gpa = ALIGN_DOWN(gpa, PAGE_SIZE);
	run->exit_interruption = 0;
	return TDCALL_EXIT;
}

static enum tdcall_outcome raise_ve(struct td_run *run, u64 qualification, u64 gpa)
{
	td_inject_ve(run, VMX_REASON_EPT_VIOLATION, qualification, 0, gpa);
	return TDCALL_VE;
}

static enum tdcall_outcome private_operand(struct td_run *run, u64 gpa, enum guest_access access, u64 *hpa)
{
	struct sept_walk walk = sept_leaf(run->tdr, gpa);
	u64 entry = sept_entry_read(walk.entry);
	u64 needed = access == GUEST_WRITE ? EPT_READ | EPT_WRITE : EPT_READ;
	u64 qualification = access_bit(access) | (entry & ENTRY_PERMISSIONS) << QUALIFICATION_PERMISSIONS_SHIFT;

	if (sept_entry_is_leaf(entry) && (entry & needed) == needed) {
		*hpa = sept_entry_hpa(entry, walk.level) + (gpa & (level_bytes(walk.level) - 1));
		return TDCALL_DONE;
	}
	if (sept_entry_state(entry) != SEPT_PENDING)
		return leave(run, TD_EXIT_EPT_VIOLATION, qualification, gpa, TD_EEQ_NONE);
	if (run->tdcs->td_ctls & TD_CTLS_PENDING_VE_DISABLE)
		return leave(run, TD_EXIT_EPT_VIOLATION, qualification, gpa, TD_EEQ_PENDING_EPT_VIOLATION);
	return raise_ve(run, qualification, gpa);
}

static enum tdcall_outcome shared_operand(struct td_run *run, u64 gpa, enum guest_access access, u64 *hpa)
{
	switch (td_ept_walk_shared(run, gpa, access, hpa)) {
	case SHARED_MAPPED:
		return TDCALL_DONE;
	case SHARED_VE:
		return raise_ve(run, access_bit(access), gpa);
	case SHARED_VIOLATION:
		return leave(run, TD_EXIT_EPT_VIOLATION, access_bit(access), gpa, TD_EEQ_NONE);
	default:
		return leave(run, TD_EXIT_EPT_MISCONFIGURATION, 0, gpa, TD_EEQ_NONE);
	}
}

enum tdcall_outcome td_operand(struct td_run *run, u64 gpa, enum guest_access access, u32 operand, u64 *hpa,
			       u64 *status)
{
	u64 shared_bit = td_shared_bit(run->tdcs);

	*status = TDX_SUCCESS;
	if (gpa >= shared_bit << 1) {
		*status = TDX_OPERAND_INVALID | operand;
		return TDCALL_DONE;
	}
	if (gpa & shared_bit)
		return shared_operand(run, gpa, access, hpa);
	return private_operand(run, gpa, access, hpa);
}
