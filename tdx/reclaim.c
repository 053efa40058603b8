/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way back of a page. Order, always: the module says that it is free, its lines are written back under the KeyID
 * that may still own dirty ones, it is overwritten with MOVDIR64B (which clears integrity data and the TD-owner bit),
 * and only then it is free. After a TD's KeyID was released no line of that KeyID is in any cache, except of the TDR,
 * which the module touches under the global KeyID until the end.
 *
 * A page for which any of this fails is quarantined: still counted, shown by `mem`, never used again.
 * Any task context, no lock needed: each page has one holder. Manual: TDX Module Base, "Reclaiming TD Pages".
 */
#include "tdx/reclaim.h"

#include "include/cella/arch.h"
#include "kernel/log.h"
#include "tdx/backoff.h"
#include "tdx/keyid.h"
#include "tdx/pool.h"
#include "tdx/tdh_phymem.h"

static const char *const page_type_names[] = {
	[PT_NDA] = "NDA", [PT_RSVD] = "RSVD", [PT_REG] = "REG", [PT_TDR] = "TDR", [PT_TDCX] = "TDCX",
	[PT_TDVPR] = "TDVPR", [PT_EPT] = "EPT", [PT_PAMT] = "PAMT",
};

static const char *page_type_name(enum pamt_page_type type)
{
	if ((u32)type >= ARRAY_SIZE(page_type_names) || !page_type_names[type])
		return "?";
	return page_type_names[type];
}

void reclaim_quarantine(hpa_t page, enum tdx_level level, enum page_owner owner, const char *why)
{
	struct pamt_info info;

	page_set_owner(page, level_pages(level), owner, PAGE_QUARANTINE);
	if (tdx_succeeded(RETRY_BUSY(tdh_phymem_page_rdmd(page, &info))))
		log_error("tdx", "page 0x%lx (%s) goes to quarantine: %s; the module calls it %s of TDR 0x%lx",
			  page.raw, page_owner_name(owner), why, page_type_name(info.type), info.owner_tdr.raw);
	else
		log_error("tdx", "page 0x%lx (%s) goes to quarantine: %s", page.raw, page_owner_name(owner), why);
}

static void clear_and_free(hpa_t page, enum tdx_level level, enum page_owner owner)
{
	arch_window_clear(page, level_bytes(level));
	pool_page_free(page, level, owner);
}

/* True: every line of the page was written back under @hkid. */
static bool write_back(hpa_t page, enum tdx_level level, hkid_t hkid, enum page_owner owner)
{
	for (u64 offset = 0; offset < level_bytes(level); offset += PAGE_SIZE) {
		keyed_hpa_t keyed = hpa_with_hkid(hpa_add(page, offset), hkid);
		tdx_status_t status = RETRY_BUSY(tdh_phymem_page_wbinvd(keyed));

		if (!tdx_succeeded(status)) {
			char text[TDX_STATUS_TEXT_BYTES];

			reclaim_quarantine(page, level, owner, tdx_status_text(status, text));
			return false;
		}
	}
	return true;
}

/* True: the module has let go of the page. */
static bool reclaimed(hpa_t page, enum tdx_level level, enum page_owner owner)
{
	struct pamt_info info;
	tdx_status_t status = RETRY_BUSY(tdh_phymem_page_reclaim(page, &info));
	char text[TDX_STATUS_TEXT_BYTES];

	if (tdx_succeeded(status))
		return true;
	reclaim_quarantine(page, level, owner, tdx_status_text(status, text));
	return false;
}

void reclaim_tdr(hpa_t tdr)
{
	if (reclaimed(tdr, TDX_LEVEL_4K, PAGE_TDR) && write_back(tdr, TDX_LEVEL_4K, keyid_global(), PAGE_TDR))
		clear_and_free(tdr, TDX_LEVEL_4K, PAGE_TDR);
}

void reclaim_removed(hpa_t page, enum tdx_level level, hkid_t hkid, enum page_owner owner)
{
	if (write_back(page, level, hkid, owner))
		clear_and_free(page, level, owner);
}

void reclaim_td_page(const struct td *td, hpa_t page, enum tdx_level level, enum page_owner owner)
{
	if (td->state != TD_TEARDOWN)
		page_set_owner(page, level_pages(level), owner, PAGE_QUARANTINE);	/* td.c logs it once for the TD */
	else if (reclaimed(page, level, owner))
		clear_and_free(page, level, owner);
}
