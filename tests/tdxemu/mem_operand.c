/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Front end of the memory leaves. Order: TDR (shared), state with OP_STATE (shared), form of RCX, tree lock, walk,
 * entry lock; the entry is read again under its lock.
 * Any core. Manual: tdx-host-td.md 2.7, 7.5, 7.6, 8 ("common front end").
 */
#include "tests/tdxemu/mem_operand.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/refusal.h"

u64 mem_parse(const struct tdcs *tdcs, u64 rcx, enum tdx_level lowest, enum tdx_level highest, u64 *gpa,
	      enum tdx_level *level)
{
	*level = (enum tdx_level)(rcx & SEPT_LEVEL_MASK);
	*gpa = rcx & SEPT_GPA_MASK;
	if ((rcx & ~(SEPT_LEVEL_MASK | SEPT_GPA_MASK)) != 0 || *level < lowest || *level > highest ||
	    *level > sept_root_level(tdcs) || !IS_ALIGNED(*gpa, level_bytes(*level)) || !gpa_is_private(tdcs, *gpa))
		return INVALID(RCX);
	return TDX_SUCCESS;
}

u64 mem_refuse(const struct mem_operand *mem, u64 gpr[GPR_COUNT], u64 status)
{
	sept_info(&mem->walk, &gpr[GPR_RCX], &gpr[GPR_RDX]);
	return status;
}

static u64 find_entry(u64 gpr[GPR_COUNT], struct mem_operand *mem)
{
	mem->walk = sept_find(mem->td.tdr, mem->gpa, mem->level);
	if (!mem->walk.reached)
		return mem_refuse(mem, gpr, TDX_EPT_WALK_FAILED | TDX_OPERAND_ID_RCX);
	if (!sept_entry_lock(mem->walk.entry))
		return mem_refuse(mem, gpr, BUSY(RCX));
	mem->entry_locked = true;
	mem->entry = sept_entry_read(mem->walk.entry);
	mem->state = sept_entry_state(mem->entry);
	return TDX_SUCCESS;
}

u64 mem_take(u64 gpr[GPR_COUNT], u64 tdr, enum tdx_level lowest, enum tdx_level highest, enum lock_mode tree_mode,
	     struct mem_operand *mem)
{
	u64 rcx = gpr[GPR_RCX];
	u64 status;

	*mem = (struct mem_operand){ .tree_mode = tree_mode };
	gpr[GPR_RCX] = gpr[GPR_RDX] = 0;
	status = td_take(tdr, TDX_OPERAND_ID_RDX, LOCK_SHARED, &mem->td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&mem->td, OP_STATE_SHARED, MEM_BUILD_OR_RUN);
	if (status == TDX_SUCCESS)
		status = mem_parse(mem->td.tdcs, rcx, lowest, highest, &mem->gpa, &mem->level);
	if (status == TDX_SUCCESS) {
		mem->tree_locked = sharex_try(&mem->td.tdcs->sept_lock, tree_mode);
		status = mem->tree_locked ? find_entry(gpr, mem) : BUSY(SEPT_TREE);
	}
	if (status != TDX_SUCCESS)
		mem_drop(mem);
	return status;
}

u64 mem_check_tracked(const struct mem_operand *mem, const struct pamt_entry *page, u64 gpr[GPR_COUNT])
{
	if (!td_needs_tracking(mem->td.tdcs))
		return TDX_SUCCESS;
	if (mem->state != SEPT_BLOCKED && mem->state != SEPT_PENDING_BLOCKED && mem->state != SEPT_NL_BLOCKED)
		return mem_refuse(mem, gpr, TDX_GPA_RANGE_NOT_BLOCKED | TDX_OPERAND_ID_RCX);
	if (!sept_is_tracked(mem->td.tdcs, page->bepoch))
		return TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_ID_RCX;
	return TDX_SUCCESS;
}

void mem_drop(struct mem_operand *mem)
{
	if (mem->entry_locked)
		sept_entry_unlock(mem->walk.entry);
	if (mem->tree_locked)
		sharex_release(&mem->td.tdcs->sept_lock, mem->tree_mode);
	td_drop(&mem->td);
	mem->entry_locked = mem->tree_locked = false;
}
