/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDMR construction. The TD pool is chosen in granules of 1 GiB, because a TDMR covers whole GiBs and costs its PAMT
 * for all of it; inside a granule the pool takes free memory from the top and leaves the rest to the host. A TDMR may
 * cover host memory as long as that is convertible: it is just never given to the module.
 *
 * Pure. Manual: TDX Module ABI, "TDMR_INFO" and "TDH.SYS.CONFIG Leaf" (order and rules of the checks).
 */
#include "tdx/tdmr.h"

#include "include/cella/errno.h"
#include "kernel/lib/string.h"

enum {
	PAMT_AREAS = 2,	/* reserved areas per TDMR kept free for PAMTs when granules are chosen */
	AREAS_WHILE_BUILDING = 3 * TDX_MAX_TDMRS + TDX_MAX_CMRS + 1,	/* before merging */
};

static u64 end_of(struct tdmr_range range)
{
	return range.base + range.bytes;
}

/* The part of @range from @at on that no CMR covers, and where it begins; bytes 0: everything up to the end is covered.
 */
static struct tdmr_range next_hole(struct tdmr_range range, u64 at, const struct tdx_cmr *cmrs, u32 cmr_count)
{
	u64 hole_end = end_of(range);

	for (u32 i = 0; i < cmr_count; i++) {
		if (!cmrs[i].bytes || cmrs[i].base + cmrs[i].bytes <= at)
			continue;
		if (cmrs[i].base > at) {
			hole_end = MIN(hole_end, cmrs[i].base);
			break;
		}
		at = cmrs[i].base + cmrs[i].bytes;	/* inside this one: go on behind it */
	}
	if (at >= hole_end)
		return (struct tdmr_range){ end_of(range), 0 };
	return (struct tdmr_range){ at, hole_end - at };
}

bool tdmr_is_convertible(struct tdmr_range range, const struct tdx_cmr *cmrs, u32 cmr_count)
{
	return next_hole(range, range.base, cmrs, cmr_count).bytes == 0;
}

static u32 count_holes(struct tdmr_range range, const struct tdx_cmr *cmrs, u32 cmr_count)
{
	u32 holes = 0;
	struct tdmr_range hole = next_hole(range, range.base, cmrs, cmr_count);

	while (hole.bytes) {
		holes++;
		hole = next_hole(range, end_of(hole), cmrs, cmr_count);
	}
	return holes;
}

/* ---- the pool ---- */

/* Slot of the granule at @base, inserted in order if it is new; NULL: table full. */
static struct tdmr_granule *granule_at(struct tdmr_granule *granules, u32 *count, u32 capacity, u64 base)
{
	u32 i = *count;

	while (i > 0 && granules[i - 1].base >= base)
		i--;
	if (i < *count && granules[i].base == base)
		return &granules[i];
	if (*count == capacity)
		return NULL;
	memmove(&granules[i + 1], &granules[i], (*count - i) * sizeof(granules[0]));
	++*count;
	granules[i] = (struct tdmr_granule){ .base = base };
	return &granules[i];
}

u32 tdmr_count_usable(struct tdmr_granule *granules, u32 count, u32 capacity, struct tdmr_range free_range,
		      const struct tdx_cmr *cmrs, u32 cmr_count)
{
	u64 end = ALIGN_DOWN(end_of(free_range), PAGE_SIZE_2M);

	for (u64 at = ALIGN_UP(free_range.base, PAGE_SIZE_2M); at < end;) {
		u64 granule_end = ALIGN_DOWN(at, TDX_TDMR_ALIGN) + TDX_TDMR_ALIGN;
		u64 stop = MIN(end, granule_end);
		u64 usable = 0;

		for (; at < stop; at += PAGE_SIZE_2M)
			if (tdmr_is_convertible((struct tdmr_range){ at, PAGE_SIZE_2M }, cmrs, cmr_count))
				usable += PAGE_SIZE_2M;
		if (usable) {
			struct tdmr_granule *granule =
				granule_at(granules, &count, capacity, granule_end - TDX_TDMR_ALIGN);

			if (granule)
				granule->usable_bytes += usable;
		}
	}
	return count;
}

/* The untaken granule with most usable memory, the highest among equals; NULL: none. */
static struct tdmr_granule *best_granule(struct tdmr_granule *granules, u32 count, const struct tdmr_limits *limits,
					 const struct tdx_cmr *cmrs, u32 cmr_count)
{
	struct tdmr_granule *best = NULL;

	for (u32 i = 0; i < count; i++) {
		struct tdmr_granule *granule = &granules[i];

		if (granule->taken_bytes || (best && granule->usable_bytes < best->usable_bytes))
			continue;
		if (count_holes((struct tdmr_range){ granule->base, TDX_TDMR_ALIGN }, cmrs, cmr_count) + PAMT_AREAS >
		    limits->max_reserved)
			continue;
		best = granule;
	}
	return best;
}

u64 tdmr_choose(struct tdmr_granule *granules, u32 count, u64 wanted_bytes, const struct tdmr_limits *limits,
		const struct tdx_cmr *cmrs, u32 cmr_count)
{
	u64 taken = 0;

	wanted_bytes = ALIGN_UP(wanted_bytes, PAGE_SIZE_2M);
	while (taken < wanted_bytes) {
		struct tdmr_granule *granule = best_granule(granules, count, limits, cmrs, cmr_count);

		if (!granule)
			break;
		granule->taken_bytes = MIN(granule->usable_bytes, wanted_bytes - taken);
		taken += granule->taken_bytes;
	}
	return taken;
}

/* ---- TDMRs ---- */

/* Granules of the run of neighbours that begins with granule @at, which is part of the pool. */
static u32 run_length(const struct tdmr_granule *granules, u32 count, u32 at)
{
	u32 length = 1;

	while (at + length < count && granules[at + length].taken_bytes &&
	       granules[at + length].base == granules[at].base + length * TDX_TDMR_ALIGN)
		length++;
	return length;
}

/* Number of TDMRs when none is larger than @largest granules; 0 when one run after the other does not fit. */
static u32 tdmrs_needed(const struct tdmr_granule *granules, u32 count, u32 largest)
{
	u32 needed = 0;

	for (u32 i = 0; i < count;) {
		u32 length = 1;

		if (granules[i].taken_bytes) {
			length = run_length(granules, count, i);
			needed += DIV_ROUND_UP(length, largest);
		}
		i += length;
	}
	return needed;
}

int tdmr_cover(const struct tdmr_granule *granules, u32 count, const struct tdmr_limits *limits,
	       struct tdx_tdmr_info *tdmrs, u32 *tdmr_count)
{
	u32 capacity = MIN(limits->max_tdmrs, (u32)TDX_MAX_TDMRS);
	u32 largest = 1;
	u32 used = 0;

	while (tdmrs_needed(granules, count, largest) > capacity) {
		if (largest > count)
			return -ENOSPC;
		largest *= 2;
	}
	for (u32 i = 0; i < count;) {
		u32 length = 1;

		if (granules[i].taken_bytes) {
			length = MIN(run_length(granules, count, i), largest);
			tdmrs[used++] = (struct tdx_tdmr_info){
				.base = granules[i].base,
				.bytes = length * TDX_TDMR_ALIGN,
			};
		}
		i += length;
	}
	*tdmr_count = used;
	return 0;
}

/* ---- PAMTs ---- */

static u64 level_pamt_bytes(u64 bytes, enum tdx_level level, const struct tdmr_limits *limits)
{
	u64 page_bytes = (u64)PAGE_SIZE << (9 * level);

	return ALIGN_UP(bytes / page_bytes * limits->entry_bytes[level], PAGE_SIZE);
}

u64 tdmr_pamt_bytes(u64 bytes, const struct tdmr_limits *limits)
{
	return level_pamt_bytes(bytes, TDX_LEVEL_4K, limits) + level_pamt_bytes(bytes, TDX_LEVEL_2M, limits) +
	       level_pamt_bytes(bytes, TDX_LEVEL_1G, limits);
}

void tdmr_set_pamt(struct tdx_tdmr_info *tdmr, u64 block, const struct tdmr_limits *limits)
{
	tdmr->pamt_4k_base = block;
	tdmr->pamt_4k_bytes = level_pamt_bytes(tdmr->bytes, TDX_LEVEL_4K, limits);
	tdmr->pamt_2m_base = tdmr->pamt_4k_base + tdmr->pamt_4k_bytes;
	tdmr->pamt_2m_bytes = level_pamt_bytes(tdmr->bytes, TDX_LEVEL_2M, limits);
	tdmr->pamt_1g_base = tdmr->pamt_2m_base + tdmr->pamt_2m_bytes;
	tdmr->pamt_1g_bytes = level_pamt_bytes(tdmr->bytes, TDX_LEVEL_1G, limits);
}

/* ---- reserved areas ---- */

struct area_list {
	u32 count;
	struct tdmr_range areas[AREAS_WHILE_BUILDING];	/* ascending, apart from each other */
};

/* Add the part of @area that lies in @tdmr; areas that overlap or touch become one. */
static void add_area(struct area_list *list, struct tdmr_range tdmr, struct tdmr_range area)
{
	u64 start = MAX(area.base, tdmr.base);
	u64 end = MIN(end_of(area), end_of(tdmr));
	u32 from = 0;
	u32 to;

	if (start >= end)
		return;
	while (from < list->count && end_of(list->areas[from]) < start)
		from++;
	for (to = from; to < list->count && list->areas[to].base <= end; to++) {
		start = MIN(start, list->areas[to].base);
		end = MAX(end, end_of(list->areas[to]));
	}
	/* [from, to) merge into one: to - from of them go, one comes */
	memmove(&list->areas[from + 1], &list->areas[to], (list->count - to) * sizeof(list->areas[0]));
	list->count = list->count - (to - from) + 1;
	list->areas[from] = (struct tdmr_range){ start, end - start };
}

int tdmr_reserve(struct tdx_tdmr_info *tdmrs, u32 tdmr_count, const struct tdx_cmr *cmrs, u32 cmr_count,
		 const struct tdmr_limits *limits, u32 *failed)
{
	static struct area_list list;	/* too large for a stack; bring-up has one caller at a time */

	for (u32 i = 0; i < tdmr_count; i++) {
		struct tdmr_range tdmr = { tdmrs[i].base, tdmrs[i].bytes };
		struct tdmr_range hole = next_hole(tdmr, tdmr.base, cmrs, cmr_count);

		list.count = 0;
		for (; hole.bytes; hole = next_hole(tdmr, end_of(hole), cmrs, cmr_count))
			add_area(&list, tdmr, hole);
		for (u32 j = 0; j < tdmr_count; j++) {
			add_area(&list, tdmr, (struct tdmr_range){ tdmrs[j].pamt_4k_base, tdmrs[j].pamt_4k_bytes });
			add_area(&list, tdmr, (struct tdmr_range){ tdmrs[j].pamt_2m_base, tdmrs[j].pamt_2m_bytes });
			add_area(&list, tdmr, (struct tdmr_range){ tdmrs[j].pamt_1g_base, tdmrs[j].pamt_1g_bytes });
		}
		if (list.count > MIN(limits->max_reserved, (u32)TDX_MAX_RESERVED_AREAS)) {
			*failed = i;
			return -ENOSPC;
		}
		memset(tdmrs[i].reserved, 0, sizeof(tdmrs[i].reserved));
		for (u32 a = 0; a < list.count; a++) {
			tdmrs[i].reserved[a].offset_bytes = list.areas[a].base - tdmr.base;
			tdmrs[i].reserved[a].bytes = list.areas[a].bytes;
		}
	}
	return 0;
}
