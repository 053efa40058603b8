/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator's books: built once from the boot loader's map, changed only by page_map_retag().
 *
 * The books lie in RAM below 4 GiB, because the boot page tables reach no further when they are made. They cost 1/4096
 * of RAM for the tags and 1/262144 for the summaries. If there is no room for the books of all RAM, the top of RAM is
 * not used and a sentence says so.
 */
#include "kernel/page_map.h"

#include "include/cella/memory_map.h"
#include "kernel/image.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/panic.h"

#define BOOKS_LIMIT GIB(4)
#define LOW_BYTES MIB(1)	/* BIOS data, trampolines of the other cores: never handed out */

struct page_map page_map;

/* Byte range in physical memory, for the time of building. */
struct range {
	u64 start;
	u64 end;
};

/* What of the machine is RAM, sorted, page aligned inwards; and what the books must not be put on. */
static struct {
	u32 ram_count;
	struct range ram[BOOT_MAX_RANGES];
	u32 obstacle_count;
	struct range obstacles[BOOT_MAX_RANGES + BOOT_MAX_MODULES + 2];
} build;

/* ---- lookups ---- */

bool page_map_index(hpa_t page, u64 *index)
{
	u64 block = page.raw / PAGE_SIZE_2M;
	u32 low = 0, high = page_map.span_count;

	while (low < high) {
		u32 middle = (low + high) / 2;
		const struct page_span *span = &page_map.spans[middle];

		if (block < span->first_block) {
			high = middle;
		} else if (block >= span->first_block + span->blocks) {
			low = middle + 1;
		} else {
			*index = span->first_index + (page.raw - span->first_block * PAGE_SIZE_2M) / PAGE_SIZE;
			return true;
		}
	}
	return false;
}

/* The span page @index lies in. */
static const struct page_span *span_of(u64 index)
{
	u32 low = 0, high = page_map.span_count;

	/* the last span that does not begin behind @index */
	while (high - low > 1) {
		u32 middle = (low + high) / 2;

		if (page_map.spans[middle].first_index <= index)
			low = middle;
		else
			high = middle;
	}
	return &page_map.spans[low];
}

hpa_t page_map_hpa(u64 index)
{
	const struct page_span *span = span_of(index);

	return HPA(span->first_block * PAGE_SIZE_2M + (index - span->first_index) * PAGE_SIZE);
}

u64 page_map_span_end(u64 index)
{
	const struct page_span *span = span_of(index);

	return span->first_index + span->blocks * BLOCK_PAGES;
}

/* ---- changes ---- */

static enum page_zone tag_zone(page_tag_t tag)
{
	return tag & PAGE_TAG(ZONE_TD, 0) ? ZONE_TD : ZONE_HOST;
}

static enum page_owner tag_owner(page_tag_t tag)
{
	return (enum page_owner)(tag & (PAGE_TAG(ZONE_TD, 0) - 1));
}

/* The block gains (or, by a negative @pages, loses) free pages. */
static void block_add_free(u64 block, enum page_zone zone, int pages)
{
	struct page_group *group = &page_map.groups[block / GROUP_BLOCKS];
	u16 *free = &page_map.blocks[block].free[zone];
	u16 before = *free;

	*free = (u16)(before + pages);
	group->some[zone] = (u16)(group->some[zone] + (*free > 0) - (before > 0));
	group->full[zone] = (u16)(group->full[zone] + (*free == BLOCK_PAGES) - (before == BLOCK_PAGES));
}

void page_map_retag(u64 index, u64 count, page_tag_t from, page_tag_t to)
{
	page_map.books.pages[tag_zone(from)][tag_owner(from)] -= count;
	page_map.books.pages[tag_zone(to)][tag_owner(to)] += count;
	while (count) {
		u64 pages = MIN(count, BLOCK_PAGES - index % BLOCK_PAGES);

		memset(page_map.tags + index, to, pages);
		if (tag_owner(from) == PAGE_FREE)
			block_add_free(index / BLOCK_PAGES, tag_zone(from), -(int)pages);
		if (tag_owner(to) == PAGE_FREE)
			block_add_free(index / BLOCK_PAGES, tag_zone(to), (int)pages);
		index += pages;
		count -= pages;
	}
}

u64 page_map_retag_some(u64 index, u64 count, page_tag_t from, page_tag_t to)
{
	u64 end = index + count;
	u64 changed = 0;

	while (index < end) {
		u64 start = index;

		while (index < end && page_map.tags[index] == from)
			index++;
		if (index > start)
			page_map_retag(start, index - start, from, to);
		changed += index - start;
		while (index < end && page_map.tags[index] != from)
			index++;
	}
	return changed;
}

/* ---- runs of free pages ---- */

/* First free page at or after @index and before @end, or @end. */
static u64 skip_held(enum page_zone zone, u64 index, u64 end)
{
	page_tag_t free_tag = PAGE_TAG(zone, PAGE_FREE);

	while (index < end) {
		u64 block = index / BLOCK_PAGES;
		u64 block_end = MIN((block + 1) * BLOCK_PAGES, end);
		const page_tag_t *found;

		if (page_map.groups[block / GROUP_BLOCKS].some[zone] == 0) {
			index = (block / GROUP_BLOCKS + 1) * GROUP_BLOCKS * BLOCK_PAGES;
			continue;
		}
		if (page_map.blocks[block].free[zone]) {
			found = memchr(page_map.tags + index, free_tag, block_end - index);
			if (found)
				return (u64)(found - page_map.tags);
		}
		index = block_end;
	}
	return end;
}

/* First page at or after @index that is not free, or @end. */
static u64 skip_free(enum page_zone zone, u64 index, u64 end)
{
	page_tag_t free_tag = PAGE_TAG(zone, PAGE_FREE);

	while (index < end) {
		if (index % BLOCK_PAGES == 0 && page_map.blocks[index / BLOCK_PAGES].free[zone] == BLOCK_PAGES)
			index += BLOCK_PAGES;
		else if (page_map.tags[index] == free_tag)
			index++;
		else
			return index;
	}
	return end;
}

bool page_map_next_run(enum page_zone zone, u64 *index, u64 *start, u64 *count)
{
	u64 total = page_map.block_count * BLOCK_PAGES;

	while (*index < total) {
		u64 end = page_map_span_end(*index);

		*start = skip_held(zone, *index, end);
		*index = skip_free(zone, *start, end);
		*count = *index - *start;
		if (*count)
			return true;
	}
	return false;
}

/* ---- building ---- */

static void add_obstacle(u64 start, u64 bytes)
{
	build.obstacles[build.obstacle_count++] =
		(struct range){ ALIGN_DOWN(start, (u64)PAGE_SIZE), ALIGN_UP(start + bytes, (u64)PAGE_SIZE) };
}

/* RAM ranges into build.ram, ascending, whole pages; everything that is not to be overwritten into build.obstacles. */
static void collect_ranges(const struct boot_info *boot)
{
	build.ram_count = 0;
	build.obstacle_count = 0;
	for (u32 i = 0; i < boot->range_count; i++) {
		const struct boot_range *range = &boot->ranges[i];
		u64 start = ALIGN_UP(range->base, (u64)PAGE_SIZE);
		u64 end = ALIGN_DOWN(MIN(range->base + range->bytes, (u64)DIRECT_MAP_BYTES), (u64)PAGE_SIZE);
		u32 at;

		if (range->type != BOOT_RANGE_RAM) {
			add_obstacle(range->base, range->bytes);
			continue;
		}
		if (start >= end || range->base + range->bytes < range->base)
			continue;
		for (at = build.ram_count; at > 0 && build.ram[at - 1].start > start; at--)
			build.ram[at] = build.ram[at - 1];
		build.ram[at] = (struct range){ start, end };
		build.ram_count++;
	}
	add_obstacle(0, LOW_BYTES);
	add_obstacle(image_hpa().raw, image_bytes());
	for (u32 i = 0; i < boot->module_count; i++)
		add_obstacle(boot->modules[i].start.raw, boot->modules[i].bytes);
}

/* The spans of blocks that the RAM ranges touch. Ranges may overlap or share a block. */
static void make_spans(void)
{
	page_map.span_count = 0;
	page_map.block_count = 0;
	for (u32 i = 0; i < build.ram_count; i++) {
		u64 first = build.ram[i].start / PAGE_SIZE_2M;
		u64 end = DIV_ROUND_UP(build.ram[i].end, (u64)PAGE_SIZE_2M);
		struct page_span *last = page_map.span_count ? &page_map.spans[page_map.span_count - 1] : NULL;

		if (last && first <= last->first_block + last->blocks) {
			u64 grown = MAX(end, last->first_block + last->blocks) - last->first_block;

			page_map.block_count += grown - last->blocks;
			last->blocks = grown;
			continue;
		}
		page_map.spans[page_map.span_count++] =
			(struct page_span){ first, end - first, page_map.block_count * BLOCK_PAGES };
		page_map.block_count += end - first;
	}
}

static u64 books_bytes(u64 blocks)
{
	u64 per_group = DIV_ROUND_UP(blocks, GROUP_BLOCKS) * sizeof(struct page_group);

	return ALIGN_UP(blocks * (BLOCK_PAGES + sizeof(struct page_block)) + per_group, (u64)PAGE_SIZE);
}

/* End of an obstacle that meets [start, start + bytes), or 0. */
static u64 obstacle_end(u64 start, u64 bytes)
{
	for (u32 i = 0; i < build.obstacle_count; i++) {
		if (build.obstacles[i].start < start + bytes && start < build.obstacles[i].end)
			return build.obstacles[i].end;
	}
	return 0;
}

/* Lowest place for @bytes in RAM below BOOKS_LIMIT, or 0. */
static u64 find_room(u64 bytes)
{
	for (u32 i = 0; i < build.ram_count; i++) {
		u64 at = build.ram[i].start;
		u64 end = MIN(build.ram[i].end, BOOKS_LIMIT);

		while (at + bytes <= end) {
			u64 beyond = obstacle_end(at, bytes);

			if (!beyond)
				return at;
			at = beyond;
		}
	}
	return 0;
}

/* Leave out the topmost blocks. */
static void drop_blocks(u64 blocks)
{
	while (blocks) {
		struct page_span *last = &page_map.spans[page_map.span_count - 1];
		u64 cut = MIN(blocks, last->blocks);

		last->blocks -= cut;
		page_map.block_count -= cut;
		blocks -= cut;
		if (!last->blocks)
			page_map.span_count--;
	}
}

/* Place the books; RAM whose books find no room is left out, 1/16 at a time. */
static u64 place_books(void)
{
	u64 wanted = page_map.block_count;
	u64 at;

	while ((at = find_room(books_bytes(page_map.block_count))) == 0) {
		panic_if(page_map.block_count <= 1, "no RAM below 4 GiB for the page allocator's books");
		drop_blocks(DIV_ROUND_UP(page_map.block_count, 16));
	}
	if (page_map.block_count < wanted)
		log_warn("page", "%lu MiB of RAM at the top are not used: no room below 4 GiB for their books",
			 (wanted - page_map.block_count) * (PAGE_SIZE_2M / MIB(1)));
	page_map.tags = hpa_to_hva(HPA(at));
	page_map.blocks = (void *)(page_map.tags + page_map.block_count * BLOCK_PAGES);
	page_map.groups = (void *)(page_map.blocks + page_map.block_count);
	page_map.group_count = DIV_ROUND_UP(page_map.block_count, GROUP_BLOCKS);
	return at;
}

/* Pages of [start, end) tagged @from become @to, wherever there are books. */
static void tag_range(u64 start, u64 end, page_tag_t from, page_tag_t to)
{
	for (u32 i = 0; i < page_map.span_count; i++) {
		const struct page_span *span = &page_map.spans[i];
		u64 base = span->first_block * PAGE_SIZE_2M;
		u64 low = MAX(start, base);
		u64 high = MIN(end, base + span->blocks * PAGE_SIZE_2M);

		if (low < high)
			page_map_retag_some(span->first_index + (low - base) / PAGE_SIZE, (high - low) / PAGE_SIZE,
					    from, to);
	}
}

static void tag_all(const struct boot_info *boot, u64 books_at)
{
	page_tag_t free_tag = PAGE_TAG(ZONE_HOST, PAGE_FREE);
	page_tag_t absent = PAGE_TAG(ZONE_HOST, PAGE_ABSENT);

	for (u32 i = 0; i < build.ram_count; i++)
		tag_range(build.ram[i].start, build.ram[i].end, absent, free_tag);
	for (u32 i = 0; i < boot->range_count; i++) {
		const struct boot_range *range = &boot->ranges[i];

		if (range->type != BOOT_RANGE_RAM)
			tag_range(ALIGN_DOWN(range->base, (u64)PAGE_SIZE),
				  ALIGN_UP(range->base + range->bytes, (u64)PAGE_SIZE), free_tag, absent);
	}
	tag_range(0, LOW_BYTES, free_tag, PAGE_TAG(ZONE_HOST, PAGE_IMAGE));
	tag_range(image_hpa().raw, image_hpa().raw + image_bytes(), free_tag, PAGE_TAG(ZONE_HOST, PAGE_IMAGE));
	for (u32 i = 0; i < boot->module_count; i++) {
		const struct boot_module *module = &boot->modules[i];

		tag_range(ALIGN_DOWN(module->start.raw, (u64)PAGE_SIZE),
			  ALIGN_UP(module->start.raw + module->bytes, (u64)PAGE_SIZE), free_tag,
			  PAGE_TAG(ZONE_HOST, PAGE_BOOT_MODULE));
	}
	tag_range(books_at, books_at + books_bytes(page_map.block_count), free_tag, PAGE_TAG(ZONE_HOST, PAGE_KERNEL));
}

/* RAM in the books ends with the last span, or before the end of its last block. */
static hpa_t find_ram_top(void)
{
	const struct page_span *last = &page_map.spans[page_map.span_count - 1];
	u64 top = 0;

	for (u32 i = 0; i < build.ram_count; i++)
		top = MAX(top, build.ram[i].end);
	return HPA(MIN((last->first_block + last->blocks) * PAGE_SIZE_2M, top));
}

void page_map_build(const struct boot_info *boot)
{
	u64 books_at, pages;

	memset(&page_map, 0, sizeof(page_map));
	collect_ranges(boot);
	make_spans();
	panic_if(page_map.block_count == 0, "the boot loader reported no RAM");
	books_at = place_books();
	pages = page_map.block_count * BLOCK_PAGES;
	memset(page_map.tags, PAGE_TAG(ZONE_HOST, PAGE_ABSENT), pages);
	memset(page_map.groups, 0, page_map.group_count * sizeof(*page_map.groups));
	for (u64 i = 0; i < page_map.block_count; i++)
		page_map.blocks[i] = (struct page_block){ .node = PAGE_NODE_NONE };
	for (u64 i = 0; i < page_map.group_count; i++)
		page_map.groups[i].node = PAGE_NODE_NONE;
	page_map.books.pages[ZONE_HOST][PAGE_ABSENT] = pages;
	tag_all(boot, books_at);
	page_map.ram_top = find_ram_top();
}
