/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/tdmr.h"

#include <string.h>

#include "tests/unit/test.h"

static const struct tdmr_limits limits = { .max_tdmrs = 64, .max_reserved = 16, .entry_bytes = { 16, 16, 16 } };

static struct tdmr_areas areas;

static struct tdx_cmr cmr(u64 base, u64 end)
{
	return (struct tdx_cmr){ base, end - base };
}

static struct tdmr_range range(u64 base, u64 end)
{
	return (struct tdmr_range){ .base = base, .bytes = end - base };
}

static u32 count_holes(struct tdmr_range within, const struct tdx_cmr *cmrs, u32 count)
{
	tdmr_holes(&areas, within, cmrs, count);
	return areas.count;
}

TEST(tdmr_holes_end_where_a_cmr_begins_and_cmrs_that_touch_are_one)
{
	const struct tdx_cmr cmrs[] = { cmr(MIB(1), GIB(1)), cmr(GIB(1), GIB(2)), { 0, 0 }, cmr(GIB(3), GIB(4)) };

	CHECK_EQ(count_holes(range(MIB(512), GIB(1) + MIB(512)), cmrs, 4), 0);
	CHECK_EQ(count_holes(range(0, MIB(2)), cmrs, 4), 1);
	CHECK_EQ(count_holes(range(0, GIB(6)), cmrs, 4), 3);
	CHECK_EQ(tdmr_next_hole(range(GIB(1), GIB(6)), GIB(1), cmrs, 4).base, GIB(2));
	CHECK_EQ(tdmr_next_hole(range(GIB(1), GIB(6)), GIB(1), cmrs, 4).bytes, GIB(1));
	CHECK_EQ(tdmr_next_hole(range(GIB(1), GIB(2)), GIB(1), cmrs, 4).base, GIB(2));
	CHECK_EQ(count_holes(range(GIB(1), GIB(2)), cmrs, 0), 1);
}

TEST(tdmr_pamt_has_the_manuals_size)
{
	struct tdx_tdmr_info tdmr = { .bytes = GIB(1) };

	/* per GiB: 4 MiB, 8 KiB, and 16 bytes that fill a page */
	CHECK_EQ(tdmr_pamt_bytes(GIB(1), &limits), MIB(4) + KIB(8) + KIB(4));
	CHECK_EQ(tdmr_pamt_bytes(GIB(512), &limits), GIB(2) + MIB(4) + KIB(8));
	tdmr_set_pamt(&tdmr, MIB(64), &limits);
	CHECK_EQ(tdmr.pamt_4k_base, MIB(64));
	CHECK_EQ(tdmr.pamt_2m_base, MIB(68));
	CHECK_EQ(tdmr.pamt_1g_base, MIB(68) + KIB(8));
	CHECK_EQ(tdmr.pamt_1g_bytes, KIB(4));
}

TEST(tdmr_dynamic_pamt_has_a_bit_per_page)
{
	struct tdmr_limits dynamic = limits;
	struct tdx_tdmr_info tdmr = { .bytes = GIB(1) };

	dynamic.bitmap_bits = 1;
	tdmr_set_pamt(&tdmr, MIB(64), &dynamic);
	CHECK_EQ(tdmr.pamt_4k_bytes, GIB(1) / 32768);
	CHECK_EQ(tdmr.pamt_2m_bytes, KIB(8));
	CHECK_EQ(tdmr_pamt_bytes(GIB(512), &dynamic), MIB(16) + MIB(4) + KIB(8));
}

TEST(tdmr_areas_that_touch_become_one_and_stay_in_order)
{
	areas.count = 0;
	tdmr_add_area(&areas, range(0, GIB(1)), range(MIB(8), MIB(16)));
	tdmr_add_area(&areas, range(0, GIB(1)), range(MIB(1), MIB(2)));
	tdmr_add_area(&areas, range(0, GIB(1)), range(MIB(32), MIB(64)));
	tdmr_add_area(&areas, range(0, GIB(1)), range(GIB(1), GIB(2)));
	CHECK_EQ(areas.count, 3);
	CHECK_EQ(areas.area[0].base, MIB(1));
	tdmr_add_area(&areas, range(0, GIB(1)), range(MIB(2), MIB(32)));
	CHECK_EQ(areas.count, 1);
	CHECK_EQ(areas.area[0].bytes, MIB(63));
	CHECK(tdmr_is_reserved(&areas, MIB(63)));
	CHECK(!tdmr_is_reserved(&areas, MIB(64)));
}

TEST(tdmr_areas_merge_over_the_least_memory)
{
	const struct tdmr_range memory[] = { range(MIB(2), MIB(100)), range(MIB(110), MIB(112)), range(MIB(120), MIB(200)) };
	static const u64 starts[] = { MIB(0), MIB(100), MIB(112), MIB(200) };

	areas.count = 0;
	for (u32 i = 0; i < 4; i++)
		tdmr_add_area(&areas, range(0, GIB(1)), range(starts[i], starts[i] + MIB(1)));
	tdmr_merge_areas(&areas, 3, memory, 3, TDMR_ALL_NODES);
	CHECK_EQ(areas.count, 3);
	CHECK_EQ(areas.area[1].base, MIB(100));
	CHECK_EQ(tdmr_end(areas.area[1]), MIB(113));
	tdmr_merge_areas(&areas, 0, memory, 3, TDMR_ALL_NODES);
	CHECK_EQ(areas.count, 1);
}
