/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDG.MEM.PAGE.ACCEPT: the TD takes a page the host offered.
 *
 * The entry is locked while its pages are zeroed. A 2M page is zeroed 4 KiB at a time; when a physical event is
 * pending the number of pages done is kept in bits 20:12 of the entry, which is not present to the CPU, and the TDCALL
 * starts over there.
 * The core the vCPU runs on. Manual: TDX Module ABI, "TDG.MEM.PAGE.ACCEPT Leaf"; tdx-guest-abi.md 1.6.6.
 */
#include "tests/tdxemu/tdcall.h"

#include "include/spec/tdx/vp_enter.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/mem_operand.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/sept.h"

#define ACCESS_RIGHTS_SHIFT 3	/* of the entry, in an EPT-violation qualification */
#define ENTRY_RIGHTS_MASK 7ull

/* An entry that cannot be accepted: the host has to do something first, or to explain itself. */
static enum tdcall_outcome exit_to_host(struct td_run *run, const struct sept_walk *walk, u64 entry, u64 gpa,
					enum tdx_level level)
{
	u64 details = (u64)level << TD_EEQ_ACCEPT_LEVEL_SHIFT | (u64)walk->level << TD_EEQ_ACCEPT_FAIL_LEVEL_SHIFT |
		      (u64)sept_entry_state(entry) << TD_EEQ_ACCEPT_STATE_SHIFT;

	if (sept_entry_is_leaf(entry))
		details |= BIT(TD_EEQ_ACCEPT_LEAF_SHIFT);
	run->exit_status = TD_EXIT_EPT_VIOLATION;
	run->exit_qualification = EPT_VIOLATION_WRITE | (entry & ENTRY_RIGHTS_MASK) << ACCESS_RIGHTS_SHIFT;
	run->exit_extended = TD_EEQ_ACCEPT | details;
	run->exit_gpa = gpa;
	run->exit_interruption = 0;
	return TDCALL_EXIT;
}

/* Zero the page from where an interrupted attempt stopped; the entry is locked. False: stopped again, progress noted. */
static bool zero_page(struct td_run *run, u64 *entry, u64 value, enum tdx_level level)
{
	u64 hpa = sept_entry_hpa(value, level);
	u64 at = value & EPT_ADDRESS_MASK;

	for (; at < hpa + level_bytes(level); at += PAGE_SIZE) {
		if (at != (value & EPT_ADDRESS_MASK) && td_physical_event(run)) {
			sept_entry_write(entry, (value & ~EPT_ADDRESS_MASK) | at);
			return false;
		}
		memset(phys(at), 0, PAGE_SIZE);
	}
	return true;
}

static enum tdcall_outcome accept_locked(struct td_run *run, const struct sept_walk *walk, u64 gpa,
					 enum tdx_level level, u64 *status)
{
	u64 entry = sept_entry_read(walk->entry);
	enum sept_state state = sept_entry_state(entry);

	if (state == SEPT_MAPPED) {
		*status = TDX_PAGE_ALREADY_ACCEPTED | walk->level;
		return TDCALL_DONE;
	}
	if (walk->reached && level == TDX_LEVEL_2M && (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED)) {
		*status = TDX_PAGE_SIZE_MISMATCH | TDX_LEVEL_2M;
		return TDCALL_DONE;
	}
	if (!walk->reached || state != SEPT_PENDING)
		return exit_to_host(run, walk, entry, gpa, level);
	if (!zero_page(run, walk->entry, entry, level))
		return TDCALL_RESTART;
	sept_entry_write(walk->entry, sept_entry_make(SEPT_MAPPED, sept_entry_hpa(entry, level)));
	*status = TDX_SUCCESS;
	return TDCALL_DONE;
}

enum tdcall_outcome tdg_mem_page_accept(struct td_run *run, u32 version, u64 *status)
{
	enum tdcall_outcome outcome = TDCALL_DONE;
	enum tdx_level level;
	struct sept_walk walk;
	u64 gpa;

	*status = INVALID(RAX);
	if (version != 0)
		return TDCALL_DONE;
	*status = mem_parse(run->tdcs, run->gpr[GPR_RCX], TDX_LEVEL_4K, TDX_LEVEL_2M, &gpa, &level);
	if (*status != TDX_SUCCESS)
		return TDCALL_DONE;
	walk = sept_find(run->tdr, gpa, level);
	*status = BUSY(RCX);
	if (sept_entry_lock(walk.entry)) {
		outcome = accept_locked(run, &walk, gpa, level, status);
		sept_entry_unlock(walk.entry);
	}
	return outcome;
}
