/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan for the TD pool: which memory becomes pool, which TDMRs cover it, where their PAMTs lie, what in them is
 * reserved. Pure, no allocation; one caller at a time.
 */
#ifndef TDX_TDMR_PLAN_H
#define TDX_TDMR_PLAN_H

#include "include/cella/types.h"
#include "tdx/tdmr.h"

#define TDMR_MAX_RANGES 1024	/* free ranges looked at; a freshly booted machine has a few dozen */
#define TDMR_MAX_GRANULES 4096	/* 1 GiB each: 4 TiB of memory that the search looks at */

/* What is wanted, and from what. */
struct tdmr_request {
	struct tdmr_limits limits;
	const struct tdx_cmr *cmrs;	/* ascending, none empty */
	u32 cmr_count;
	u64 wanted_bytes;	/* of pool */
	u64 spare_bytes;	/* what pool and PAMTs may take together */
	u64 nodes;	/* that the pool may lie on, see tdmr_is_on() */
};

/* One GiB of address space that a TDMR may cover. */
struct tdmr_granule {
	u64 base;	/* HPA, 1 GiB aligned */
	u64 usable_bytes;	/* memory that the pool could take there, in whole 2 MiB blocks */
	u64 taken_bytes;	/* of these, from the top: part of the pool */
	u32 node;	/* of these, or of some of them */
	bool covered;	/* lies in a TDMR */
	bool bridged;	/* TDMRs go on from here to the next granule, whatever lies between */
};

struct tdmr_plan {
	u32 memory_count;
	struct tdmr_range memory[TDMR_MAX_RANGES];	/* free and convertible, ascending, 2 MiB blocks */
	u32 granule_count;
	struct tdmr_granule granules[TDMR_MAX_GRANULES];	/* ascending */
	u32 pool_count;
	struct tdmr_range pool[TDMR_MAX_RANGES];	/* descending, 2 MiB blocks */
	u32 tdmr_count;
	struct tdx_tdmr_info *tdmrs;	/* caller's, TDX_MAX_TDMRS of them; complete when the plan stands */
	struct tdmr_range pamts[TDX_MAX_TDMRS];	/* of each TDMR: one block for all three */
	u32 foreign_pamts;	/* that lie on another node than the memory they serve */
};

/** tdmr_plan_clear() - forget everything but @plan->tdmrs */
void tdmr_plan_clear(struct tdmr_plan *plan);
/** tdmr_plan_add() - note the convertible 2 MiB blocks of a free @range, above all noted before. A full list ignores it */
void tdmr_plan_add(struct tdmr_plan *plan, struct tdmr_range range, const struct tdx_cmr *cmrs, u32 cmr_count);
/**
 * tdmr_plan_make() - decide
 * 0: everything in @plan is filled, and the module's rules hold. Less pool than wanted is not an error, none is:
 * -ENOMEM, no usable memory, or none left beside the PAMTs.
 */
int __must_check tdmr_plan_make(struct tdmr_plan *plan, const struct tdmr_request *request);
/** tdmr_plan_pool_bytes() - how much pool it has */
u64 tdmr_plan_pool_bytes(const struct tdmr_plan *plan);

#endif
