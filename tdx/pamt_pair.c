/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page pairs of a dynamic PAMT: a use count per 2 MiB region of the pool. The first 4 KiB page brings the pair to the
 * module, the last one back takes it away. The pair's pages come from the pool too: they are out of Cella's page tables
 * already and inside a TDMR, and need no pair themselves.
 *
 * A pair that the module does not give back for the moment stays where it is, and serves the next page of its region.
 * One lock, below the TDs' locks: it is held for an increment, or for one SEAMCALL per region and turn.
 *
 * Manual: TDX Module Base, "Dynamic PAMT"; TDX Module ABI, "TDH.PHYMEM.PAMT.ADD Leaf", "TDH.PHYMEM.PAMT.REMOVE Leaf".
 */
#include "tdx/pamt_pair.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "tdx/backoff.h"
#include "tdx/keyid.h"
#include "tdx/pool.h"
#include "tdx/reclaim.h"
#include "tdx/tdh_phymem.h"

#define PAIR_PRESENT 0x8000u	/* beside the number of 4 KiB pages in use */

static struct {
	struct spinlock lock;
	u64 book_pages;	/* (c) */
	u16 *use;	/* (l) by region; NULL: the PAMT is static */
} pairs;

int pamt_pair_begin(u64 regions)
{
	pairs.book_pages = DIV_ROUND_UP(regions * sizeof(pairs.use[0]), (u64)PAGE_SIZE);
	pairs.use = page_zalloc(pairs.book_pages, PAGE_KERNEL);
	return pairs.use ? 0 : -ENOMEM;
}

void pamt_pair_end(void)
{
	if (pairs.use)
		page_zfree(pairs.use, pairs.book_pages, PAGE_KERNEL);
	pairs.use = NULL;
}

static int refused(const char *leaf, hpa_t region, tdx_status_t status)
{
	char text[TDX_STATUS_TEXT_BYTES];

	log_warn("tdx", "%s of 0x%lx: %s", leaf, region.raw, tdx_status_text(status, text));
	return tdx_status_errno(status) == -EBUSY ? -EBUSY : -EIO;
}

static hpa_t region_of(hpa_t page)
{
	return HPA(ALIGN_DOWN(page.raw, PAGE_SIZE_2M));
}

int pamt_pair_prepare(hpa_t pair[PAMT_PAIR_PAGES])
{
	pair[0] = pair[1] = HPA(0);
	if (!pairs.use)
		return 0;
	if (page_alloc(ZONE_TD, 1, PAGE_SIZE, PAGE_PAMT, PAGE_ANY_NODE, &pair[0]))
		return -ENOMEM;
	if (page_alloc(ZONE_TD, 1, PAGE_SIZE, PAGE_PAMT, PAGE_ANY_NODE, &pair[1])) {
		page_free(pair[0], 1, PAGE_PAMT);
		return -ENOMEM;
	}
	return 0;
}

void pamt_pair_discard(const hpa_t pair[PAMT_PAIR_PAGES])
{
	for (u32 i = 0; pairs.use && i < PAMT_PAIR_PAGES; i++)
		page_free(pair[i], 1, PAGE_PAMT);
}

static int add_pair(hpa_t region)
{
	hpa_t pair[PAMT_PAIR_PAGES];
	tdx_status_t status;
	int result = pamt_pair_prepare(pair);

	if (result)
		return result;
	status = RETRY_BUSY(tdh_phymem_pamt_add(region, pair));
	if (tdx_succeeded(status))
		return 0;
	pamt_pair_discard(pair);
	return refused("TDH.PHYMEM.PAMT.ADD", region, status);
}

/* The module wrote the page under the global KeyID: no such line may be left in a cache when it is cleared. */
static void clean_and_free(hpa_t page)
{
	tdx_status_t status = RETRY_BUSY(tdh_phymem_page_wbinvd(hpa_with_hkid(page, keyid_global())));
	char text[TDX_STATUS_TEXT_BYTES];

	if (!tdx_succeeded(status)) {
		reclaim_quarantine(page, TDX_LEVEL_4K, PAGE_PAMT, tdx_status_text(status, text));
		return;
	}
	arch_window_clear(page, PAGE_SIZE);
	page_free(page, 1, PAGE_PAMT);
}

static int remove_pair(hpa_t region)
{
	hpa_t pair[PAMT_PAIR_PAGES];
	tdx_status_t status = RETRY_BUSY(tdh_phymem_pamt_remove(region, pair));

	if (!tdx_succeeded(status))
		return refused("TDH.PHYMEM.PAMT.REMOVE", region, status);
	for (u32 i = 0; i < PAMT_PAIR_PAGES; i++)
		clean_and_free(pair[i]);
	return 0;
}

int pamt_pair_get(hpa_t page)
{
	int result = 0;
	u16 *use;

	if (!pairs.use)
		return 0;
	use = &pairs.use[pool_region(page)];
	spin_lock(&pairs.lock);
	if (!*use)
		result = add_pair(region_of(page));
	if (!result)
		*use = (u16)((*use | PAIR_PRESENT) + 1);
	spin_unlock(&pairs.lock);
	return result;
}

void pamt_pair_put(hpa_t page)
{
	u16 *use;

	if (!pairs.use)
		return;
	use = &pairs.use[pool_region(page)];
	spin_lock(&pairs.lock);
	--*use;
	if (*use == PAIR_PRESENT && !remove_pair(region_of(page)))
		*use = 0;
	spin_unlock(&pairs.lock);
}

int pamt_pair_drop(hpa_t block)
{
	int result = 0;
	u16 *use;

	if (!pairs.use)
		return 0;
	use = &pairs.use[pool_region(block)];
	spin_lock(&pairs.lock);
	if (*use)
		result = remove_pair(block) ? -ENOMEM : 0;
	if (!result)
		*use = 0;
	spin_unlock(&pairs.lock);
	return result;
}

void pamt_pair_split(hpa_t block)
{
	if (!pairs.use)
		return;
	spin_lock(&pairs.lock);
	pairs.use[pool_region(block)] = PAIR_PRESENT + PAGE_SIZE_2M / PAGE_SIZE;
	spin_unlock(&pairs.lock);
}
