/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/pool.h"

#include <string.h>

#include "include/cella/errno.h"
#include "tdx/doctor.h"
#include "tdx/pamt.h"
#include "tdx/sysinfo.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static const struct tdmr_limits limits = { .max_tdmrs = 64, .max_reserved = 16, .entry_bytes = { 16, 16, 16 } };

static struct tdx_tdmr_info tdmrs[TDX_MAX_TDMRS];
static struct page_books before;
static u32 count;

static void begin(void)
{
	tdx_world_reset();
	fake_module_make_ready();
	CHECK_EQ(tdx_sysinfo_read(), 0);
	pool_set_nodes(0);
	doctor_forget();
	page_books_read(&before);
}

static void end(void)
{
	struct page_books after;

	pamt_give_back(PAMT_UNTOUCHED);
	pool_give_back();
	page_books_read(&after);
	CHECK(page_books_equal(&before, &after));
	CHECK_EQ(tdx_world_unmapped_bytes(), 0);
}

TEST(pool_numbers_its_regions)
{
	static u8 seen[GIB(1) / PAGE_SIZE_2M];

	begin();
	CHECK_EQ(pool_take(MIB(256), &limits, tdmrs, &count), 0);
	CHECK_EQ(count, 1);
	memset(seen, 0, sizeof(seen));
	for (u64 at = tdmrs[0].base; at < tdmrs[0].base + tdmrs[0].bytes; at += PAGE_SIZE_2M)
		if (page_zone_of(HPA(at)) == ZONE_TD)
			seen[pool_region(HPA(at + PAGE_SIZE_2M - 1))]++;
	for (u32 i = 0; i < MIB(256) / PAGE_SIZE_2M; i++)
		CHECK_EQ(seen[i], 1);
	end();
}

TEST(pool_lies_on_the_nodes_that_the_operator_names)
{
	begin();
	page_set_node(HPA(0), GIB(1), 0);
	page_set_node(HPA(GIB(1)), GIB(1), 1);
	page_set_node(HPA(GIB(2)), GIB(1), 2);
	pool_set_nodes(BIT(1));
	CHECK_EQ(pool_take(MIB(512), &limits, tdmrs, &count), 0);
	CHECK_EQ(tdmrs[0].base, GIB(1));
	CHECK_EQ(page_node_of(HPA(tdmrs[0].pamt_4k_base)), 1);
	end();
	pool_set_nodes(BIT(7));
	CHECK_EQ(pool_take(MIB(512), &limits, tdmrs, &count), -ENOMEM);
	CHECK_EQ(doctor_count(), 1);
	end();
}

TEST(pool_and_pamt_keep_off_memory_that_may_go_away)
{
	u32 outside = 0;

	begin();
	world.hotplug_base = GIB(2) + MIB(512);
	world.hotplug_end = GIB(3);
	CHECK_EQ(pool_take(GIB(1), &limits, tdmrs, &count), 0);
	for (u64 at = GIB(1); at < GIB(3); at += PAGE_SIZE_2M) {
		CHECK(at < world.hotplug_base || (page_zone_of(HPA(at)) != ZONE_TD && page_owner_of(HPA(at)) != PAGE_PAMT));
		outside += page_zone_of(HPA(at)) == ZONE_TD;
	}
	CHECK(outside > 0);
	end();
}

TEST(pool_that_cannot_be_unmapped_is_given_back_whole)
{
	for (u32 nth = 1; nth <= 2; nth++) {	/* the pool, then the PAMTs */
		begin();
		world.map_failure = nth;
		CHECK(pool_take(MIB(512), &limits, tdmrs, &count) != 0);
		CHECK_EQ(doctor_count(), 1);
		end();
	}
}
