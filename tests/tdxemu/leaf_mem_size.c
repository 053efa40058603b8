/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves that change the size of a mapping: 512 pages that lie together become one large page, and back.
 *
 * Both keep every byte where it is; only entries and page metadata change. PROMOTE takes the tree lock exclusively
 * (the real module: shared, plus each child entry): a table that goes away must have nobody in it, and a refusal more
 * is allowed.
 * With dynamic PAMT the small entries of a 2M page come and go with a page pair: DEMOTE takes it in R12 and R13,
 * PROMOTE gives it back there.
 * Any core. Manual: TDX Module ABI, "TDH.MEM.PAGE.PROMOTE Leaf", "TDH.MEM.PAGE.DEMOTE Leaf"; tdx-host-td.md 8.9, 8.10.
 */
#include "tests/tdxemu/seamcall.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/mem_operand.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/tdxemu/refusal.h"

#define TDR_FLAG_BITS 0xfffull	/* RDX 11:0, where leaves have flags */
#define DEMOTE_L2_SEPT_ADD_MODE BIT(0)
#define NOT_USED BIT(63)

/* Are all 512 children in one state, and one run of pages aligned to the large size? Its first page, or SEPT_NULL_PAGE. */
static u64 run_of(const u64 *children, enum tdx_level large, enum sept_state *state)
{
	u64 first = sept_entry_hpa(sept_entry_read(&children[0]), large - 1);

	*state = sept_entry_state(sept_entry_read(&children[0]));
	if ((*state != SEPT_MAPPED && *state != SEPT_PENDING) || !IS_ALIGNED(first, level_bytes(large)))
		return SEPT_NULL_PAGE;
	for (u64 i = 1; i < EPT_ENTRIES; i++) {
		u64 child = sept_entry_read(&children[i]);

		if (sept_entry_state(child) != *state ||
		    sept_entry_hpa(child, large - 1) != first + i * level_bytes(large - 1))
			return SEPT_NULL_PAGE;
	}
	return first;
}

static bool lock_children(u64 *children)
{
	for (u32 i = 0; i < EPT_ENTRIES; i++) {
		if (sept_entry_lock(&children[i]))
			continue;
		while (i-- > 0)
			sept_entry_unlock(&children[i]);
		return false;
	}
	return true;
}

static void unlock_children(u64 *children)
{
	for (u32 i = 0; i < EPT_ENTRIES; i++)
		sept_entry_unlock(&children[i]);
}

/* Do the 4K entries of this 2M page lie in pages of their own? */
static bool needs_pair(const struct mem_operand *mem)
{
	return module.dynamic_pamt && mem->level == TDX_LEVEL_2M;
}

static u64 join(struct mem_operand *mem, u64 table, u64 gpr[GPR_COUNT])
{
	struct pamt_pair pair;
	struct pamt_ref large;
	enum sept_state state;
	u64 first = run_of(phys(table), mem->level, &state);
	u64 status;

	if (first == SEPT_NULL_PAGE)
		return mem_refuse(mem, gpr, TDX_EPT_INVALID_PROMOTE_CONDITIONS | TDX_OPERAND_ID_RCX);
	status = pamt_take_implicit(first, mem->level, BUSY(RCX), LOCK_EXCLUSIVE, &large);
	if (status != TDX_SUCCESS)
		return status;
	pamt_join(first, mem->level, mem->td.pamt.hpa, &pair);
	sept_entry_write(mem->walk.entry, sept_entry_make(state, first));
	if (needs_pair(mem)) {
		gpr[GPR_R12] = pair.pages[0];
		gpr[GPR_R13] = pair.pages[1];
	}
	pamt_drop(&large);
	return TDX_SUCCESS;
}

static u64 promote(struct mem_operand *mem, u64 gpr[GPR_COUNT])
{
	u64 table = sept_entry_hpa(mem->entry, TDX_LEVEL_4K);
	struct pamt_ref page;
	u64 status;

	if (mem->state != SEPT_NL_MAPPED && mem->state != SEPT_NL_BLOCKED)
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	status = pamt_take_implicit(table, TDX_LEVEL_4K, BUSY(RCX), LOCK_EXCLUSIVE, &page);
	if (status != TDX_SUCCESS)
		return status;
	status = mem_check_tracked(mem, page.entry, gpr);
	if (status == TDX_SUCCESS && !lock_children(phys(table)))
		status = BUSY(RCX);
	else if (status == TDX_SUCCESS) {
		status = join(mem, table, gpr);
		unlock_children(phys(table));
	}
	if (status == TDX_SUCCESS) {
		gpr[GPR_RCX] = table | page_leave(table, TDX_LEVEL_4K, mem->td.tdr->hkid);
		__atomic_fetch_sub(&mem->td.tdr->child_count, 1, __ATOMIC_RELAXED);
	}
	pamt_drop(&page);
	return status;
}

u64 leaf_mem_page_promote(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	u64 status;

	(void)cpu;
	if (version > 1)
		return INVALID(RAX);
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_2M, TDX_LEVEL_1G, LOCK_EXCLUSIVE, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = promote(&mem, gpr);
	if (status == TDX_SUCCESS && version == 1)
		gpr[GPR_R9] = gpr[GPR_R10] = gpr[GPR_R11] = SEPT_NULL_PAGE;
	mem_drop(&mem);
	return status;
}

/* R12 and R13 of DEMOTE, in the order of the module: form, coverage, use. */
static u64 take_pair(const struct pamt_pair *pair)
{
	static const u32 operands[] = { TDX_OPERAND_ID_R12, TDX_OPERAND_ID_R13 };

	for (u32 i = 0; i < ARRAY_SIZE(operands); i++)
		if (!hpa_is_plain(pair->pages[i], PAGE_SIZE))
			return TDX_OPERAND_INVALID | operands[i];
	for (u32 i = 0; i < ARRAY_SIZE(operands); i++)
		if (pamt_tdmr_of(pair->pages[i]) == NULL)
			return TDX_OPERAND_ADDR_RANGE_ERROR | operands[i];
	return pamt_pair_take(pair, operands, PAMT_PAIR_NO_REGION);
}

static void split(struct emu_cpu *cpu, struct mem_operand *mem, u64 first, const struct pamt_ref *table,
		  const struct pamt_pair *pair)
{
	bool pending = mem->state == SEPT_PENDING || mem->state == SEPT_PENDING_BLOCKED;
	u64 *children = phys(table->hpa);

	page_enter(cpu, table, PT_EPT, mem->td.pamt.hpa, HIDDEN_SEPT);
	for (u64 i = 0; i < EPT_ENTRIES; i++)
		children[i] = sept_entry_make(pending ? SEPT_PENDING : SEPT_MAPPED,
					      first + i * level_bytes(mem->level - 1));
	pamt_split(first, mem->level, mem->td.pamt.hpa, pair);
	sept_entry_write(mem->walk.entry, sept_entry_make(SEPT_NL_MAPPED, table->hpa));
	__atomic_fetch_add(&mem->td.tdr->child_count, 1, __ATOMIC_RELAXED);
}

static u64 demote(struct emu_cpu *cpu, struct mem_operand *mem, u64 gpr[GPR_COUNT])
{
	struct pamt_pair pair = { { gpr[GPR_R12], gpr[GPR_R13] } };
	u64 first = sept_entry_hpa(mem->entry, mem->level);
	struct pamt_ref table, large;
	u64 status;

	if (mem->state != SEPT_MAPPED && mem->state != SEPT_BLOCKED && mem->state != SEPT_PENDING &&
	    mem->state != SEPT_PENDING_BLOCKED)
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	status = mem_check_tracked(mem, pamt_entry_at(first, mem->level), gpr);
	if (status == TDX_SUCCESS)
		status = pamt_take(gpr[GPR_R8], TDX_OPERAND_ID_R8, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &table);
	if (status != TDX_SUCCESS)
		return status;
	status = pamt_take_implicit(first, mem->level, BUSY(RCX), LOCK_EXCLUSIVE, &large);
	if (status == TDX_SUCCESS) {
		if (needs_pair(mem))
			status = take_pair(&pair);
		if (status == TDX_SUCCESS)
			split(cpu, mem, first, &table, &pair);
		pamt_drop(&large);
	}
	pamt_drop(&table);
	return status;
}

/* L2 pages that were offered and not needed come back marked. */
static void return_l2_pages(u64 gpr[GPR_COUNT])
{
	for (u32 reg = GPR_R9; reg <= GPR_R11; reg++)
		gpr[reg] |= NOT_USED;
}

u64 leaf_mem_page_demote(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 rdx = gpr[GPR_RDX];
	struct mem_operand mem;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	if ((rdx & TDR_FLAG_BITS & ~DEMOTE_L2_SEPT_ADD_MODE) != 0) {
		gpr[GPR_RCX] = gpr[GPR_RDX] = 0;
		return INVALID(RDX);
	}
	status = mem_take(gpr, rdx & ~DEMOTE_L2_SEPT_ADD_MODE, TDX_LEVEL_2M, TDX_LEVEL_1G, LOCK_SHARED, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = demote(cpu, &mem, gpr);
	if (status == TDX_SUCCESS)
		return_l2_pages(gpr);
	mem_drop(&mem);
	return status;
}
