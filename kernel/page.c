/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical pages: allocation policy over the books of kernel/page_map.c.
 *
 * Up to a block (2 MiB), a request is served inside one block. Small ones come from the bottom of RAM and from blocks
 * that are broken already, so that whole blocks stay whole; whole blocks come from the top. Longer or more aligned
 * requests, and small ones that found no block, look at the runs of free pages and take the end of the highest one that
 * fits. A preferred NUMA node is tried first and never a reason to refuse.
 *
 * Owns page_map. Any core, any context: one lock, interrupts off. Cost: groups (1 GiB each) are stepped over, so a
 * single page or a block costs a few hundred instructions even on terabytes.
 */
#include "kernel/page.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "kernel/lib/string.h"
#include "kernel/lock.h"
#include "kernel/page_map.h"
#include "kernel/panic.h"

/* Broken blocks looked at for a small run before a whole block is broken for it. */
#define SMALL_TRIES 64
#define NOT_FOUND (~0ull)

static struct spinlock page_lock;

/* What is looked for. */
struct request {
	enum page_zone zone;
	u64 count;
	u64 align_pages;
	u32 node;	/* PAGE_ANY_NODE: all the same */
};

static const char *const owner_names[PAGE_OWNER_COUNT] = {
	[PAGE_FREE] = "free",
	[PAGE_ABSENT] = "absent",
	[PAGE_IMAGE] = "image",
	[PAGE_BOOT_MODULE] = "boot module",
	[PAGE_KERNEL] = "kernel",
	[PAGE_GUEST] = "guest",
	[PAGE_GUEST_SHARED] = "guest shared",
	[PAGE_SHARED_EPT] = "shared EPT",
	[PAGE_PAMT] = "PAMT",
	[PAGE_TDR] = "TDR",
	[PAGE_TDCX] = "TDCX",
	[PAGE_TDVPR] = "TDVPR",
	[PAGE_SEPT] = "SEPT",
	[PAGE_TD_PRIVATE] = "TD private",
	[PAGE_QUARANTINE] = "quarantine",
};

const char *page_owner_name(enum page_owner owner)
{
	return (u32)owner < PAGE_OWNER_COUNT ? owner_names[owner] : "unknown";
}

void page_init(const struct boot_info *boot)
{
	page_lock = (struct spinlock){ 0 };
	page_map_build(boot);
}

/* ---- NUMA nodes ---- */

static u8 group_node(u64 group)
{
	u64 block = group * GROUP_BLOCKS;
	u64 end = MIN(block + GROUP_BLOCKS, page_map.block_count);
	u8 node = page_map.blocks[block].node;

	for (; block < end; block++) {
		if (page_map.blocks[block].node != node)
			return PAGE_NODE_MIXED;
	}
	return node;
}

void page_set_node(hpa_t start, u64 bytes, u32 node)
{
	u64 end = start.raw + bytes;
	u64 saved;

	if (node >= PAGE_NODE_MIXED)
		return;
	saved = spin_lock_irqsave(&page_lock);
	for (u32 i = 0; i < page_map.span_count; i++) {
		const struct page_span *span = &page_map.spans[i];
		u64 first = MAX(start.raw / PAGE_SIZE_2M, span->first_block);
		u64 last = MIN(DIV_ROUND_UP(end, (u64)PAGE_SIZE_2M), span->first_block + span->blocks);

		for (u64 block = first; block < last; block++)
			page_map.blocks[span->first_index / BLOCK_PAGES + block - span->first_block].node = (u8)node;
	}
	for (u64 group = 0; group < page_map.group_count; group++)
		page_map.groups[group].node = group_node(group);
	spin_unlock_irqrestore(&page_lock, saved);
}

static bool node_fits(u8 node, const struct request *want)
{
	return want->node == PAGE_ANY_NODE || node == want->node;
}

static bool group_node_fits(const struct page_group *group, const struct request *want)
{
	return group->node == PAGE_NODE_MIXED || node_fits(group->node, want);
}

/* ---- search ---- */

/* Highest block that is free altogether. */
static u64 find_whole_block(const struct request *want)
{
	for (u64 group = page_map.group_count; group-- > 0;) {
		u64 first = group * GROUP_BLOCKS;
		u64 block = MIN(first + GROUP_BLOCKS, page_map.block_count);

		if (!page_map.groups[group].full[want->zone] || !group_node_fits(&page_map.groups[group], want))
			continue;
		while (block-- > first) {
			if (page_map.blocks[block].free[want->zone] == BLOCK_PAGES &&
			    node_fits(page_map.blocks[block].node, want))
				return block * BLOCK_PAGES;
		}
	}
	return NOT_FOUND;
}

/* An aligned run inside one block. */
static u64 find_in_block(u64 block, const struct request *want)
{
	page_tag_t free_tag = PAGE_TAG(want->zone, PAGE_FREE);
	const page_tag_t *tags = page_map.tags + block * BLOCK_PAGES;
	u64 at = 0;

	while (at + want->count <= BLOCK_PAGES) {
		const page_tag_t *found = memchr(tags + at, free_tag, BLOCK_PAGES - at);
		u64 end;

		if (!found)
			return NOT_FOUND;
		at = ALIGN_UP((u64)(found - tags), want->align_pages);
		for (end = at; end < BLOCK_PAGES && end - at < want->count && tags[end] == free_tag; end++)
			;
		if (end - at == want->count)
			return block * BLOCK_PAGES + at;
		at = MAX(end, at + 1);
	}
	return NOT_FOUND;
}

/* A run in a block from the bottom: @whole picks blocks that are free altogether, otherwise broken ones. */
static u64 find_small(const struct request *want, bool whole)
{
	u32 tries = 0;

	for (u64 group = 0; group < page_map.group_count; group++) {
		const struct page_group *summary = &page_map.groups[group];
		u64 block = group * GROUP_BLOCKS;
		u64 end = MIN(block + GROUP_BLOCKS, page_map.block_count);
		u32 some = summary->some[want->zone], full = summary->full[want->zone];

		if ((whole ? full : some - full) == 0 || !group_node_fits(summary, want))
			continue;
		for (; block < end; block++) {
			u16 free = page_map.blocks[block].free[want->zone];
			u64 found;

			if (free < want->count || (free == BLOCK_PAGES) != whole ||
			    !node_fits(page_map.blocks[block].node, want))
				continue;
			found = find_in_block(block, want);
			if (found != NOT_FOUND || ++tries == SMALL_TRIES)
				return found;
		}
	}
	return NOT_FOUND;
}

/* Highest aligned place at the end of a run of free pages: exact, looks at all runs. */
static u64 find_in_runs(const struct request *want)
{
	u64 best = NOT_FOUND;
	u64 index = 0, start, count;

	while (page_map_next_run(want->zone, &index, &start, &count)) {
		u64 first_page, place;

		if (count < want->count)
			continue;
		first_page = page_map_hpa(start).raw / PAGE_SIZE;
		place = ALIGN_DOWN(first_page + count - want->count, want->align_pages);
		if (place < first_page)
			continue;
		place = start + (place - first_page);
		if (node_fits(page_map.blocks[place / BLOCK_PAGES].node, want))
			best = place;
	}
	return best;
}

static u64 find(const struct request *want)
{
	u64 found = NOT_FOUND;

	if (want->count == BLOCK_PAGES && want->align_pages <= BLOCK_PAGES) {
		found = find_whole_block(want);
	} else if (want->count < BLOCK_PAGES && want->align_pages <= BLOCK_PAGES) {
		found = find_small(want, false);
		if (found == NOT_FOUND)
			found = find_small(want, true);
	}
	return found != NOT_FOUND ? found : find_in_runs(want);
}

/* ---- allocation ---- */

int page_alloc(enum page_zone zone, u64 count, u64 align_bytes, enum page_owner owner, u32 node, hpa_t *start)
{
	struct request want = { .zone = zone, .count = count, .align_pages = align_bytes / PAGE_SIZE, .node = node };
	u64 saved, found;

	panic_if(count == 0 || align_bytes < PAGE_SIZE || (align_bytes & (align_bytes - 1)) != 0,
		 "page_alloc: %lu pages aligned to %lu bytes", count, align_bytes);
	panic_if(owner <= PAGE_BOOT_MODULE || owner >= PAGE_OWNER_COUNT, "page_alloc: for owner \"%s\"",
		 page_owner_name(owner));
	saved = spin_lock_irqsave(&page_lock);
	found = find(&want);
	if (found == NOT_FOUND && node != PAGE_ANY_NODE) {
		want.node = PAGE_ANY_NODE;
		found = find(&want);
	}
	if (found != NOT_FOUND) {
		page_map_retag(found, count, PAGE_TAG(zone, PAGE_FREE), PAGE_TAG(zone, owner));
		*start = page_map_hpa(found);
	}
	spin_unlock_irqrestore(&page_lock, saved);
	return found != NOT_FOUND ? 0 : -ENOMEM;
}

int page_alloc_at(hpa_t start, u64 count, enum page_owner owner)
{
	page_tag_t free_tag = PAGE_TAG(ZONE_HOST, PAGE_FREE);
	u64 saved = spin_lock_irqsave(&page_lock);
	u64 index, free = 0;

	if (page_map_index(start, &index) && count <= page_map_span_end(index) - index)
		while (free < count && page_map.tags[index + free] == free_tag)
			free++;
	if (free && free == count)
		page_map_retag(index, count, free_tag, PAGE_TAG(ZONE_HOST, owner));
	spin_unlock_irqrestore(&page_lock, saved);
	return free && free == count ? 0 : -ENOMEM;
}

/* The pages have one owner and lie in one span, or Cella has lost track of its own memory: panic. */
static u64 check_held(const char *caller, hpa_t start, u64 count, enum page_owner owner)
{
	u64 index;

	panic_if(!IS_ALIGNED(start.raw, (u64)PAGE_SIZE) || count == 0 || !page_map_index(start, &index) ||
			 count > page_map_span_end(index) - index,
		 "%s: %lu pages at 0x%lx are not RAM", caller, count, start.raw);
	for (u64 i = 0; i < count; i++) {
		enum page_owner holder = (enum page_owner)(page_map.tags[index + i] & ~PAGE_TAG(ZONE_TD, 0));

		panic_if(holder != owner, "%s: page 0x%lx is \"%s\", not \"%s\"", caller, start.raw + i * PAGE_SIZE,
			 page_owner_name(holder), page_owner_name(owner));
	}
	return index;
}

/* Held pages change their tag and stay in their zone; a run may lie in both. */
static void change_owner(u64 index, u64 count, enum page_owner from, enum page_owner to)
{
	u64 host = page_map_retag_some(index, count, PAGE_TAG(ZONE_HOST, from), PAGE_TAG(ZONE_HOST, to));

	if (host < count)
		page_map_retag_some(index, count, PAGE_TAG(ZONE_TD, from), PAGE_TAG(ZONE_TD, to));
}

void page_free(hpa_t start, u64 count, enum page_owner owner)
{
	u64 saved = spin_lock_irqsave(&page_lock);

	panic_if(owner <= PAGE_IMAGE || owner >= PAGE_OWNER_COUNT, "page_free: 0x%lx as \"%s\"", start.raw,
		 page_owner_name(owner));
	change_owner(check_held("page_free", start, count, owner), count, owner, PAGE_FREE);
	spin_unlock_irqrestore(&page_lock, saved);
}

void page_set_owner(hpa_t start, u64 count, enum page_owner from, enum page_owner to)
{
	u64 saved = spin_lock_irqsave(&page_lock);

	panic_if(from <= PAGE_IMAGE || to <= PAGE_IMAGE || to >= PAGE_OWNER_COUNT,
		 "page_set_owner: 0x%lx from \"%s\" to \"%s\"", start.raw, page_owner_name(from), page_owner_name(to));
	change_owner(check_held("page_set_owner", start, count, from), count, from, to);
	spin_unlock_irqrestore(&page_lock, saved);
}

void *page_zalloc(u64 count, enum page_owner owner)
{
	hpa_t start;

	if (page_alloc(ZONE_HOST, count, PAGE_SIZE, owner, PAGE_ANY_NODE, &start))
		return NULL;
	return memset(hpa_to_hva(start), 0, count * PAGE_SIZE);
}

void page_zfree(void *pages, u64 count, enum page_owner owner)
{
	page_free(hva_to_hpa(pages), count, owner);
}

/* ---- the TD pool ---- */

/* Free pages of [start, start + bytes) move between the zones; returns how many. */
static u64 move_zone(hpa_t start, u64 bytes, enum page_zone from, enum page_zone to)
{
	u64 moved = 0;
	u64 saved;

	panic_if(!IS_ALIGNED(start.raw | bytes, (u64)PAGE_SIZE_2M), "TD pool: 0x%lx bytes at 0x%lx are not 2 MiB blocks",
		 bytes, start.raw);
	saved = spin_lock_irqsave(&page_lock);
	for (u32 i = 0; i < page_map.span_count; i++) {
		const struct page_span *span = &page_map.spans[i];
		u64 first = MAX(start.raw / PAGE_SIZE_2M, span->first_block);
		u64 end = MIN((start.raw + bytes) / PAGE_SIZE_2M, span->first_block + span->blocks);

		if (first < end)
			moved += page_map_retag_some(
				span->first_index + (first - span->first_block) * BLOCK_PAGES,
				(end - first) * BLOCK_PAGES, PAGE_TAG(from, PAGE_FREE), PAGE_TAG(to, PAGE_FREE));
	}
	spin_unlock_irqrestore(&page_lock, saved);
	return moved;
}

u64 page_carve_td_pool(hpa_t start, u64 bytes)
{
	return move_zone(start, bytes, ZONE_HOST, ZONE_TD);
}

u64 page_return_td_pool(hpa_t start, u64 bytes)
{
	return move_zone(start, bytes, ZONE_TD, ZONE_HOST);
}

/* ---- questions ---- */

/*
 * Tag of one page; a byte that another core may change at any time, so the answer is true for pages the caller holds.
 */
static page_tag_t tag_of(hpa_t page)
{
	u64 index;

	return page_map_index(page, &index) ? page_map.tags[index] : PAGE_TAG(ZONE_HOST, PAGE_ABSENT);
}

enum page_owner page_owner_of(hpa_t page)
{
	return (enum page_owner)(tag_of(page) & ~PAGE_TAG(ZONE_TD, 0));
}

enum page_zone page_zone_of(hpa_t page)
{
	return tag_of(page) & PAGE_TAG(ZONE_TD, 0) ? ZONE_TD : ZONE_HOST;
}

u32 page_node_of(hpa_t page)
{
	u64 index;

	if (!page_map_index(page, &index) || page_map.blocks[index / BLOCK_PAGES].node == PAGE_NODE_NONE)
		return 0;
	return page_map.blocks[index / BLOCK_PAGES].node;
}

void page_books_read(struct page_books *books)
{
	u64 saved = spin_lock_irqsave(&page_lock);

	*books = page_map.books;
	spin_unlock_irqrestore(&page_lock, saved);
}

bool page_books_equal(const struct page_books *a, const struct page_books *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

hpa_t page_ram_top(void)
{
	return page_map.ram_top;
}

u64 page_largest_free(enum page_zone zone)
{
	u64 index = 0, start, count, largest = 0;
	u64 saved = spin_lock_irqsave(&page_lock);

	while (page_map_next_run(zone, &index, &start, &count))
		largest = MAX(largest, count);
	spin_unlock_irqrestore(&page_lock, saved);
	return largest * PAGE_SIZE;
}

void page_for_each_free_range(enum page_zone zone, u64 min_bytes, void (*visit)(hpa_t start, u64 bytes, void *arg),
			      void *arg)
{
	u64 index = 0, start, count;

	for (;;) {
		/* The lock is free during the visit, which may allocate or carve. */
		u64 saved = spin_lock_irqsave(&page_lock);
		bool found = page_map_next_run(zone, &index, &start, &count);
		hpa_t base = found ? page_map_hpa(start) : HPA(0);

		spin_unlock_irqrestore(&page_lock, saved);
		if (!found)
			return;
		if (count * PAGE_SIZE >= min_bytes)
			visit(base, count * PAGE_SIZE, arg);
	}
}
