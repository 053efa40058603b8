/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of refusal, and plans of them drawn at random: what the module refuses between one load and the next. Plan
 * @number of @seed is the same on every machine. Pure functions.
 */
#ifndef TDXEMU_FAULT_PLAN_H
#define TDXEMU_FAULT_PLAN_H

#include "include/cella/types.h"

#define FAULT_PLAN_RULES 6
#define FAULT_EVERY_CALL 0
#define FAULT_MAX_LEAF 128	/* of the module, and as many of P-SEAMLDR */

struct fault_rule {
	u64 leaf;	/* with TDX_LEAF_SEAMLDR for a leaf of P-SEAMLDR */
	u64 call;	/* 1 = first, FAULT_EVERY_CALL */
	u64 status;
};

enum fault_plan_kind {
	FAULT_PLAN_TRANSIENT,	/* a host that retries a few times does not notice */
	FAULT_PLAN_PERMANENT,	/* the last rule is a refusal for good; the others are transient */
};

struct fault_plan {
	enum fault_plan_kind kind;
	u32 count;
	struct fault_rule rules[FAULT_PLAN_RULES];
};

/** fault_leaf_slot() - a number below 2 * FAULT_MAX_LEAF for @leaf; false: no such leaf can be */
bool fault_leaf_slot(u64 leaf, u32 *slot);
void fault_plan_draw(u64 seed, u64 number, struct fault_plan *plan);
/** fault_plan_of_status() - the first call of @leaf is refused with the @number-th error status of the module's table */
void fault_plan_of_status(u64 leaf, u64 number, struct fault_plan *plan);

#endif
