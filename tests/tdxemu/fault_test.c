/* SPDX-License-Identifier: BSD-2-Clause */
/* The plan only grows: every test uses leaves of its own. */
#include "tests/tdxemu/fault.h"

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
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
