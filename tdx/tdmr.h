/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The geometry of TDMRs: what is convertible, how large PAMTs are, what must be reserved.
 * Pure functions over arrays, no allocation, any context.
 */
#ifndef TDX_TDMR_H
#define TDX_TDMR_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"

/** level_bytes() - size of a page of @level; level_pages() - in 4 KiB pages */
static inline u64 level_bytes(enum tdx_level level)
{
	return (u64)PAGE_SIZE << (9 * level);
}

static inline u64 level_pages(enum tdx_level level)
{
	return 1ull << (9 * level);
}

/* A range of HPAs. */
struct tdmr_range {
	u64 base;
	u64 bytes;
	u32 node;	/* NUMA node of memory; areas and holes do without */
};

/* What the running module can take, and the arrays here. */
struct tdmr_limits {
	u32 max_tdmrs;
	u32 max_reserved;	/* areas per TDMR */
	u64 entry_bytes[TDX_LEVEL_1G + 1];	/* PAMT entry per page of each size */
	u32 bitmap_bits;	/* dynamic PAMT: bits per 4 KiB page in place of an entry; 0: static */
};

#define TDMR_MAX_AREAS (TDX_MAX_TDMRS + TDX_MAX_CMRS + 1)	/* before merging: every PAMT and every hole */

/* Reserved areas of one TDMR while they are collected. */
struct tdmr_areas {
	u32 count;
	struct tdmr_range area[TDMR_MAX_AREAS];	/* ascending, apart from each other */
};

static inline u64 tdmr_end(struct tdmr_range range)
{
	return range.base + range.bytes;
}

#define TDMR_ALL_NODES (~0ull)

/* @nodes: a bit per NUMA node; the last one stands for all higher ones. */
static inline bool tdmr_is_on(struct tdmr_range range, u64 nodes)
{
	return nodes & BIT(MIN(range.node, 63u));
}

/**
 * tdmr_next_hole() - the first part of @range from @at on that no CMR covers
 * Bytes 0, base at the end of @range: there is none. CMRs that touch count as one.
 */
struct tdmr_range tdmr_next_hole(struct tdmr_range range, u64 at, const struct tdx_cmr *cmrs, u32 cmr_count);

/** tdmr_pamt_bytes() - what the PAMTs of a TDMR of @bytes need together, in whole 4 KiB pages */
u64 tdmr_pamt_bytes(u64 bytes, const struct tdmr_limits *limits);
/** tdmr_set_pamt() - the three PAMTs of @tdmr one behind the other from @block on: 4 KiB, 2 MiB, 1 GiB */
void tdmr_set_pamt(struct tdx_tdmr_info *tdmr, u64 block, const struct tdmr_limits *limits);

/** tdmr_add_area() - the part of @area that lies in @within; areas that overlap or touch become one */
void tdmr_add_area(struct tdmr_areas *areas, struct tdmr_range within, struct tdmr_range area);
/** tdmr_holes() - as areas: everything in @within that no CMR covers */
void tdmr_holes(struct tdmr_areas *areas, struct tdmr_range within, const struct tdx_cmr *cmrs, u32 cmr_count);
/**
 * tdmr_merge_areas() - neighbours become one until @max are left (or one), each time those with the least memory of
 * @ranges on @nodes between them: a reserved area may be larger than what must be reserved
 */
void tdmr_merge_areas(struct tdmr_areas *areas, u32 max, const struct tdmr_range *ranges, u32 range_count, u64 nodes);
/** tdmr_is_reserved() - does @at lie in one of @areas? */
bool tdmr_is_reserved(const struct tdmr_areas *areas, u64 at);

#endif
