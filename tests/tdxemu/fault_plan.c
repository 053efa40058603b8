/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random plans: one to three leaves of bring-up each refuse a few calls in a row with a transient status; in every
 * second plan one of them, or another leaf, then refuses for good.
 *
 * A refusal for good is a status that the leaf documents, with an operand it could name; one time in ANY_STATUS_ONE_IN
 * it is any error status of the module. Statuses that say success (KEY_CONFIGURED) are never drawn: a module that says
 * so without having done anything lies, and no host could notice. TDH.SYS.DISABLE is never refused for good, because
 * nothing but a reset helps then, nor TDH.PHYMEM.PAGE.RECLAIM, because the page would be lost by rule.
 * Transient: at most TRANSIENT_MOST times in a row for one leaf, so a host that retries more often gets on. Lack of entropy
 * is given by every leaf, as hosts expect it from every leaf.
 * Facts: tdx-host-system reference, "System leaves", "Codes of module 1.5.01".
 */
#include "tests/tdxemu/fault_plan.h"

#include "include/spec/tdx/leaf.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/refusal.h"

#define MOST_LEAVES 3
#define TRANSIENT_MOST 3
#define TRANSIENT_CHOICES 3
#define ANY_STATUS_ONE_IN 8
#define INFO1(index) ((u64)(index) << 8)	/* second byte of a status's details */

struct leaf_row {
	u16 leaf;
	u16 weight;
	u16 calls;	/* about as often as a small machine's bring-up makes them */
	u64 transient[TRANSIENT_CHOICES];	/* zero ends the list */
};

struct permanent_row {
	u16 leaf;
	u64 status;
};

/* clang-format off */
static const struct leaf_row leaf_rows[] = {
	{ TDH_SYS_INIT, 8, 1, { TDX_SYS_BUSY, TDX_RND_NO_ENTROPY } },
	{ TDH_SYS_LP_INIT, 8, 4, { TDX_SYS_BUSY, TDX_RND_NO_ENTROPY } },
	{ TDH_SYS_RD, 6, 100, { TDX_RND_NO_ENTROPY } },
	{ TDH_SYS_CONFIG, 8, 1, { TDX_SYS_BUSY, TDX_RND_NO_ENTROPY } },
	{ TDH_SYS_KEY_CONFIG, 8, 2, { TDX_SYS_BUSY, TDX_KEY_GENERATION_FAILED, BUSY(KET) } },
	{ TDH_SYS_TDMR_INIT, 8, 256, { BUSY(RCX), TDX_RND_NO_ENTROPY } },
	{ TDH_SYS_DISABLE, 2, 2, { TDX_SYS_BUSY, TDX_INTERRUPTED_RESUMABLE } },
	{ TDH_PHYMEM_PAGE_RDMD, 1, 8, { BUSY(RCX) } },
	{ TDH_PHYMEM_PAGE_RECLAIM, 1, 8, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_PHYMEM_PAGE_WBINVD, 1, 8, { BUSY(RCX) } },
	{ TDH_PHYMEM_CACHE_WB, 1, 2, { BUSY(WBCACHE), BUSY(KOT) } },
	{ TDH_PHYMEM_PAMT_ADD, 1, 8, { BUSY(RCX) } },
};

/* Refusals for good: first the leaf is drawn, then one of its rows. */
static const struct permanent_row permanent_rows[] = {
	{ TDH_SYS_INIT, INVALID(RCX) },
	{ TDH_SYS_INIT, TDX_SYS_INIT_NOT_PENDING },
	{ TDH_SYS_INIT, TDX_INCORRECT_MSR_VALUE | IA32_ARCH_CAPABILITIES },
	{ TDH_SYS_INIT, TDX_INCORRECT_MSR_VALUE | IA32_TME_CAPABILITY },
	{ TDH_SYS_INIT, TDX_INCORRECT_MSR_VALUE | IA32_TME_ACTIVATE },
	{ TDH_SYS_INIT, TDX_INCORRECT_MSR_VALUE | IA32_VMX_BASIC },
	{ TDH_SYS_INIT, TDX_LIMIT_CPUID_MAXVAL_SET },
	{ TDH_SYS_INIT, TDX_CPUID_LEAF_NOT_SUPPORTED | 0x1f },
	{ TDH_SYS_INIT, TDX_INCORRECT_CPUID_VALUE },
	{ TDH_SYS_INIT, TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED },
	{ TDH_SYS_INIT, TDX_INVALID_WBINVD_SCOPE },
	{ TDH_SYS_INIT, TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED | 2048 },
	{ TDH_SYS_INIT, TDX_CMR_LIST_INVALID },
	{ TDH_SYS_INIT, TDX_SMRR_NOT_SUPPORTED },
	{ TDH_SYS_INIT, TDX_SMRR_LOCK_NOT_SUPPORTED },
	{ TDH_SYS_INIT, TDX_SMRR_NOT_LOCKED | 1 },
	{ TDH_SYS_INIT, TDX_INVALID_SMRR_CONFIGURATION },
	{ TDH_SYS_INIT, TDX_SMRR_OVERLAPS_CMR | INFO1(1) },
	{ TDH_SYS_INIT, TDX_INCOMPATIBLE_SEAM_CAPABILITIES },
	{ TDH_SYS_INIT, TDX_SYS_INCOMPATIBLE_SIGSTRUCT },
	{ TDH_SYS_LP_INIT, TDX_SYS_LP_INIT_NOT_PENDING },
	{ TDH_SYS_LP_INIT, TDX_INCOMPATIBLE_SEAM_CAPABILITIES },
	{ TDH_SYS_LP_INIT, TDX_INCONSISTENT_MSR | IA32_TSC_ADJUST },
	{ TDH_SYS_LP_INIT, TDX_INCONSISTENT_MSR | IA32_TME_ACTIVATE },
	{ TDH_SYS_LP_INIT, TDX_LIMIT_CPUID_MAXVAL_SET },
	{ TDH_SYS_LP_INIT, TDX_INCONSISTENT_CPUID_FIELD },
	{ TDH_SYS_LP_INIT, TDX_INVALID_PKG_ID | 8 },
	{ TDH_SYS_RD, TDX_SYS_LP_INIT_NOT_DONE },
	{ TDH_SYS_RD, TDX_METADATA_FIELD_ID_INCORRECT },
	{ TDH_SYS_RD, TDX_METADATA_FIELD_NOT_READABLE },
	{ TDH_SYS_CONFIG, TDX_SYS_CONFIG_NOT_PENDING },
	{ TDH_SYS_CONFIG, INVALID(RCX) },
	{ TDH_SYS_CONFIG, INVALID(RDX) },
	{ TDH_SYS_CONFIG, INVALID(R8) },
	{ TDH_SYS_CONFIG, TDX_INVALID_TDMR },
	{ TDH_SYS_CONFIG, TDX_NON_ORDERED_TDMR | 1 },
	{ TDH_SYS_CONFIG, TDX_TDMR_OUTSIDE_CMRS },
	{ TDH_SYS_CONFIG, TDX_INVALID_PAMT | INFO1(2) },
	{ TDH_SYS_CONFIG, TDX_PAMT_OUTSIDE_CMRS | INFO1(1) },
	{ TDH_SYS_CONFIG, TDX_PAMT_OVERLAP },
	{ TDH_SYS_CONFIG, TDX_INVALID_RESERVED_IN_TDMR | INFO1(3) },
	{ TDH_SYS_CONFIG, TDX_NON_ORDERED_RESERVED_IN_TDMR | INFO1(1) },
	{ TDH_SYS_KEY_CONFIG, TDX_SYS_KEY_CONFIG_NOT_PENDING },
	{ TDH_SYS_TDMR_INIT, INVALID(RCX) },
	{ TDH_SYS_TDMR_INIT, TDX_SYS_NOT_READY },
	{ TDH_PHYMEM_PAGE_RDMD, TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OPERAND_ID_RCX },
	{ TDH_PHYMEM_PAGE_WBINVD, TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RCX },
	{ TDH_PHYMEM_CACHE_WB, INVALID(RCX) },
	{ TDH_PHYMEM_PAMT_ADD, TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_RDX },
};

#define STATUS_VALUE(name, value) value,
static const u64 any_status[] = { TDX_STATUS_LIST(STATUS_VALUE) };
/* clang-format on */

static const u32 any_operand[] = { 0, TDX_OPERAND_ID_RCX, TDX_OPERAND_ID_RDX, TDX_OPERAND_ID_SYS, IA32_TME_ACTIVATE };

/* Steele, Lea, Flood: SplitMix, "Fast Splittable Pseudorandom Number Generators". */
static u64 next_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static u32 below(u64 *state, u32 bound)
{
	return (u32)(next_random(state) % bound);
}

static const struct leaf_row *pick_leaf(u64 *state)
{
	u32 weights = 0, ticket;

	for (u32 i = 0; i < ARRAY_SIZE(leaf_rows); i++)
		weights += leaf_rows[i].weight;
	ticket = below(state, weights);
	for (u32 i = 0;; i++) {
		if (ticket < leaf_rows[i].weight)
			return &leaf_rows[i];
		ticket -= leaf_rows[i].weight;
	}
}

/* Most refusals begin with the first call, which every bring-up makes: a rule for a call that never comes is no test. */
static u64 pick_call(u64 *state, const struct leaf_row *row)
{
	return below(state, 3) != 0 ? 1 : 1 + below(state, row->calls);
}

/* The last call of @leaf that the plan refuses; 0: none. */
static u64 last_refused_call(const struct fault_plan *plan, u64 leaf)
{
	u64 last = 0;

	for (u32 i = 0; i < plan->count; i++)
		if (plan->rules[i].leaf == leaf)
			last = MAX(last, plan->rules[i].call);
	return last;
}

/* A few refusals in a row, and room left in the plan for one rule more. */
static void add_transient(struct fault_plan *plan, u64 *state)
{
	const struct leaf_row *row = pick_leaf(state);
	u64 call = pick_call(state, row);
	u32 times = 1 + below(state, TRANSIENT_MOST);
	u32 choices = 0;

	if (last_refused_call(plan, row->leaf) != 0)
		return;
	while (choices < TRANSIENT_CHOICES && row->transient[choices] != 0)
		choices++;
	for (u32 i = 0; i < times && plan->count < FAULT_PLAN_RULES - 1; i++)
		plan->rules[plan->count++] = (struct fault_rule){
			.leaf = row->leaf, .call = call + i, .status = row->transient[below(state, choices)]
		};
}

static u64 pick_any_status(u64 *state)
{
	u64 status;

	do
		status = any_status[below(state, ARRAY_SIZE(any_status))];
	while ((status & TDX_STATUS_ERROR) == 0);
	return status | any_operand[below(state, ARRAY_SIZE(any_operand))];
}

/* One of the leaf's documented refusals; 0: it has none. */
static u64 pick_permanent_status(u64 *state, u64 leaf)
{
	u32 count = 0, chosen;

	for (u32 i = 0; i < ARRAY_SIZE(permanent_rows); i++)
		count += permanent_rows[i].leaf == leaf;
	if (count == 0)
		return 0;
	chosen = below(state, count);
	for (u32 i = 0;; i++)
		if (permanent_rows[i].leaf == leaf && chosen-- == 0)
			return permanent_rows[i].status;
}

static void add_permanent(struct fault_plan *plan, u64 *state)
{
	const struct leaf_row *row;
	u64 status, last;

	do {
		row = pick_leaf(state);
		status = pick_permanent_status(state, row->leaf);
	} while (status == 0);
	if (below(state, ANY_STATUS_ONE_IN) == 0)
		status = pick_any_status(state);
	last = last_refused_call(plan, row->leaf);
	plan->rules[plan->count++] = (struct fault_rule){
		.leaf = row->leaf, .call = last != 0 ? last + 1 : pick_call(state, row), .status = status
	};
}

bool fault_leaf_slot(u64 leaf, u32 *slot)
{
	u64 number = leaf & ~TDX_LEAF_SEAMLDR;

	*slot = (u32)number + (number != leaf ? FAULT_MAX_LEAF : 0);
	return number < FAULT_MAX_LEAF;
}

void fault_plan_draw(u64 seed, u64 number, struct fault_plan *plan)
{
	u64 state = seed;
	u32 leaves;

	state = next_random(&state) + number;
	leaves = 1 + below(&state, MOST_LEAVES);
	plan->kind = below(&state, 2) == 0 ? FAULT_PLAN_TRANSIENT : FAULT_PLAN_PERMANENT;
	plan->count = 0;
	for (u32 i = plan->kind == FAULT_PLAN_PERMANENT; i < leaves; i++)
		add_transient(plan, &state);
	if (plan->kind == FAULT_PLAN_PERMANENT)
		add_permanent(plan, &state);
}

void fault_plan_of_status(u64 leaf, u64 number, struct fault_plan *plan)
{
	u64 errors = 0, left;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(any_status); i++)
		errors += (any_status[i] & TDX_STATUS_ERROR) != 0;
	left = number % errors;
	for (i = 0; (any_status[i] & TDX_STATUS_ERROR) == 0 || left-- != 0; i++)
		;
	plan->kind = FAULT_PLAN_PERMANENT;
	plan->count = 1;
	plan->rules[0] = (struct fault_rule){ .leaf = leaf, .call = 1, .status = any_status[i] };
}
