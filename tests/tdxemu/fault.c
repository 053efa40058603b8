/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripted and random refusals, platform words.
 *
 * A script is a table of (leaf, call number, status); every leaf counts its calls over all cores, from the machine's start.
 * A random plan (fault_plan.c) is such a table too, but its calls are counted from the load of the module that drew it.
 * The script is asked first, chaos last. Chaos draws from one generator per core, seeded by the option and the core's
 * number, and answers one call in CHAOS_ONE_IN with one of the transient statuses that the leaf may give by itself
 * without having done anything (TDX Module ABI, the leaf's "Completion Status Codes"). Leaves whose interruption keeps
 * state (TDH.PHYMEM.CACHE.WB) are interrupted by their own code, not here. The same call never gets two refusals in a
 * row from chaos on one core: a host that retries once gets on.
 * Callers: fault_configure() boot core; the rest any core.
 */
#include "tests/tdxemu/fault.h"

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/fault_text.h"
#include "tests/tdxemu/options.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/verdict.h"

#define FAULT_MAX_RULES 32
#define CHAOS_ONE_IN 8
#define CHAOS_MAX_CHOICES 3

struct fault_counters {
	u64 calls[2 * FAULT_MAX_LEAF];	/* atomic, by fault_leaf_slot() */
};

enum fault_plan_source {
	NO_PLANS,
	PLANS_AT_RANDOM,
	PLANS_OF_STATUSES,
};

struct chaos_row {
	u16 leaf;
	u64 choices[CHAOS_MAX_CHOICES];	/* zero ends the list */
};

/* clang-format off */
static const struct chaos_row chaos_rows[] = {
	{ TDH_SYS_INIT, { TDX_SYS_BUSY, TDX_RND_NO_ENTROPY } },
	{ TDH_SYS_LP_INIT, { TDX_SYS_BUSY, TDX_RND_NO_ENTROPY } },
	{ TDH_SYS_CONFIG, { TDX_SYS_BUSY } },
	{ TDH_SYS_KEY_CONFIG, { TDX_SYS_BUSY, TDX_KEY_GENERATION_FAILED, BUSY(KET) } },
	{ TDH_SYS_TDMR_INIT, { BUSY(RCX) } },
	{ TDH_SYS_DISABLE, { TDX_SYS_BUSY, TDX_INTERRUPTED_RESUMABLE } },
	{ TDH_PHYMEM_PAGE_RDMD, { BUSY(RCX) } },
	{ TDH_PHYMEM_PAGE_RECLAIM, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_PHYMEM_PAGE_WBINVD, { BUSY(RCX) } },
	{ TDH_PHYMEM_CACHE_WB, { BUSY(WBCACHE), BUSY(KOT) } },
	{ TDH_PHYMEM_PAMT_ADD, { BUSY(RCX) } },
	{ TDH_PHYMEM_PAMT_REMOVE, { BUSY(RCX) } },
	{ TDH_MNG_CREATE, { BUSY(RCX), BUSY(KOT), TDX_RND_NO_ENTROPY } },
	{ TDH_MNG_KEY_CONFIG, { BUSY(RCX), BUSY(KET), TDX_KEY_GENERATION_FAILED } },
	{ TDH_MNG_ADDCX, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_MNG_INIT, { BUSY(RCX) } },
	{ TDH_MNG_RD, { BUSY(RCX) } },
	{ TDH_MNG_WR, { BUSY(RCX) } },
	{ TDH_MNG_VPFLUSHDONE, { BUSY(RCX), BUSY(KOT) } },
	{ TDH_MNG_KEY_FREEID, { BUSY(RCX), BUSY(KOT) } },
	{ TDH_VP_CREATE, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_VP_ADDCX, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_VP_INIT, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_VP_FLUSH, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_VP_RD, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_VP_WR, { BUSY(RCX), BUSY(TDR) } },
	{ TDH_VP_ENTER, { BUSY(TD_EPOCH), BUSY(SEPT_TREE) } },
	{ TDH_MR_EXTEND, { BUSY(RDX) } },
	{ TDH_MR_FINALIZE, { BUSY(RCX) } },
	{ TDH_MEM_SEPT_ADD, { BUSY(SEPT_TREE), BUSY(RCX) } },
	{ TDH_MEM_SEPT_RD, { BUSY(SEPT_TREE) } },
	{ TDH_MEM_SEPT_REMOVE, { BUSY(SEPT_TREE), BUSY(RCX) } },
	{ TDH_MEM_PAGE_ADD, { BUSY(SEPT_TREE), BUSY(R8) } },
	{ TDH_MEM_PAGE_AUG, { BUSY(SEPT_TREE), BUSY(RCX) } },
	{ TDH_MEM_RANGE_BLOCK, { BUSY(SEPT_TREE), BUSY(RCX) } },
	{ TDH_MEM_RANGE_UNBLOCK, { BUSY(SEPT_TREE), BUSY(RCX) } },
	{ TDH_MEM_TRACK, { BUSY(TD_EPOCH), TDX_PREVIOUS_TLB_EPOCH_BUSY } },
	{ TDH_MEM_PAGE_REMOVE, { BUSY(SEPT_TREE), BUSY(RCX) } },
	{ TDH_MEM_PAGE_RELOCATE, { BUSY(SEPT_TREE), BUSY(RCX) } },
	{ TDH_MEM_PAGE_PROMOTE, { BUSY(SEPT_TREE), TDX_INTERRUPTED_RESTARTABLE } },
	{ TDH_MEM_PAGE_DEMOTE, { BUSY(SEPT_TREE), TDX_INTERRUPTED_RESTARTABLE } },
};

#define PLATFORM_WORD(name, word) [PLATFORM_##name] = word,
static const char *const platform_words[PLATFORM_WORD_COUNT] = { PLATFORM_WORD_LIST(PLATFORM_WORD) };
/* clang-format on */

static struct {
	struct fault_rule rules[FAULT_MAX_RULES];
	u32 rule_count;
	struct fault_counters since_start;	/* kept only when there are rules */
	enum fault_plan_source plans;
	u64 plan_seed;	/* PLANS_OF_STATUSES: the leaf that refuses */
	u64 next_plan;
	struct fault_plan plan;
	struct fault_counters since_load;
	u32 plan_refusals;	/* atomic */
	bool platform[PLATFORM_WORD_COUNT];
	bool chaos;
	u64 random[EMU_MAX_CPUS];	/* owning core */
	u64 refused_leaf[EMU_MAX_CPUS];	/* owning core: leaf + 1 of the last refusal by chaos, else 0 */
} fault;

static void add_rule(char *text)
{
	struct fault_rule rule = fault_rule_parse(text);

	if (fault.rule_count == FAULT_MAX_RULES)
		verdict_stop("command line: more than %u faults", FAULT_MAX_RULES);
	fault.rules[fault.rule_count++] = rule;
}

static void set_platform(const char *word)
{
	for (u32 i = 0; i < PLATFORM_WORD_COUNT; i++) {
		if (strcmp(word, platform_words[i]) == 0) {
			fault.platform[i] = true;
			return;
		}
	}
	verdict_stop("command line: platform=%s is not known", word);
}

static void start_chaos(u64 seed)
{
	fault.chaos = true;
	for (u32 i = 0; i < EMU_MAX_CPUS; i++)
		fault.random[i] = (seed + 1) * 0x9e3779b97f4a7c15ull + i;	/* never zero for the generator below */
	verdict_note("chaos: seed %lu, one call in %u", seed, CHAOS_ONE_IN);
}

/* "SEED", or "SEED.NUMBER": begin with plan NUMBER. */
static void start_plans(char *text)
{
	char *list = text;
	char *seed = option_next(&list, '.');

	fault.next_plan = 0;
	if (seed == NULL || !option_number(seed, &fault.plan_seed) || (*list != '\0' && !option_number(list, &fault.next_plan)))
		verdict_stop("command line: plans= is SEED or SEED.NUMBER");
	fault.plans = PLANS_AT_RANDOM;
}

static void start_statuses(const char *leaf)
{
	fault.next_plan = 0;
	fault.plan_seed = fault_leaf_parse(leaf);
	fault.plans = PLANS_OF_STATUSES;
}

void fault_module_loaded(void)
{
	static const char *const kinds[] = {
		[FAULT_PLAN_TRANSIENT] = "transient",
		[FAULT_PLAN_PERMANENT] = "permanent",
	};
	char text[FAULT_PLAN_TEXT_BYTES];

	if (fault.plans == NO_PLANS)
		return;
	if (fault.plan.count != 0)
		verdict_note("plan %lu.%lu has refused %u of %u calls", fault.plan_seed, fault.next_plan - 1,
			     fault.plan_refusals, fault.plan.count);
	memset(&fault.since_load, 0, sizeof(fault.since_load));
	fault.plan_refusals = 0;
	if (fault.plans == PLANS_AT_RANDOM)
		fault_plan_draw(fault.plan_seed, fault.next_plan, &fault.plan);
	else
		fault_plan_of_status(fault.plan_seed, fault.next_plan, &fault.plan);
	fault_plan_print(&fault.plan, text, sizeof(text));
	verdict_note("plan %lu.%lu %s: %s", fault.plan_seed, fault.next_plan, kinds[fault.plan.kind], text);
	fault.next_plan++;
}

void fault_configure(const char *cmdline)
{
	char value[OPTION_BYTES];
	char *list = value;
	char *piece;
	u64 seed;

	if (option_value(cmdline, "fault", value))
		while ((piece = option_next(&list, ',')) != NULL)
			add_rule(piece);
	list = value;
	if (option_value(cmdline, "platform", value))
		while ((piece = option_next(&list, ',')) != NULL)
			set_platform(piece);
	fault.chaos = false;
	if (option_value(cmdline, "chaos", value)) {
		if (!option_number(value, &seed))
			verdict_stop("command line: chaos=%s is not a number", value);
		start_chaos(seed);
	}
	if (option_value(cmdline, "plans", value))
		start_plans(value);
	else if (option_value(cmdline, "statuses", value))
		start_statuses(value);
}

/* Marsaglia's xorshift. */
static u64 random_of(struct emu_cpu *cpu)
{
	u64 x = fault.random[cpu->index];

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	fault.random[cpu->index] = x;
	return x;
}

static bool chaos_take(struct emu_cpu *cpu, u64 leaf, u64 *status)
{
	u64 random = random_of(cpu) >> 16;
	u64 *refused = &fault.refused_leaf[cpu->index];
	u32 choices = 0;

	if (random % CHAOS_ONE_IN != 0 || *refused == leaf + 1) {
		*refused = 0;
		return false;
	}
	for (u32 i = 0; i < ARRAY_SIZE(chaos_rows); i++) {
		if (chaos_rows[i].leaf != leaf)
			continue;
		while (choices < CHAOS_MAX_CHOICES && chaos_rows[i].choices[choices] != 0)
			choices++;
		*status = chaos_rows[i].choices[(random / CHAOS_ONE_IN) % choices];
		*refused = leaf + 1;
		return true;
	}
	return false;
}

static bool rules_take(const struct fault_rule *rules, u32 count, struct fault_counters *counters, u64 leaf,
		       u64 *status)
{
	u64 call;
	u32 slot;

	if (count == 0 || !fault_leaf_slot(leaf, &slot))
		return false;
	call = __atomic_add_fetch(&counters->calls[slot], 1, __ATOMIC_RELAXED);
	for (u32 i = 0; i < count; i++) {
		if (rules[i].leaf == leaf && (rules[i].call == FAULT_EVERY_CALL || rules[i].call == call)) {
			*status = rules[i].status;
			return true;
		}
	}
	return false;
}

bool fault_take(struct emu_cpu *cpu, u64 leaf, u64 *status)
{
	if (rules_take(fault.rules, fault.rule_count, &fault.since_start, leaf, status))
		return true;
	if (rules_take(fault.plan.rules, fault.plan.count, &fault.since_load, leaf, status)) {
		__atomic_add_fetch(&fault.plan_refusals, 1, __ATOMIC_RELAXED);
		return true;
	}
	return fault.chaos && chaos_take(cpu, leaf, status);
}

bool fault_platform(enum platform_word word)
{
	return fault.platform[word];
}

const char *fault_platform_name(enum platform_word word)
{
	return platform_words[word];
}

void fault_rules_forget(void)
{
	fault.rule_count = 0;
}

void fault_platform_forget(void)
{
	memset(fault.platform, 0, sizeof(fault.platform));
}
