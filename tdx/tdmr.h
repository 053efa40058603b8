/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From convertible memory to TDMRs: which memory becomes the TD pool, which TDMRs cover it, what in them is reserved.
 * Pure functions over arrays, no allocation, any context.
 */
#ifndef TDX_TDMR_H
#define TDX_TDMR_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"

/* A range of HPAs. */
struct tdmr_range {
	u64 base;
	u64 bytes;
};

/* What the running module can take. */
struct tdmr_limits {
	u32 max_tdmrs;
	u32 max_reserved;	/* areas per TDMR */
	u64 entry_bytes[TDX_LEVEL_1G + 1];	/* PAMT entry per page of each size */
};

#define TDMR_MAX_GRANULES 4096	/* 1 GiB each that the search looks at: 4 TiB of TD pool */

/* One GiB of address space that a TDMR may cover. */
struct tdmr_granule {
	u64 base;	/* HPA, 1 GiB aligned */
	u64 usable_bytes;	/* free convertible memory in it, in whole 2 MiB blocks */
	u64 taken_bytes;	/* of these, from the top: part of the TD pool */
};

/** tdmr_is_convertible() - lies @range in one CMR, or in CMRs that touch? */
bool tdmr_is_convertible(struct tdmr_range range, const struct tdx_cmr *cmrs, u32 cmr_count);

/**
 * tdmr_count_usable() - add one free range of host RAM to the granules it lies in
 * @granules: @count used so far, sorted ascending, of @capacity. Only whole 2 MiB blocks that are convertible are
 * counted. Returns the new count; a full table ignores the rest.
 */
u32 tdmr_count_usable(struct tdmr_granule *granules, u32 count, u32 capacity, struct tdmr_range free_range,
		      const struct tdx_cmr *cmrs, u32 cmr_count);
/**
 * tdmr_choose() - take @wanted_bytes from the granules with most usable memory, the highest first among equals
 * Granules with more holes between CMRs than a TDMR can reserve, less the two areas kept for PAMTs, are left out.
 * Returns the bytes taken: more than nothing, less than one 2 MiB block more than wanted; less than wanted: no more
 * there.
 */
u64 tdmr_choose(struct tdmr_granule *granules, u32 count, u64 wanted_bytes, const struct tdmr_limits *limits,
		const struct tdx_cmr *cmrs, u32 cmr_count);

/**
 * tdmr_cover() - TDMRs over all granules with taken memory
 * Neighbouring granules are shared out over several TDMRs, as many as the module takes, because TDMRs are initialised
 * in parallel. @tdmrs: base and size are filled, the rest zeroed. -ENOSPC: more separate runs than TDMRs.
 */
int __must_check tdmr_cover(const struct tdmr_granule *granules, u32 count, const struct tdmr_limits *limits,
			    struct tdx_tdmr_info *tdmrs, u32 *tdmr_count);

/** tdmr_pamt_bytes() - what the PAMTs of a TDMR of @bytes need together, in whole 4 KiB pages */
u64 tdmr_pamt_bytes(u64 bytes, const struct tdmr_limits *limits);
/** tdmr_set_pamt() - the three PAMTs of @tdmr one behind the other from @block on: 4 KiB, 2 MiB, 1 GiB */
void tdmr_set_pamt(struct tdx_tdmr_info *tdmr, u64 block, const struct tdmr_limits *limits);

/**
 * tdmr_reserve() - fill the reserved areas of all TDMRs: what no CMR covers, and every PAMT
 * -ENOSPC: one TDMR needs more areas than the module takes; its index is in *@failed
 */
int __must_check tdmr_reserve(struct tdx_tdmr_info *tdmrs, u32 tdmr_count, const struct tdx_cmr *cmrs, u32 cmr_count,
			      const struct tdmr_limits *limits, u32 *failed);

#endif
