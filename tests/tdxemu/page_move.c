/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves of pages between host and module. While a page is free its PAMT entry's BEPOCH is unused; there we remember
 * that a TDH.PHYMEM.PAGE.WBINVD is owed and for which KeyID, so that a page which comes back without it, or was
 * written back under a wrong KeyID, is found. (The rule "write back, then clear" itself is watched by host_view.c;
 * pages without a small entry, which dynamic PAMT knows, have that watch only.)
 * Any core; the caller holds the PAMT entry. Manual: TDX Module Base, "Cache Lines Flushing"; tdx-host-system.md 8.4,
 * 8.5.
 */
#include "tests/tdxemu/page_move.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/tdxemu/verdict.h"

#define OWES_WBINVD (u64)BIT(62)
#define OWES_HKID_MASK (u64)0xffff

static void note_debt(u64 hpa, u64 pages, u64 owed)
{
	for (u64 i = 0; i < pages; i++) {
		struct pamt_entry *small = pamt_find_entry(hpa + i * PAGE_SIZE, TDX_LEVEL_4K);

		if (small != NULL)
			small->bepoch = owed;
	}
}

static u64 free_entries(u64 hpa, enum tdx_level level, u64 owed)
{
	pamt_set(pamt_entry_at(hpa, level), PT_NDA, 0);
	note_debt(hpa, level_pages(level), owed);
	return level == TDX_LEVEL_4K ? pamt_pair_unused(hpa) : 0;
}

static void check_debt(struct emu_cpu *cpu, u64 hpa, u64 pages)
{
	for (u64 i = 0; i < pages; i++) {
		struct pamt_entry *small = pamt_find_entry(hpa + i * PAGE_SIZE, TDX_LEVEL_4K);

		if (small != NULL && (small->bepoch & OWES_WBINVD) != 0)
			verdict_violation(cpu, "missing-wbinvd",
					  "page 0x%lx is used again without PAGE.WBINVD under KeyID %lu",
					  hpa + i * PAGE_SIZE, small->bepoch & OWES_HKID_MASK);
	}
	note_debt(hpa, pages, 0);
}

void page_enter(struct emu_cpu *cpu, const struct pamt_ref *page, enum pamt_page_type type, u64 owner_tdr,
		enum hidden_as kind)
{
	check_debt(cpu, page->hpa, level_pages(page->level));
	pamt_set(page->entry, type, owner_tdr);
	if (page->level == TDX_LEVEL_4K)
		pamt_pair_used(page->hpa);
	host_view_hide(page->hpa, level_bytes(page->level), kind);
}

u64 page_leave(u64 hpa, enum tdx_level level, u16 hkid)
{
	u64 hint = free_entries(hpa, level, OWES_WBINVD | hkid);

	host_view_release(hpa, level_bytes(level), RELEASE_WBINVD_CLEAR);
	return hint;
}

u64 page_leave_flushed(u64 hpa, enum tdx_level level)
{
	u64 hint = free_entries(hpa, level, 0);

	host_view_release(hpa, level_bytes(level), RELEASE_CLEAR);
	return hint;
}

void page_leave_pamt(u64 hpa)
{
	note_debt(hpa, 1, OWES_WBINVD | module.global_hkid);
	host_view_release(hpa, PAGE_SIZE, RELEASE_WBINVD_CLEAR);
}

void page_written_back(struct emu_cpu *cpu, const struct pamt_ref *page, u16 hkid)
{
	u64 owed = page->level == TDX_LEVEL_4K ? page->entry->bepoch : 0;

	if ((owed & OWES_WBINVD) && (owed & OWES_HKID_MASK) != hkid) {
		verdict_violation(cpu, "wrong-wbinvd-keyid", "page 0x%lx was cached under KeyID %lu, not %u", page->hpa,
				  owed & OWES_HKID_MASK, hkid);
		return;
	}
	if (page->level == TDX_LEVEL_4K)
		page->entry->bepoch = 0;
	host_view_written_back(page->hpa, hkid);
}
