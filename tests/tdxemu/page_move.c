/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves of pages between host and module. While a page is free its PAMT entry's BEPOCH is unused; there we remember
 * that a TDH.PHYMEM.PAGE.WBINVD is owed and for which KeyID, so that a page which comes back without it, or was
 * written back under a wrong KeyID, is found. (The rule "write back, then clear" itself is watched by host_view.c.)
 * Any core; the caller holds the PAMT entry. Manual: TDX Module Base, "Cache Lines Flushing"; tdx-host-system.md 8.4,
 * 8.5.
 */
#include "tests/tdxemu/page_move.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/verdict.h"

#define OWES_WBINVD (u64)BIT(62)
#define OWES_HKID_MASK (u64)0xffff

static void free_entries(u64 hpa, enum tdx_level level, u64 owed)
{
	struct pamt_entry *small = pamt_entry_at(hpa, TDX_LEVEL_4K);

	pamt_set(pamt_entry_at(hpa, level), PT_NDA, 0);
	for (u64 i = 0; i < level_pages(level); i++)
		small[i].bepoch = owed;
}

void page_enter(struct emu_cpu *cpu, const struct pamt_ref *page, enum pamt_page_type type, u64 owner_tdr,
		enum hidden_as kind)
{
	struct pamt_entry *small = pamt_entry_at(page->hpa, TDX_LEVEL_4K);

	for (u64 i = 0; i < level_pages(page->level); i++) {
		if (small[i].bepoch & OWES_WBINVD)
			verdict_violation(cpu, "missing-wbinvd",
					  "page 0x%lx is used again without PAGE.WBINVD under KeyID %lu",
					  page->hpa + i * PAGE_SIZE, small[i].bepoch & OWES_HKID_MASK);
		small[i].bepoch = 0;
	}
	pamt_set(page->entry, type, owner_tdr);
	host_view_hide(page->hpa, level_bytes(page->level), kind);
}

void page_leave(u64 hpa, enum tdx_level level, u16 hkid)
{
	free_entries(hpa, level, OWES_WBINVD | hkid);
	host_view_release(hpa, level_bytes(level), RELEASE_WBINVD_CLEAR);
}

void page_leave_flushed(u64 hpa, enum tdx_level level)
{
	free_entries(hpa, level, 0);
	host_view_release(hpa, level_bytes(level), RELEASE_CLEAR);
}

void page_written_back(struct emu_cpu *cpu, const struct pamt_ref *page, u16 hkid)
{
	u64 owed = page->entry->bepoch;

	if ((owed & OWES_WBINVD) && (owed & OWES_HKID_MASK) != hkid) {
		verdict_violation(cpu, "wrong-wbinvd-keyid", "page 0x%lx was cached under KeyID %lu, not %u", page->hpa,
				  owed & OWES_HKID_MASK, hkid);
		return;
	}
	page->entry->bepoch = 0;
	host_view_written_back(page->hpa, hkid);
}
