/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves on Secure EPT tables: add, read an entry, remove.
 * This module has no L2 VMs, so version 1 of ADD and REMOVE finds no L2 tables to work on.
 * Any core. Manual: TDX Module ABI, "TDH.MEM.SEPT.*"; tdx-host-td.md 8.1-8.3.
 */
#include "tests/tdxemu/seamcall.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/mem_operand.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/refusal.h"

#define TDR_FLAG_BITS 0xfffull	/* RDX 11:0, where leaves have flags */
#define NOT_USED BIT(63)	/* in R8..R11 on return: this page was not needed */

static u64 check_no_l2_pages(const u64 gpr[GPR_COUNT])
{
	for (u32 reg = GPR_R9; reg <= GPR_R11; reg++)
		if ((gpr[reg] | NOT_USED) != SEPT_NULL_PAGE)
			return TDX_OPERAND_INVALID | reg;	/* register numbers are their operand ids */
	return TDX_SUCCESS;
}

static u64 add_table(struct emu_cpu *cpu, struct mem_operand *mem, u64 hpa)
{
	struct pamt_ref page;
	u64 status = pamt_take(hpa, TDX_OPERAND_ID_R8, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &page);

	if (status != TDX_SUCCESS)
		return status;
	page_enter(cpu, &page, PT_EPT, mem->td.pamt.hpa, HIDDEN_SEPT);
	sept_fill_free(hpa);
	sept_entry_write(mem->walk.entry, sept_entry_make(SEPT_NL_MAPPED, hpa));
	__atomic_fetch_add(&mem->td.tdr->child_count, 1, __ATOMIC_RELAXED);
	pamt_drop(&page);
	return TDX_SUCCESS;
}

/* R8 after a success of version 1: consumed, not needed, or none was offered. */
static void report_page_v1(u64 gpr[GPR_COUNT], bool used)
{
	if (used)
		gpr[GPR_R8] = SEPT_NULL_PAGE;
	else
		gpr[GPR_R8] |= NOT_USED;
}

static u64 sept_add(struct emu_cpu *cpu, struct mem_operand *mem, u64 gpr[GPR_COUNT], u32 version, bool allow_existing)
{
	u64 hpa = version == 1 && gpr[GPR_R8] != SEPT_NULL_PAGE ? gpr[GPR_R8] & ~NOT_USED : gpr[GPR_R8];
	u64 status = TDX_SUCCESS;

	if (mem->state != SEPT_FREE && mem->state != SEPT_NL_MAPPED)
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	if (hpa == SEPT_NULL_PAGE && (version == 0 || mem->state != SEPT_NL_MAPPED))
		return INVALID(R8);
	if (mem->state == SEPT_NL_MAPPED && !allow_existing)
		return mem_refuse(mem, gpr, TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	if (version == 1)
		status = check_no_l2_pages(gpr);
	if (status == TDX_SUCCESS && mem->state == SEPT_FREE)
		status = add_table(cpu, mem, hpa);
	if (status == TDX_SUCCESS && version == 1)
		report_page_v1(gpr, mem->state == SEPT_FREE);
	return status;
}

u64 leaf_mem_sept_add(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 rdx = gpr[GPR_RDX];
	struct mem_operand mem;
	u64 status;

	if (version > 1)
		return INVALID(RAX);
	if ((rdx & TDR_FLAG_BITS & ~SEPT_ADD_ALLOW_EXISTING) != 0) {
		gpr[GPR_RCX] = gpr[GPR_RDX] = 0;
		return INVALID(RDX);
	}
	status = mem_take(gpr, rdx & ~SEPT_ADD_ALLOW_EXISTING, TDX_LEVEL_2M, MEM_LEVEL_ROOT, LOCK_SHARED, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = sept_add(cpu, &mem, gpr, version, (rdx & SEPT_ADD_ALLOW_EXISTING) != 0);
	mem_drop(&mem);
	return status;
}

u64 leaf_mem_sept_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	/* READ_L2_ATTRIBUTES is for debug TDs, which this module does not offer: a flag in RDX is a misaligned TDR. */
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_4K, MEM_LEVEL_ROOT, LOCK_SHARED, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = mem_refuse(&mem, gpr, TDX_SUCCESS);
	mem_drop(&mem);
	return status;
}

static bool all_free(u64 table)
{
	const u64 *entries = phys(table);

	for (u32 i = 0; i < EPT_ENTRIES; i++)
		if (sept_entry_state(sept_entry_read(&entries[i])) != SEPT_FREE)
			return false;
	return true;
}

static u64 remove_table(struct mem_operand *mem, u64 gpr[GPR_COUNT])
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
	if (status == TDX_SUCCESS && !all_free(table))
		status = mem_refuse(mem, gpr, TDX_EPT_PAGE_NOT_FREE | TDX_OPERAND_ID_RCX);
	if (status == TDX_SUCCESS) {
		sept_entry_write(mem->walk.entry, SEPT_ENTRY_FREE);
		gpr[GPR_RCX] = table | page_leave(table, TDX_LEVEL_4K, mem->td.tdr->hkid);
		__atomic_fetch_sub(&mem->td.tdr->child_count, 1, __ATOMIC_RELAXED);
	}
	pamt_drop(&page);
	return status;
}

u64 leaf_mem_sept_remove(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct mem_operand mem;
	u64 status;

	(void)cpu;
	if (version > 1)
		return INVALID(RAX);
	status = mem_take(gpr, gpr[GPR_RDX], TDX_LEVEL_2M, MEM_LEVEL_ROOT, LOCK_EXCLUSIVE, &mem);
	if (status != TDX_SUCCESS)
		return status;
	status = remove_table(&mem, gpr);
	if (status == TDX_SUCCESS && version == 1)
		gpr[GPR_R9] = gpr[GPR_R10] = gpr[GPR_R11] = SEPT_NULL_PAGE;
	mem_drop(&mem);
	return status;
}
