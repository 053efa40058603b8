/* SPDX-License-Identifier: BSD-2-Clause */
/* The script only grows: every test uses leaves of its own. Random plans stay until the next module load. */
#include "tests/tdxemu/fault.h"

#include <string.h>

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
#include "tests/tdxemu/fault_text.h"
#include "tests/tdxemu/options.h"
#include "tests/unit/fake_verdict.h"
#include "tests/unit/test.h"

static struct emu_cpu core = { .index = 0 };

TEST(only_the_call_that_the_plan_names_is_refused)
{
	u64 status = 0;

	fault_configure("fault=TDH.SYS.INFO:2:SYS_BUSY");
	CHECK(!fault_take(&core, TDH_SYS_INFO, &status));
	CHECK(fault_take(&core, TDH_SYS_INFO, &status));
	CHECK_EQ(status, TDX_SYS_BUSY);
	CHECK(!fault_take(&core, TDH_SYS_INFO, &status));
}

TEST(a_star_refuses_every_call)
{
	u64 status = 0;

	fault_configure("trace=none fault=TDH.MNG.RD:*:0x8000020000000001");
	for (u32 i = 0; i < 3; i++) {
		CHECK(fault_take(&core, TDH_MNG_RD, &status));
		CHECK_EQ(status, TDX_OPERAND_BUSY | TDX_OPERAND_ID_RCX);
		status = 0;
	}
}

TEST(names_of_both_spellings_and_numbers_are_leaves)
{
	u64 status = 0;

	fault_configure("fault=TDH_MR_EXTEND:1:OPERAND_BUSY,40:1:0x123");
	CHECK(fault_take(&core, TDH_MR_EXTEND, &status));
	CHECK_EQ(status, TDX_OPERAND_BUSY);
	CHECK(fault_take(&core, TDH_PHYMEM_CACHE_WB, &status));
	CHECK_EQ(status, 0x123);
}

TEST(a_wrong_plan_stops_with_the_wrong_word)
{
	CHECK(STOPS(fault_configure("fault=TDH.NO.LEAF:1:SYS_BUSY")));
	CHECK_STR(fake_verdict_text, "command line: fault=: no host leaf has the name TDH.NO.LEAF");
	CHECK(STOPS(fault_configure("fault=TDH.MNG.WR:0:SYS_BUSY")));
	CHECK(STOPS(fault_configure("fault=TDH.MNG.WR:1:NO_STATUS")));
	CHECK(STOPS(fault_configure("fault=TDH.MNG.WR:1")));
	CHECK(STOPS(fault_configure("platform=moon")));
	CHECK(STOPS(fault_configure("chaos=x")));
}

TEST(platform_words_are_remembered)
{
	CHECK(!fault_platform(PLATFORM_ONE_KEYID));
	fault_configure("platform=one-keyid,no-module");
	CHECK(fault_platform(PLATFORM_ONE_KEYID));
	CHECK(fault_platform(PLATFORM_NO_MODULE));
	CHECK(!fault_platform(PLATFORM_NO_TDX));
}

TEST(chaos_never_refuses_the_same_leaf_twice_in_a_row)
{
	u64 status = 0;
	u32 refused = 0;
	bool last = false;

	fault_configure("chaos=7");
	for (u32 i = 0; i < 4000; i++) {
		bool now = fault_take(&core, TDH_MEM_TRACK, &status);

		CHECK(!(now && last));
		if (now) {
			refused++;
			CHECK(status == (TDX_OPERAND_BUSY | TDX_OPERAND_ID_TD_EPOCH) ||
			      status == TDX_PREVIOUS_TLB_EPOCH_BUSY);
		}
		last = now;
	}
	CHECK(refused > 300 && refused < 700);
	CHECK(!fault_take(&core, TDH_SYS_RD, &status));
}

TEST(an_operand_is_a_name_or_a_number)
{
	char named[] = "TDH.PHYMEM.CACHE.WB:1:OPERAND_BUSY/KOT";
	char number[] = "TDH.SYS.INIT:2:INCORRECT_MSR_VALUE/0x982";
	char loader[] = "0x8000000000000001:1:0x8000000000020000";
	struct fault_rule rule = fault_rule_parse(named);

	CHECK_EQ(rule.status, TDX_OPERAND_BUSY | TDX_OPERAND_ID_KOT);
	rule = fault_rule_parse(number);
	CHECK_EQ(rule.leaf, TDH_SYS_INIT);
	CHECK_EQ(rule.call, 2);
	CHECK_EQ(rule.status, TDX_INCORRECT_MSR_VALUE | 0x982);
	CHECK_EQ(fault_rule_parse(loader).leaf, SEAMLDR_INSTALL);
	CHECK(STOPS(fault_configure("fault=TDH.MNG.WR:1:OPERAND_BUSY/MOON")));
	CHECK(STOPS(fault_configure("fault=TDH.MNG.WR:1:OPERAND_BUSY/0x100000000")));
}

TEST(the_module_and_its_loader_count_calls_apart)
{
	u64 status = 0;

	fault_configure("fault=0x8000000000000003:2:0x8000000000030001");
	CHECK(!fault_take(&core, SEAMLDR_SEAMINFO, &status));
	CHECK(!fault_take(&core, TDH_MEM_SEPT_ADD, &status));
	CHECK(fault_take(&core, SEAMLDR_SEAMINFO, &status));
	CHECK_EQ(status, 0x8000000000030001ull);
}

TEST(the_same_seed_and_number_draw_the_same_plan)
{
	struct fault_plan a, b;
	u32 equal = 0;

	for (u64 k = 0; k < 100; k++) {
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		fault_plan_draw(5, k, &a);
		fault_plan_draw(5, k, &b);
		CHECK(memcmp(&a, &b, sizeof(a)) == 0);
		memset(&b, 0, sizeof(b));
		fault_plan_draw(6, k, &b);
		equal += memcmp(&a, &b, sizeof(a)) == 0;
	}
	CHECK(equal < 5);
}

static bool is_transient(u64 status)
{
	switch (status & TDX_STATUS_CODE_MASK) {
	case TDX_SYS_BUSY:
	case TDX_RND_NO_ENTROPY:
	case TDX_OPERAND_BUSY:
	case TDX_KEY_GENERATION_FAILED:
	case TDX_INTERRUPTED_RESUMABLE:
		return true;
	default:
		return false;
	}
}

TEST(a_transient_plan_holds_a_few_transient_refusals_of_each_leaf)
{
	struct fault_plan plan;
	u32 transient = 0;

	for (u64 k = 0; k < 2000; k++) {
		u32 same_leaf = 0;

		fault_plan_draw(1, k, &plan);
		CHECK(plan.count >= 1 && plan.count <= FAULT_PLAN_RULES);
		transient += plan.kind == FAULT_PLAN_TRANSIENT;
		for (u32 i = 0; i + (plan.kind == FAULT_PLAN_PERMANENT) < plan.count; i++) {
			same_leaf = i > 0 && plan.rules[i].leaf == plan.rules[i - 1].leaf ? same_leaf + 1 : 1;
			CHECK(same_leaf <= 3);
			CHECK(is_transient(plan.rules[i].status));
			CHECK(plan.rules[i].call != 0);
		}
	}
	CHECK(transient > 900 && transient < 1100);
}

TEST(a_refusal_for_good_is_an_error_and_never_of_sys_disable)
{
	struct fault_plan plan;
	u32 leaf_seen = 0;

	for (u64 k = 0; k < 2000; k++) {
		const struct fault_rule *last;

		fault_plan_draw(2, k, &plan);
		if (plan.kind != FAULT_PLAN_PERMANENT)
			continue;
		last = &plan.rules[plan.count - 1];
		CHECK(last->leaf != TDH_SYS_DISABLE);
		CHECK(last->status & TDX_STATUS_ERROR);
		for (u32 i = 0; i + 1 < plan.count; i++)
			CHECK(plan.rules[i].leaf != last->leaf || plan.rules[i].call != last->call);
		if (last->leaf < 64)
			leaf_seen |= last->leaf >= TDH_SYS_KEY_CONFIG ? 1u << (last->leaf - TDH_SYS_KEY_CONFIG) : 0;
	}
	CHECK(leaf_seen & 1u << (TDH_SYS_INIT - TDH_SYS_KEY_CONFIG));
	CHECK(leaf_seen & 1u << (TDH_SYS_CONFIG - TDH_SYS_KEY_CONFIG));
	CHECK(leaf_seen & 1u << (TDH_SYS_TDMR_INIT - TDH_SYS_KEY_CONFIG));
}

TEST(the_text_of_a_plan_reads_back_as_the_same_plan)
{
	struct fault_plan plan;
	char text[FAULT_PLAN_TEXT_BYTES];
	char *list, *piece;
	u32 count;

	for (u64 k = 0; k < 2000; k++) {
		fault_plan_draw(3, k, &plan);
		fault_plan_print(&plan, text, sizeof(text));
		CHECK(strlen(text) + 1 < sizeof(text));
		CHECK(strchr(text, '?') == NULL && strchr(text, ' ') == NULL);
		list = text;
		for (count = 0; (piece = option_next(&list, ',')) != NULL && count < plan.count; count++) {
			struct fault_rule rule = fault_rule_parse(piece);

			CHECK_EQ(rule.leaf, plan.rules[count].leaf);
			CHECK_EQ(rule.call, plan.rules[count].call);
			CHECK_EQ(rule.status, plan.rules[count].status);
		}
		CHECK_EQ(count, plan.count);
	}
}

TEST(the_plans_of_statuses_go_through_the_table)
{
	struct fault_plan plan, next;

	fault_plan_of_status(TDH_SYS_CONFIG, 0, &plan);
	CHECK_EQ(plan.count, 1);
	CHECK_EQ(plan.rules[0].leaf, TDH_SYS_CONFIG);
	CHECK_EQ(plan.rules[0].call, 1);
	CHECK_EQ(plan.rules[0].status, TDX_INTERRUPTED_RESUMABLE);
	for (u64 k = 1; k < 100; k++) {
		fault_plan_of_status(TDH_SYS_CONFIG, k, &next);
		CHECK(next.rules[0].status & TDX_STATUS_ERROR);
		CHECK((next.rules[0].status & TDX_STATUS_IDENTITY_MASK) > (plan.rules[0].status & TDX_STATUS_IDENTITY_MASK));
		plan = next;
	}
	CHECK(STOPS(fault_configure("statuses=TDH.NO.LEAF")));
	fault_configure("statuses=TDH.SYS.CONFIG");
	fault_module_loaded();
	fault_module_loaded();
	CHECK(fault_take(&core, TDH_SYS_CONFIG, &plan.rules[0].status));
	CHECK_EQ(plan.rules[0].status, TDX_INTERRUPTED_RESTARTABLE);
	CHECK(!fault_take(&core, TDH_SYS_CONFIG, &plan.rules[0].status));
}

/* What the module refuses must be the plan's rules, and nothing before the first of them. */
static void check_plan_in_force(u64 seed, u64 number)
{
	struct fault_plan plan;
	u64 status;

	fault_plan_draw(seed, number, &plan);
	for (u64 call = 1; call < plan.rules[0].call; call++)
		CHECK(!fault_take(&core, plan.rules[0].leaf, &status));
	for (u32 i = 0; i < plan.count && plan.rules[i].leaf == plan.rules[0].leaf; i++) {
		CHECK(fault_take(&core, plan.rules[0].leaf, &status));
		CHECK_EQ(status, plan.rules[i].status);
	}
}

TEST(each_load_of_the_module_brings_the_next_plan)
{
	CHECK(STOPS(fault_configure("plans=x")));
	CHECK(STOPS(fault_configure("plans=4.x")));
	fault_configure("plans=900");
	fault_module_loaded();
	check_plan_in_force(900, 0);
	fault_module_loaded();
	check_plan_in_force(900, 1);
	fault_configure("plans=900.7");
	fault_module_loaded();
	check_plan_in_force(900, 7);
}
