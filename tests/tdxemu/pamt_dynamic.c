/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic PAMT. The 4K entries of a 2 MiB region exist only while the region has a page pair: page 0 holds entries
 * 0-255, page 1 the rest. The region's 2M entry is a node then: type PT_PAMT, the first page in the place of the owner,
 * the second page and the count of pages in use in the place of BEPOCH. One bit per 4 KiB page of the TDMR, in the area
 * that holds the 4K entries otherwise, says that the page is reserved or serves as PAMT.
 * Any core. Bits and counts change atomically; a node changes under its exclusive lock.
 * Manual: tdx-host-system.md 12.2; TDX Module Base, "Dynamic PAMT".
 */
#include "tests/tdxemu/pamt_dynamic.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/refusal.h"

#define NODE_COUNT_MASK 0xffffull	/* of bepoch; the second page's number is above */
#define NODE_PAGE_SHIFT 16
#define ENTRIES_PER_PAGE (PAGE_SIZE / sizeof(struct pamt_entry))
#define BITS_PER_WORD 64

/* ---- the bitmap ---- */

static u64 *bit_of(const struct module_tdmr *tdmr, u64 hpa, u64 *mask)
{
	u64 index = (hpa - tdmr->base) >> PAGE_SHIFT;
	u64 *words = phys(tdmr->pamt_4k);

	*mask = 1ull << index % BITS_PER_WORD;
	return &words[index / BITS_PER_WORD];
}

bool pamt_bits_any(u64 hpa, u64 pages)
{
	const struct module_tdmr *tdmr = pamt_tdmr_of(hpa);
	u64 mask;

	for (u64 i = 0; i < pages; i++)
		if (__atomic_load_n(bit_of(tdmr, hpa + i * PAGE_SIZE, &mask), __ATOMIC_ACQUIRE) & mask)
			return true;
	return false;
}

/* False: it was set. */
static bool bit_set(u64 hpa)
{
	u64 mask;
	u64 *word = bit_of(pamt_tdmr_of(hpa), hpa, &mask);

	return (__atomic_fetch_or(word, mask, __ATOMIC_ACQ_REL) & mask) == 0;
}

static void bit_clear(u64 hpa)
{
	u64 mask;
	u64 *word = bit_of(pamt_tdmr_of(hpa), hpa, &mask);

	__atomic_fetch_and(word, ~mask, __ATOMIC_RELEASE);
}

void pamt_bit_init(const struct module_tdmr *tdmr, u64 hpa, bool value)
{
	u64 mask;
	u64 *word = bit_of(tdmr, hpa, &mask);

	*word = (*word & ~mask) | (value ? mask : 0);
}

/* ---- nodes ---- */

struct pamt_pair pamt_pair_of(const struct pamt_entry *node)
{
	u64 second = __atomic_load_n(&node->bepoch, __ATOMIC_ACQUIRE) >> NODE_PAGE_SHIFT;

	return (struct pamt_pair){ { pamt_owner(node), second << PAGE_SHIFT } };
}

struct pamt_entry *pamt_pair_entry(const struct pamt_entry *node, u64 hpa)
{
	u64 index = (hpa % PAGE_SIZE_2M) >> PAGE_SHIFT;
	struct pamt_pair pair = pamt_pair_of(node);
	struct pamt_entry *entries = phys(pair.pages[index / ENTRIES_PER_PAGE]);

	return node->type == PT_PAMT ? &entries[index % ENTRIES_PER_PAGE] : NULL;
}

/* Is the page free, apart from what the bitmap says? */
static u64 check_free(u64 hpa, u32 operand)
{
	struct pamt_ref page;
	u64 status = pamt_take_any(hpa, operand, TDX_LEVEL_4K, LOCK_SHARED, &page);

	if (status != TDX_SUCCESS)
		return status;
	if (page.entry->type != PT_NDA)
		status = TDX_PAGE_NOT_FREE | operand;
	pamt_drop(&page);
	return status;
}

u64 pamt_pair_take(const struct pamt_pair *pair, const u32 operands[2], u64 region)
{
	for (u32 i = 0; i < ARRAY_SIZE(pair->pages); i++) {
		u64 status = TDX_SUCCESS;

		if (ALIGN_DOWN(pair->pages[i], (u64)PAGE_SIZE_2M) != region)
			status = check_free(pair->pages[i], operands[i]);
		if (status != TDX_SUCCESS)
			return status;
	}
	if (!bit_set(pair->pages[0]))
		return TDX_PAGE_NOT_FREE | operands[0];
	if (!bit_set(pair->pages[1])) {
		bit_clear(pair->pages[0]);
		return TDX_PAGE_NOT_FREE | operands[1];
	}
	return TDX_SUCCESS;
}

void pamt_pair_install(struct pamt_entry *node, const struct pamt_pair *pair, u32 used)
{
	for (u32 i = 0; i < ARRAY_SIZE(pair->pages); i++) {
		host_view_hide(pair->pages[i], PAGE_SIZE, HIDDEN_PAMT);
		memset(phys(pair->pages[i]), 0, PAGE_SIZE);
	}
	pamt_set(node, PT_NDA, pair->pages[0]);
	node->bepoch = (pair->pages[1] >> PAGE_SHIFT) << NODE_PAGE_SHIFT | used;
	__atomic_store_n(&node->type, (u8)PT_PAMT, __ATOMIC_RELEASE);
}

struct pamt_pair pamt_pair_uninstall(struct pamt_entry *node)
{
	struct pamt_pair pair = pamt_pair_of(node);

	pamt_set(node, PT_NDA, 0);
	for (u32 i = 0; i < ARRAY_SIZE(pair.pages); i++) {
		page_leave_pamt(pair.pages[i]);
		bit_clear(pair.pages[i]);
	}
	return pair;
}

void pamt_pair_used(u64 hpa)
{
	if (module.dynamic_pamt)
		__atomic_fetch_add(&pamt_entry_at(hpa, TDX_LEVEL_2M)->bepoch, 1, __ATOMIC_RELAXED);
}

u64 pamt_pair_unused(u64 hpa)
{
	u64 before;

	if (!module.dynamic_pamt)
		return 0;
	before = __atomic_fetch_sub(&pamt_entry_at(hpa, TDX_LEVEL_2M)->bepoch, 1, __ATOMIC_RELEASE);
	return (before & NODE_COUNT_MASK) == 1 ? PAMT_REMOVAL_HINT : 0;
}

void pamt_release_pairs(const struct module_tdmr *tdmr)
{
	u64 end = ALIGN_DOWN(tdmr->next_to_init, (u64)PAGE_SIZE_1G);

	for (u64 region = tdmr->base; module.dynamic_pamt && region < end; region += PAGE_SIZE_2M) {
		struct pamt_entry *node = pamt_entry_at(region, TDX_LEVEL_2M);

		struct pamt_pair pair = pamt_pair_of(node);

		if (node->type != PT_PAMT)
			continue;
		for (u32 i = 0; i < ARRAY_SIZE(pair.pages); i++)
			host_view_release(pair.pages[i], PAGE_SIZE, RELEASE_AS_IS);
	}
}
