/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The architecture's rules for a list of TDMRs, written from the manual and not from tdx/tdmr_plan.c, whose plans are
 * checked with it. Includes no header of tdx/.
 */
#ifndef TESTS_UNIT_TDMR_CHECK_H
#define TESTS_UNIT_TDMR_CHECK_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"

struct check_range {
	u64 base, bytes;
	u32 node;
};

/* The machine and the module. */
struct check_world {
	const struct tdx_cmr *cmrs;
	u32 cmr_count;
	const struct check_range *free;	/* memory that the host could give away */
	u32 free_count;
	u32 max_tdmrs, max_reserved;
	u32 entry_bytes;
	u32 bitmap_bits;	/* dynamic PAMT; 0: static */
	u64 nodes;	/* the pool may lie on, a bit each */
	u64 spare_bytes;	/* for pool and PAMTs */
};

/** tdmr_check_list() - the rules of TDH.SYS.CONFIG, in its order; NULL: all hold, otherwise the one that does not */
const char *tdmr_check_list(const struct check_world *world, const struct tdx_tdmr_info *tdmrs, u32 count);
/** tdmr_check_memory() - is every page of pool and PAMTs free memory, of one use, and the pool usable by the module? */
const char *tdmr_check_memory(const struct check_world *world, const struct tdx_tdmr_info *tdmrs, u32 count,
			      const struct check_range *pool, u32 pool_count);
/** tdmr_check_must_exist() - is there a GiB that could be pool, and a place for its PAMTs beside it? Greedy: may say no */
bool tdmr_check_must_exist(const struct check_world *world);
/** tdmr_check_least_pool() - bytes of pool that one TDMR of a GiB around the longest stretch of memory gives, or 0 */
u64 tdmr_check_least_pool(const struct check_world *world);

#endif
