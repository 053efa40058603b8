/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves that move private pages: add at build time, augment, remove, relocate.
 * Any core. Manual: TDX Module ABI, "TDH.MEM.PAGE.*"; tdx-host-td.md 8.4, 8.5, 8.8, 8.11.
 */
#include "tests/tdxemu/seamcall.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/measure.h"
#include "tests/tdxemu/mem_operand.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/refusal.h"

static bool is_private_leaf(enum sept_state state)
{
	return state == SEPT_MAPPED || state == SEPT_BLOCKED || state == SEPT_PENDING || state == SEPT_PENDING_BLOCKED;
}

/* The TDR is held exclusively, so neither the tree nor the entry needs its lock. */
static u64 page_add(struct emu_cpu *cpu, struct mem_operand *mem, u64 rcx, u64 gpr[GPR_COUNT])
{
	u64 target = gpr[GPR_R8], source = gpr[GPR_R9];
	struct pamt_ref page;
	u64 status;

	status = mem_parse(mem->td.tdcs, rcx, TDX_LEVEL_4K, TDX_LEVEL_4K, &mem->gpa, &mem->level);
	if (status != TDX_SUCCESS)
		return status;
	mem->walk = sept_find(mem->td.tdr, mem->gpa, mem->level);
	if (!mem->walk.reached)
		return mem_refuse(mem, gpr, TDX_EPT_WALK_FAILED | TDX_OPERAND_ID_RCX);
	if (sept_entry_state(sept_entry_read(mem->walk.entry)) != SEPT_FREE)
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	if (!hpa_is_shared(source, PAGE_SIZE, PAGE_SIZE))
		return INVALID(R9);
	status = pamt_take(target, TDX_OPERAND_ID_R8, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &page);
	if (status != TDX_SUCCESS)
		return status;
	page_enter(cpu, &page, PT_REG, mem->td.pamt.hpa, HIDDEN_PRIVATE);
	memmove(phys(target), phys(hpa_without_hkid(source)), PAGE_SIZE);
	sept_entry_write(mem->walk.entry, sept_entry_make(SEPT_MAPPED, target));
	sept_entry_unlock(mem->walk.entry);
	measure_page_add(mem->td.tdcs, mem->gpa);
	mem->td.tdr->child_count++;
	pamt_drop(&page);
	return TDX_SUCCESS;
}

u64 leaf_mem_page_add(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem = { 0 };
	u64 rcx = gpr[GPR_RCX], tdr = gpr[GPR_RDX];
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_RCX] = gpr[GPR_RDX] = 0;
	status = td_take(tdr, TDX_OPERAND_ID_RDX, LOCK_EXCLUSIVE, &mem.td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&mem.td, OP_STATE_UNLOCKED, BIT(OP_INITIALIZED));
	if (status == TDX_SUCCESS)
		status = page_add(cpu, &mem, rcx, gpr);
	td_drop(&mem.td);
	return status;
}

u64 leaf_mem_page_aug(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	struct pamt_ref page;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_4K, TDX_LEVEL_2M, LOCK_SHARED, &mem);
	if (status != TDX_SUCCESS)
		return status;
	if (mem.state != SEPT_FREE)
		status = mem_refuse(&mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	else
		status = pamt_take(gpr[GPR_R8], TDX_OPERAND_ID_R8, mem.level, PT_NDA, LOCK_EXCLUSIVE, &page);
	if (status == TDX_SUCCESS) {
		page_enter(cpu, &page, PT_REG, mem.td.pamt.hpa, HIDDEN_PRIVATE);
		sept_entry_write(mem.walk.entry, sept_entry_make(SEPT_PENDING, page.hpa));
		__atomic_fetch_add(&mem.td.tdr->child_count, level_pages(mem.level), __ATOMIC_RELAXED);
		pamt_drop(&page);
	}
	mem_drop(&mem);
	return status;
}

static u64 page_remove(struct mem_operand *mem, u64 gpr[GPR_COUNT])
{
	u64 hpa = sept_entry_hpa(mem->entry, mem->level);
	struct pamt_ref page;
	u64 status;

	if (!is_private_leaf(mem->state))
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	status = pamt_take_implicit(hpa, mem->level, BUSY(RCX), LOCK_EXCLUSIVE, &page);
	if (status != TDX_SUCCESS)
		return status;
	status = mem_check_tracked(mem, page.entry, gpr);
	if (status == TDX_SUCCESS) {
		sept_entry_write(mem->walk.entry, SEPT_ENTRY_FREE);
		gpr[GPR_RCX] = hpa | page_leave(hpa, mem->level, mem->td.tdr->hkid);
		__atomic_fetch_sub(&mem->td.tdr->child_count, level_pages(mem->level), __ATOMIC_RELAXED);
	}
	pamt_drop(&page);
	return status;
}

u64 leaf_mem_page_remove(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_4K, TDX_LEVEL_1G, LOCK_SHARED, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = page_remove(&mem, gpr);
	mem_drop(&mem);
	return status;
}

/* Old and new page are held; nothing fails. The hint for the old page. */
static u64 move_page(struct emu_cpu *cpu, struct mem_operand *mem, u64 old_hpa, const struct pamt_ref *new_page)
{
	bool pending = mem->state == SEPT_PENDING || mem->state == SEPT_PENDING_BLOCKED;

	page_enter(cpu, new_page, PT_REG, mem->td.pamt.hpa, HIDDEN_PRIVATE);
	if (!pending)
		memcpy(phys(new_page->hpa), phys(old_hpa), PAGE_SIZE);
	sept_entry_write(mem->walk.entry, sept_entry_make(pending ? SEPT_PENDING : SEPT_MAPPED, new_page->hpa));
	return page_leave(old_hpa, TDX_LEVEL_4K, mem->td.tdr->hkid);
}

static u64 page_relocate(struct emu_cpu *cpu, struct mem_operand *mem, u64 gpr[GPR_COUNT])
{
	u64 old_hpa = sept_entry_hpa(mem->entry, mem->level);
	struct pamt_ref old_page, new_page;
	u64 status;

	if (!is_private_leaf(mem->state))
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	if (gpr[GPR_R8] == old_hpa)
		return INVALID(R8);
	status = pamt_take_implicit(old_hpa, TDX_LEVEL_4K, BUSY(RCX), LOCK_EXCLUSIVE, &old_page);
	if (status != TDX_SUCCESS)
		return status;
	status = mem_check_tracked(mem, old_page.entry, gpr);
	if (status == TDX_SUCCESS)
		status = pamt_take(gpr[GPR_R8], TDX_OPERAND_ID_R8, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &new_page);
	if (status == TDX_SUCCESS) {
		gpr[GPR_RCX] = old_hpa | move_page(cpu, mem, old_hpa, &new_page);
		pamt_drop(&new_page);
	}
	pamt_drop(&old_page);
	return status;
}

u64 leaf_mem_page_relocate(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_4K, TDX_LEVEL_4K, LOCK_SHARED, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = page_relocate(cpu, &mem, gpr);
	mem_drop(&mem);
	return status;
}
