/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/tdmr.h"

#include <string.h>

#include "include/cella/errno.h"
#include "tests/unit/test.h"

#define GRANULES 256

static const struct tdmr_limits limits = {
	.max_tdmrs = 64,
	.max_reserved = 16,
	.entry_bytes = { 16, 16, 16 },
};

static struct tdmr_granule granules[GRANULES];
static struct tdx_tdmr_info tdmrs[TDX_MAX_TDMRS];

static struct tdx_cmr cmr(u64 base, u64 end)
{
	return (struct tdx_cmr){ base, end - base };
}

static struct tdmr_range range(u64 base, u64 end)
{
	return (struct tdmr_range){ base, end - base };
}

/* Granules of RAM that is free in [@base, @end) and convertible as @cmrs say. */
static u32 granules_of(u64 base, u64 end, const struct tdx_cmr *cmrs, u32 cmr_count)
{
	memset(granules, 0, sizeof(granules));
	return tdmr_count_usable(granules, 0, GRANULES, range(base, end), cmrs, cmr_count);
}

/* TDMRs over the first @count granules, all of them in the pool. */
static u32 cover_all(u32 count, const struct tdmr_limits *with)
{
	u32 tdmr_count = 0;

	for (u32 i = 0; i < count; i++)
		granules[i].taken_bytes = granules[i].usable_bytes;
	CHECK_EQ(tdmr_cover(granules, count, with, tdmrs, &tdmr_count), 0);
	return tdmr_count;
}

TEST(tdmr_convertible_may_span_cmrs_that_touch)
{
	const struct tdx_cmr cmrs[] = { cmr(MIB(1), GIB(1)), cmr(GIB(1), GIB(2)), { 0, 0 }, cmr(GIB(3), GIB(4)) };

	CHECK(tdmr_is_convertible(range(MIB(512), GIB(1) + MIB(512)), cmrs, 4));
	CHECK(tdmr_is_convertible(range(GIB(3), GIB(4)), cmrs, 4));
	CHECK(!tdmr_is_convertible(range(0, MIB(2)), cmrs, 4));
	CHECK(!tdmr_is_convertible(range(GIB(2) - MIB(2), GIB(2) + MIB(2)), cmrs, 4));
	CHECK(!tdmr_is_convertible(range(GIB(5), GIB(6)), cmrs, 4));
	CHECK(!tdmr_is_convertible(range(GIB(1), GIB(2)), cmrs, 0));
}

TEST(tdmr_usable_counts_whole_convertible_blocks_only)
{
	const struct tdx_cmr cmrs[] = { cmr(GIB(1) + MIB(3), GIB(3)) };

	CHECK_EQ(granules_of(GIB(1) + KIB(4), GIB(2) + MIB(5), cmrs, 1), 2);
	CHECK_EQ(granules[0].base, GIB(1));
	CHECK_EQ(granules[0].usable_bytes, GIB(1) - MIB(4));
	CHECK_EQ(granules[1].base, GIB(2));
	CHECK_EQ(granules[1].usable_bytes, MIB(4));
}

TEST(tdmr_usable_merges_ranges_of_one_granule_and_keeps_order)
{
	const struct tdx_cmr cmrs[] = { cmr(0, GIB(8)) };
	u32 count = 0;

	memset(granules, 0, sizeof(granules));
	count = tdmr_count_usable(granules, count, GRANULES, range(GIB(4), GIB(4) + MIB(10)), cmrs, 1);
	count = tdmr_count_usable(granules, count, GRANULES, range(GIB(1), GIB(1) + MIB(4)), cmrs, 1);
	count = tdmr_count_usable(granules, count, GRANULES, range(GIB(4) + MIB(20), GIB(4) + MIB(26)), cmrs, 1);
	CHECK_EQ(count, 2);
	CHECK_EQ(granules[0].base, GIB(1));
	CHECK_EQ(granules[1].usable_bytes, MIB(16));
	CHECK_EQ(tdmr_count_usable(granules, count, 2, range(GIB(6), GIB(7)), cmrs, 1), 2);
}

TEST(tdmr_choose_takes_the_fullest_granule_and_the_highest_among_equals)
{
	const struct tdx_cmr cmrs[] = { cmr(0, GIB(8)) };
	u32 count = granules_of(MIB(512), GIB(4), cmrs, 1);

	CHECK_EQ(tdmr_choose(granules, count, GIB(1), &limits, cmrs, 1), GIB(1));
	CHECK_EQ(granules[0].taken_bytes, 0);
	CHECK_EQ(granules[2].taken_bytes, 0);
	CHECK_EQ(granules[3].taken_bytes, GIB(1));
}

TEST(tdmr_choose_rounds_up_and_reports_what_there_is)
{
	const struct tdx_cmr cmrs[] = { cmr(0, GIB(8)) };
	u32 count = granules_of(GIB(1), GIB(1) + MIB(64), cmrs, 1);

	CHECK_EQ(tdmr_choose(granules, count, MIB(3), &limits, cmrs, 1), MIB(4));
	granules[0].taken_bytes = 0;
	CHECK_EQ(tdmr_choose(granules, count, GIB(1), &limits, cmrs, 1), MIB(64));
	granules[0].taken_bytes = 0;
	CHECK_EQ(tdmr_choose(granules, count, 0, &limits, cmrs, 1), 0);
}

TEST(tdmr_choose_leaves_out_a_granule_with_too_many_holes)
{
	struct tdx_cmr cmrs[17];
	u32 count;

	/* 15 holes in the upper GiB, none in the lower one */
	cmrs[0] = cmr(GIB(1), GIB(2));
	for (u32 i = 0; i < 16; i++)
		cmrs[1 + i] = cmr(GIB(2) + i * MIB(64), GIB(2) + i * MIB(64) + MIB(60));
	count = granules_of(GIB(1), GIB(3), cmrs, 17);
	CHECK_EQ(count, 2);
	CHECK_EQ(tdmr_choose(granules, count, GIB(2), &limits, cmrs, 17), GIB(1));
	CHECK_EQ(granules[0].taken_bytes, GIB(1));
}

TEST(tdmr_cover_gives_every_granule_a_tdmr_of_its_own_while_there_are_enough)
{
	const struct tdx_cmr cmrs[] = { cmr(0, GIB(16)) };
	u32 count = granules_of(GIB(4), GIB(8), cmrs, 1);

	CHECK_EQ(cover_all(count, &limits), 4);
	CHECK_EQ(tdmrs[0].base, GIB(4));
	CHECK_EQ(tdmrs[3].base, GIB(7));
	CHECK_EQ(tdmrs[3].bytes, GIB(1));
}

TEST(tdmr_cover_makes_larger_tdmrs_when_the_module_takes_fewer)
{
	const struct tdx_cmr cmrs[] = { cmr(0, GIB(512)) };
	struct tdmr_limits few = limits;
	u32 count = granules_of(GIB(4), GIB(11), cmrs, 1);

	few.max_tdmrs = 2;
	CHECK_EQ(cover_all(count, &few), 2);
	CHECK_EQ(tdmrs[0].bytes, GIB(4));
	CHECK_EQ(tdmrs[1].base, GIB(8));
	CHECK_EQ(tdmrs[1].bytes, GIB(3));
	count = granules_of(0, GIB(200), cmrs, 1);
	CHECK_EQ(cover_all(count, &limits), 50);
	CHECK_EQ(tdmrs[49].base + tdmrs[49].bytes, GIB(200));
}

TEST(tdmr_cover_refuses_more_separate_runs_than_tdmrs)
{
	const struct tdx_cmr cmrs[] = { cmr(0, GIB(16)) };
	struct tdmr_limits few = limits;
	u32 count = granules_of(0, GIB(8), cmrs, 1);
	u32 tdmr_count;

	few.max_tdmrs = 2;
	for (u32 i = 0; i < count; i += 2)
		granules[i].taken_bytes = MIB(2);
	CHECK_EQ(tdmr_cover(granules, count, &few, tdmrs, &tdmr_count), -ENOSPC);
}

TEST(tdmr_pamt_has_the_manuals_size)
{
	/* per GiB: 4 MiB, 8 KiB, and 16 bytes that fill a page */
	CHECK_EQ(tdmr_pamt_bytes(GIB(1), &limits), MIB(4) + KIB(8) + KIB(4));
	CHECK_EQ(tdmr_pamt_bytes(GIB(512), &limits), GIB(2) + MIB(4) + KIB(8));
	memset(tdmrs, 0, sizeof(tdmrs));
	tdmrs[0].bytes = GIB(1);
	tdmr_set_pamt(&tdmrs[0], MIB(64), &limits);
	CHECK_EQ(tdmrs[0].pamt_4k_base, MIB(64));
	CHECK_EQ(tdmrs[0].pamt_2m_base, MIB(68));
	CHECK_EQ(tdmrs[0].pamt_1g_base, MIB(68) + KIB(8));
	CHECK_EQ(tdmrs[0].pamt_1g_bytes, KIB(4));
}

/* Two TDMRs over [1 GiB, 3 GiB) with their PAMTs one behind the other from @pamt on. */
static void two_tdmrs(u64 pamt)
{
	memset(tdmrs, 0, sizeof(tdmrs));
	for (u32 i = 0; i < 2; i++) {
		tdmrs[i].base = GIB(1 + i);
		tdmrs[i].bytes = GIB(1);
		tdmr_set_pamt(&tdmrs[i], pamt + i * tdmr_pamt_bytes(GIB(1), &limits), &limits);
	}
}

TEST(tdmr_reserves_nothing_when_pamts_lie_outside_and_cmrs_cover_all)
{
	const struct tdx_cmr cmrs[] = { cmr(MIB(1), GIB(4)) };
	u32 failed;

	two_tdmrs(MIB(64));
	CHECK_EQ(tdmr_reserve(tdmrs, 2, cmrs, 1, &limits, &failed), 0);
	CHECK_EQ(tdmrs[0].reserved[0].bytes, 0);
	CHECK_EQ(tdmrs[1].reserved[0].bytes, 0);
}

TEST(tdmr_reserves_pamts_of_all_tdmrs_as_one_area)
{
	const struct tdx_cmr cmrs[] = { cmr(MIB(1), GIB(4)) };
	u32 failed;

	two_tdmrs(GIB(1) + MIB(512));
	CHECK_EQ(tdmr_reserve(tdmrs, 2, cmrs, 1, &limits, &failed), 0);
	CHECK_EQ(tdmrs[0].reserved[0].offset_bytes, MIB(512));
	CHECK_EQ(tdmrs[0].reserved[0].bytes, 2 * tdmr_pamt_bytes(GIB(1), &limits));
	CHECK_EQ(tdmrs[0].reserved[1].bytes, 0);
	CHECK_EQ(tdmrs[1].reserved[0].bytes, 0);
}

TEST(tdmr_reserves_the_two_parts_of_a_pamt_across_a_boundary)
{
	const struct tdx_cmr cmrs[] = { cmr(MIB(1), GIB(4)) };
	u32 failed;

	two_tdmrs(GIB(2) - MIB(1));
	CHECK_EQ(tdmr_reserve(tdmrs, 2, cmrs, 1, &limits, &failed), 0);
	CHECK_EQ(tdmrs[0].reserved[0].offset_bytes, GIB(1) - MIB(1));
	CHECK_EQ(tdmrs[0].reserved[0].bytes, MIB(1));
	CHECK_EQ(tdmrs[1].reserved[0].offset_bytes, 0);
	CHECK_EQ(tdmrs[1].reserved[0].bytes, 2 * tdmr_pamt_bytes(GIB(1), &limits) - MIB(1));
}

TEST(tdmr_reserves_holes_in_order_and_merges_a_pamt_that_touches_one)
{
	/* holes: [1G, 1G+16M), [1G+600M, 1G+601M); PAMT right behind the second */
	const struct tdx_cmr cmrs[] = { cmr(MIB(1), GIB(1)), cmr(GIB(1) + MIB(16), GIB(1) + MIB(600)),
					cmr(GIB(1) + MIB(601), GIB(3)) };
	u32 failed;

	two_tdmrs(GIB(1) + MIB(601));
	CHECK_EQ(tdmr_reserve(tdmrs, 2, cmrs, 3, &limits, &failed), 0);
	CHECK_EQ(tdmrs[0].reserved[0].offset_bytes, 0);
	CHECK_EQ(tdmrs[0].reserved[0].bytes, MIB(16));
	CHECK_EQ(tdmrs[0].reserved[1].offset_bytes, MIB(600));
	CHECK_EQ(tdmrs[0].reserved[1].bytes, MIB(1) + 2 * tdmr_pamt_bytes(GIB(1), &limits));
	CHECK_EQ(tdmrs[0].reserved[2].bytes, 0);
}

TEST(tdmr_with_no_convertible_memory_is_completely_reserved)
{
	const struct tdx_cmr cmrs[] = { cmr(MIB(1), GIB(1)), cmr(GIB(2), GIB(3)) };
	u32 failed;

	two_tdmrs(MIB(64));
	CHECK_EQ(tdmr_reserve(tdmrs, 2, cmrs, 2, &limits, &failed), 0);
	CHECK_EQ(tdmrs[0].reserved[0].offset_bytes, 0);
	CHECK_EQ(tdmrs[0].reserved[0].bytes, GIB(1));
}

TEST(tdmr_refuses_one_area_too_many_and_names_the_tdmr)
{
	struct tdx_cmr cmrs[18];
	struct tdmr_limits sixteen = limits;
	u32 failed = 99;

	cmrs[0] = cmr(MIB(1), GIB(2));
	for (u32 i = 0; i < 17; i++)
		cmrs[1 + i] = cmr(GIB(2) + i * MIB(32), GIB(2) + i * MIB(32) + MIB(31));
	/* behind each of the 17 pieces a hole: the last one reaches to the end */
	two_tdmrs(MIB(64));
	CHECK_EQ(tdmr_reserve(tdmrs, 2, cmrs, 18, &sixteen, &failed), -ENOSPC);
	CHECK_EQ(failed, 1);
	CHECK_EQ(tdmr_reserve(tdmrs, 2, cmrs, 17, &sixteen, &failed), 0);
	CHECK_EQ(tdmrs[1].reserved[15].offset_bytes, 15 * MIB(32) + MIB(31));
}
