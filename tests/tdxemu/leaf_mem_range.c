/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves that take translations away and bring them back: block, track, unblock.
 *
 * BLOCK notes the TD's epoch in the PAMT entry of what the entry points to (the page, or the table). TRACK opens the
 * next epoch once no vCPU is left from the one before the current. A blocked range is tracked when no vCPU that
 * entered in its epoch or earlier is still inside (sept_is_tracked()).
 * Any core. Manual: TDX Module Base, "TLB Tracking"; tdx-host-td.md 7.6, 8.6, 8.7.
 */
#include "tests/tdxemu/seamcall.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/mem_operand.h"
#include "tests/tdxemu/refusal.h"

/* clang-format off */
static const struct block_pair {
	enum sept_state open, blocked;
} block_pairs[] = {
	{ SEPT_MAPPED, SEPT_BLOCKED },
	{ SEPT_PENDING, SEPT_PENDING_BLOCKED },
	{ SEPT_NL_MAPPED, SEPT_NL_BLOCKED },
};
/* clang-format on */

static const struct block_pair *pair_of(enum sept_state state)
{
	for (u32 i = 0; i < ARRAY_SIZE(block_pairs); i++)
		if (block_pairs[i].open == state || block_pairs[i].blocked == state)
			return &block_pairs[i];
	return NULL;
}

/* PAMT entry of the page or table behind the entry; the entry's lock keeps it where it is. */
static struct pamt_entry *target_of(const struct mem_operand *mem)
{
	enum tdx_level level = sept_entry_is_leaf(mem->entry) ? mem->level : TDX_LEVEL_4K;

	return pamt_entry_at(sept_entry_hpa(mem->entry, level), level);
}

static void change_state(struct mem_operand *mem, enum sept_state state)
{
	/* The address without the ACCEPT progress of a 2M page: a blocked page starts over. */
	sept_entry_write(mem->walk.entry, sept_entry_make(state, sept_entry_hpa(mem->entry, mem->level)));
}

static u64 block(struct mem_operand *mem, u64 gpr[GPR_COUNT])
{
	const struct block_pair *pair = pair_of(mem->state);

	if (pair == NULL)
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	if (mem->state == pair->blocked)
		return mem_refuse(mem, gpr, TDX_GPA_RANGE_ALREADY_BLOCKED | TDX_OPERAND_ID_RCX);
	change_state(mem, pair->blocked);
	/* The epoch is read after the entry changed: a vCPU of a later epoch cannot have the old translation. */
	target_of(mem)->bepoch = __atomic_load_n(&mem->td.tdcs->td_epoch, __ATOMIC_SEQ_CST);
	return TDX_SUCCESS;
}

u64 leaf_mem_range_block(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_4K, MEM_LEVEL_ROOT, LOCK_EXCLUSIVE, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = block(&mem, gpr);
	mem_drop(&mem);
	return status;
}

static u64 unblock(struct mem_operand *mem, u64 gpr[GPR_COUNT])
{
	const struct block_pair *pair = pair_of(mem->state);

	if (pair == NULL || mem->state != pair->blocked)
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	if (td_needs_tracking(mem->td.tdcs) && !sept_is_tracked(mem->td.tdcs, target_of(mem)->bepoch))
		return TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_ID_SEPT_TREE;
	change_state(mem, pair->open);
	return TDX_SUCCESS;
}

u64 leaf_mem_range_unblock(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_4K, MEM_LEVEL_ROOT, LOCK_EXCLUSIVE, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = unblock(&mem, gpr);
	mem_drop(&mem);
	return status;
}

static u64 track(struct tdcs *tdcs)
{
	u64 status = TDX_PREVIOUS_TLB_EPOCH_BUSY;
	u64 previous;

	if (!sharex_try(&tdcs->epoch_lock, LOCK_EXCLUSIVE))
		return BUSY(TD_EPOCH);
	previous = 1 - (tdcs->td_epoch & 1);
	if (__atomic_load_n(&tdcs->refcount[previous], __ATOMIC_ACQUIRE) == 0) {
		__atomic_fetch_add(&tdcs->td_epoch, 1, __ATOMIC_SEQ_CST);
		status = TDX_SUCCESS;
	}
	sharex_release(&tdcs->epoch_lock, LOCK_EXCLUSIVE);
	return status;
}

u64 leaf_mem_track(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct td_ref td;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_SHARED, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&td, OP_STATE_SHARED, MEM_BUILD_OR_RUN);
	if (status == TDX_SUCCESS)
		status = track(td.tdcs);
	td_drop(&td);
	return status;
}
