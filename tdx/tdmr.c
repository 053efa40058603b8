/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holes between CMRs, sizes of PAMTs, lists of reserved areas. tdmr_plan.c decides with them.
 *
 * Pure. Manual: TDX Module ABI, "TDMR_INFO" and "TDH.SYS.CONFIG Leaf" (order and rules of the checks).
 */
#include "tdx/tdmr.h"

#include "kernel/lib/string.h"

struct tdmr_range tdmr_next_hole(struct tdmr_range range, u64 at, const struct tdx_cmr *cmrs, u32 cmr_count)
{
	u64 hole_end = tdmr_end(range);

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
		return (struct tdmr_range){ .base = tdmr_end(range) };
	return (struct tdmr_range){ .base = at, .bytes = hole_end - at };
}

/* ---- PAMTs ---- */

static u64 level_pamt_bytes(u64 bytes, enum tdx_level level, const struct tdmr_limits *limits)
{
	u64 pages = bytes / level_bytes(level);

	if (level == TDX_LEVEL_4K && limits->bitmap_bits)
		return ALIGN_UP(DIV_ROUND_UP(pages * limits->bitmap_bits, 8ull), PAGE_SIZE);
	return ALIGN_UP(pages * limits->entry_bytes[level], PAGE_SIZE);
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

void tdmr_add_area(struct tdmr_areas *areas, struct tdmr_range within, struct tdmr_range area)
{
	u64 start = MAX(area.base, within.base);
	u64 end = MIN(tdmr_end(area), tdmr_end(within));
	u32 from = 0;
	u32 to;

	if (start >= end)
		return;
	while (from < areas->count && tdmr_end(areas->area[from]) < start)
		from++;
	for (to = from; to < areas->count && areas->area[to].base <= end; to++) {
		start = MIN(start, areas->area[to].base);
		end = MAX(end, tdmr_end(areas->area[to]));
	}
	/* [from, to) merge into one: to - from of them go, one comes */
	memmove(&areas->area[from + 1], &areas->area[to], (areas->count - to) * sizeof(areas->area[0]));
	areas->count = areas->count - (to - from) + 1;
	areas->area[from] = (struct tdmr_range){ .base = start, .bytes = end - start };
}

void tdmr_holes(struct tdmr_areas *areas, struct tdmr_range within, const struct tdx_cmr *cmrs, u32 cmr_count)
{
	struct tdmr_range hole = tdmr_next_hole(within, within.base, cmrs, cmr_count);

	areas->count = 0;
	for (; hole.bytes; hole = tdmr_next_hole(within, tdmr_end(hole), cmrs, cmr_count))
		tdmr_add_area(areas, within, hole);
}

/* Bytes of @ranges on @nodes in [@start, @end). */
static u64 bytes_between(u64 start, u64 end, const struct tdmr_range *ranges, u32 count, u64 nodes)
{
	u64 bytes = 0;

	for (u32 i = 0; i < count; i++) {
		u64 from = MAX(start, ranges[i].base);
		u64 to = MIN(end, tdmr_end(ranges[i]));

		bytes += from < to && tdmr_is_on(ranges[i], nodes) ? to - from : 0;
	}
	return bytes;
}

void tdmr_merge_areas(struct tdmr_areas *areas, u32 max, const struct tdmr_range *ranges, u32 range_count, u64 nodes)
{
	while (areas->count > MAX(max, 1u)) {
		struct tdmr_range *area = areas->area;
		u64 least = ~0ull;
		u32 best = 0;

		for (u32 i = 0; i + 1 < areas->count; i++) {
			u64 bytes = bytes_between(tdmr_end(area[i]), area[i + 1].base, ranges, range_count, nodes);

			if (bytes < least) {
				least = bytes;
				best = i;
			}
		}
		area[best].bytes = tdmr_end(area[best + 1]) - area[best].base;
		areas->count--;
		memmove(&area[best + 1], &area[best + 2], (areas->count - best - 1) * sizeof(area[0]));
	}
}

bool tdmr_is_reserved(const struct tdmr_areas *areas, u64 at)
{
	for (u32 i = 0; i < areas->count; i++)
		if (at >= areas->area[i].base && at < tdmr_end(areas->area[i]))
			return true;
	return false;
}
