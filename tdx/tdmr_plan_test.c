/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/tdmr_plan.h"

#include <stdio.h>
#include <string.h>

#include "include/cella/errno.h"
#include "tests/unit/tdmr_check.h"
#include "tests/unit/tdmr_map.h"
#include "tests/unit/test.h"

#define MAX_FREE 600
#define STATIC_CALL MIB(4)	/* memory that one TDH.SYS.TDMR.INIT covers */
#define RANDOM_MAPS 4000

static struct tdmr_plan plan;
static struct tdx_tdmr_info tdmrs[TDX_MAX_TDMRS];
static struct tdmr_request request;
static struct tdx_cmr cmrs[TDX_MAX_CMRS];
static struct check_range free_ranges[MAX_FREE], pool[TDMR_MAX_RANGES];
static u32 free_count;

/* A module as 1.5 is, everything wanted that there is. */
static void begin(void)
{
	memset(cmrs, 0, sizeof(cmrs));
	free_count = 0;
	request = (struct tdmr_request){
		.limits = { .max_tdmrs = 64, .max_reserved = 16, .entry_bytes = { 16, 16, 16 } },
		.cmrs = cmrs, .nodes = TDMR_ALL_NODES,
	};
	plan.tdmrs = tdmrs;
}

static void convertible(u64 base, u64 end)
{
	cmrs[request.cmr_count++] = (struct tdx_cmr){ base, end - base };
}

static void free_on(u32 node, u64 base, u64 end)
{
	free_ranges[free_count++] = (struct check_range){ base, end - base, node };
}

/* Plan and judge. */
static int make(u64 wanted)
{
	struct check_world world = {
		.cmrs = cmrs, .cmr_count = request.cmr_count, .free = free_ranges, .free_count = free_count,
		.max_tdmrs = request.limits.max_tdmrs, .max_reserved = request.limits.max_reserved, .entry_bytes = 16,
		.bitmap_bits = request.limits.bitmap_bits, .nodes = request.nodes,
	};
	const char *broken;

	if (!request.spare_bytes)
		request.spare_bytes = GIB(4096);
	world.spare_bytes = request.spare_bytes;
	request.wanted_bytes = wanted;
	tdmr_plan_clear(&plan);
	for (u32 i = 0; i < free_count; i++)
		tdmr_plan_add(&plan, (struct tdmr_range){ free_ranges[i].base, free_ranges[i].bytes, free_ranges[i].node },
			      cmrs, request.cmr_count);
	if (tdmr_plan_make(&plan, &request))
		return -ENOMEM;
	for (u32 i = 0; i < plan.pool_count; i++)
		pool[i] = (struct check_range){ plan.pool[i].base, plan.pool[i].bytes, plan.pool[i].node };
	broken = tdmr_check_list(&world, tdmrs, plan.tdmr_count);
	CHECK_STR(broken ? broken : "", "");
	broken = tdmr_check_memory(&world, tdmrs, plan.tdmr_count, pool, plan.pool_count);
	CHECK_STR(broken ? broken : "", "");
	return 0;
}

static u64 pool_bytes(void)
{
	return tdmr_plan_pool_bytes(&plan);
}

static u64 covered_bytes(void)
{
	u64 bytes = 0;

	for (u32 i = 0; i < plan.tdmr_count; i++)
		bytes += tdmrs[i].bytes;
	return bytes;
}

/* On the longest of @cores: an even share, or the largest TDMR, which has one core at a time (see tdmr_init_test.c). */
static u64 longest_bytes(u32 cores)
{
	u64 bytes = DIV_ROUND_UP(covered_bytes(), cores);

	for (u32 i = 0; i < plan.tdmr_count; i++)
		bytes = MAX(bytes, tdmrs[i].bytes);
	return bytes;
}

TEST(plan_takes_the_fullest_gib_and_the_highest_among_equals)
{
	begin();
	convertible(MIB(1), GIB(8));
	free_on(0, MIB(512), GIB(4));
	CHECK_EQ(make(GIB(1)), 0);
	CHECK_EQ(plan.tdmr_count, 1);
	CHECK_EQ(tdmrs[0].base, GIB(3));
	CHECK_EQ(plan.pool_count, 1);
	CHECK_EQ(plan.pool[0].base, GIB(3));
	CHECK_EQ(tdmrs[0].reserved[0].bytes, 0);	/* the PAMT lies below */
}

TEST(plan_rounds_up_to_blocks_and_takes_what_there_is)
{
	begin();
	convertible(MIB(1), GIB(8));
	free_on(0, GIB(1) + MIB(1), GIB(1) + MIB(67));
	CHECK_EQ(make(MIB(3)), 0);
	CHECK_EQ(pool_bytes(), MIB(4));
	CHECK_EQ(make(GIB(1)), 0);
	CHECK_EQ(pool_bytes(), MIB(64) - MIB(6));	/* the PAMT is cut out of it, in blocks */
	CHECK_EQ(make(0), -ENOMEM);
	request.spare_bytes = MIB(4);
	CHECK_EQ(make(GIB(1)), -ENOMEM);
}

TEST(plan_leaves_out_a_gib_that_is_not_worth_its_pamt)
{
	begin();
	convertible(MIB(1), GIB(8));
	free_on(0, GIB(1), GIB(1) + MIB(4));
	free_on(0, GIB(3), GIB(3) + MIB(100));
	CHECK_EQ(make(GIB(1)), 0);
	CHECK_EQ(plan.tdmr_count, 1);
	CHECK_EQ(tdmrs[0].base, GIB(3));
}

TEST(plan_takes_only_memory_inside_cmrs)
{
	begin();
	convertible(GIB(1) + MIB(3), GIB(3) - MIB(1));
	free_on(0, MIB(1), GIB(64));
	CHECK_EQ(make(GIB(60)), 0);
	for (u32 i = 0; i < plan.pool_count; i++)
		CHECK(plan.pool[i].base >= GIB(1) + MIB(4) && tdmr_end(plan.pool[i]) <= GIB(3) - MIB(2));
	CHECK(pool_bytes() >= GIB(2) - MIB(6) - MIB(12));
}

TEST(plan_survives_more_holes_than_reserved_areas)
{
	begin();
	for (u32 i = 0; i < 32; i++)
		convertible(GIB(2) + i * MIB(32), GIB(2) + i * MIB(32) + (i == 7 ? MIB(2) : MIB(30)));
	free_on(0, GIB(2), GIB(3));
	CHECK_EQ(make(GIB(1)), 0);
	CHECK(pool_bytes() >= GIB(1) / 3);	/* 15 pieces of 30 MiB, less the PAMT */
	CHECK_EQ(plan.tdmr_count, 1);
	request.limits.max_reserved = 2;
	CHECK_EQ(make(GIB(1)), 0);
	CHECK(pool_bytes() >= MIB(20));
	request.limits.max_reserved = 1;
	(void)make(GIB(1));	/* whatever comes out keeps the rules */
}

TEST(plan_gives_up_memory_of_other_nodes_first)
{
	begin();
	convertible(MIB(4), MIB(20));
	convertible(MIB(32), MIB(512));
	free_on(1, MIB(4), MIB(20));
	free_on(0, MIB(32), MIB(512));
	request.limits.max_reserved = 2;	/* around one of both */
	request.limits.bitmap_bits = 1;
	request.nodes = BIT(1);
	CHECK_EQ(make(GIB(1)), 0);
	CHECK_EQ(pool_bytes(), MIB(14));	/* less the PAMT */
}

TEST(plan_cuts_where_one_tdmr_has_too_many_holes)
{
	begin();
	request.limits.max_tdmrs = 4;
	for (u32 i = 0; i < 31; i++)
		convertible(GIB(4) + i * MIB(96), GIB(4) + i * MIB(96) + MIB(94));
	free_on(0, GIB(4), GIB(7));
	free_on(0, GIB(8), GIB(8) + MIB(8));
	convertible(GIB(8), GIB(9));
	CHECK_EQ(make(GIB(3)), 0);
	CHECK_EQ(plan.tdmr_count, 4);
	CHECK(pool_bytes() >= 31 * MIB(94) - MIB(20));
	request.limits.max_tdmrs = 3;	/* two of the GiBs share one */
	CHECK_EQ(make(GIB(3)), 0);
	CHECK(pool_bytes() >= 22 * MIB(94));
}

TEST(plan_survives_hundreds_of_holes_in_free_memory)
{
	begin();
	convertible(MIB(1), GIB(16));
	for (u64 i = 0; i < 500; i++)
		free_on(0, MIB(2) + i * MIB(30) + KIB(4), MIB(2) + (i + 1) * MIB(30));
	CHECK_EQ(make(GIB(16)), 0);
	CHECK(pool_bytes() >= 500 * MIB(28) - 15 * MIB(8));
}

TEST(plan_bridges_gaps_when_tdmrs_are_short)
{
	begin();
	convertible(MIB(1), GIB(64));
	for (u64 i = 0; i < 16; i++)
		free_on(0, GIB(2 * i + 1), GIB(2 * i + 2));
	request.limits.max_tdmrs = 3;
	CHECK_EQ(make(GIB(64)), 0);
	CHECK(plan.tdmr_count <= 3);
	CHECK(pool_bytes() >= GIB(16) - 32 * MIB(6));
	/* a gap that costs more PAMT than there is behind it */
	begin();
	convertible(MIB(1), GIB(1024));
	request.limits.max_tdmrs = 1;
	free_on(0, GIB(1), GIB(3));
	free_on(0, GIB(1000), GIB(1000) + MIB(512));
	CHECK_EQ(make(GIB(64)), 0);
	CHECK_EQ(covered_bytes(), GIB(2));
}

TEST(plan_for_one_of_two_interleaved_nodes)
{
	begin();
	convertible(MIB(1), GIB(256));
	for (u64 i = 0; i < 200; i++)
		free_on(i & 1, GIB(i + 1), GIB(i + 2));
	request.nodes = BIT(1);
	CHECK_EQ(make(GIB(256)), 0);
	CHECK(plan.tdmr_count <= 64);
	CHECK(pool_bytes() > GIB(99));
	for (u32 i = 0; i < plan.pool_count; i++)
		CHECK_EQ(plan.pool[i].node, 1);
}

TEST(plan_puts_pamts_on_the_node_they_serve)
{
	begin();
	convertible(MIB(1), GIB(64));
	free_on(0, GIB(1), GIB(4));
	free_on(1, GIB(4), GIB(8));
	request.nodes = BIT(1);
	CHECK_EQ(make(GIB(2)), 0);
	CHECK_EQ(plan.foreign_pamts, 0);
	CHECK_EQ(plan.pamts[0].node, 1);
	CHECK_EQ(make(GIB(4)), 0);	/* all of node 1: its PAMTs take their part of it */
	CHECK_EQ(pool_bytes(), GIB(4) - 4 * MIB(6));
	CHECK_EQ(plan.foreign_pamts, 0);
	request.nodes = BIT(5);
	CHECK_EQ(make(GIB(4)), -ENOMEM);
	/* one block of node 5, which is the pool */
	request.limits.bitmap_bits = 1;
	free_on(5, GIB(8), GIB(8) + MIB(2));
	CHECK_EQ(make(GIB(4)), 0);
	CHECK_EQ(pool_bytes(), MIB(2));
	CHECK_EQ(plan.foreign_pamts, 1);
}

TEST(plan_of_two_sockets_has_no_tdmr_on_both)
{
	begin();
	convertible(MIB(1), GIB(2));
	convertible(GIB(4), GIB(2050));
	free_on(0, MIB(64), GIB(2));
	free_on(0, GIB(4), GIB(1027));
	free_on(1, GIB(1027), GIB(2050));
	CHECK_EQ(make(GIB(2030)), 0);
	CHECK_EQ(plan.tdmr_count, 64);
	CHECK_EQ(plan.foreign_pamts, 0);
	for (u32 i = 0; i < plan.tdmr_count; i++)
		CHECK(tdmrs[i].base >= GIB(1027) || tdmrs[i].base + tdmrs[i].bytes <= GIB(1027));
}

TEST(plan_around_the_pci_hole_and_gib_edges)
{
	begin();
	convertible(MIB(1), GIB(2) + MIB(900));
	convertible(GIB(4), GIB(12) + MIB(100));
	free_on(0, MIB(16), GIB(2) + MIB(900));
	free_on(0, GIB(4), GIB(12) + MIB(100));
	CHECK_EQ(make(GIB(64)), 0);
	CHECK(pool_bytes() > GIB(10) + MIB(900));
	CHECK_EQ(covered_bytes(), GIB(12));
}

TEST(plan_of_two_tib_keeps_the_longest_of_64_cores_short)
{
	begin();
	convertible(MIB(1), GIB(2));
	convertible(GIB(4), GIB(2200));
	free_on(0, MIB(64), GIB(2));
	free_on(0, GIB(4), GIB(1100));
	free_on(1, GIB(1100), GIB(2190));
	CHECK_EQ(make(GIB(2048)), 0);
	CHECK(pool_bytes() > GIB(2043));	/* node 1 as a whole, less its PAMTs */
	CHECK_EQ(plan.tdmr_count, 64);
	CHECK(longest_bytes(64) / STATIC_CALL <= 8700);
	CHECK_EQ(longest_bytes(64) / STATIC_CALL, 8448);	/* 33 GiB: no TDMR lies on both nodes */
	printf("  2 TiB, 64 cores: %lu TDMR.INIT calls on the longest core\n",
	       (unsigned long)(longest_bytes(64) / STATIC_CALL));
	/* with a piece below 4 GiB that needs a TDMR of its own */
	CHECK_EQ(make(GIB(2180)), 0);
	CHECK(longest_bytes(64) * 100 <= covered_bytes() / 64 * 110);
}

TEST(plan_is_balanced_for_any_number_of_cores)
{
	begin();
	convertible(MIB(1), GIB(2200));
	free_on(0, GIB(4), GIB(2190));
	CHECK_EQ(make(GIB(2048)), 0);
	for (u32 cores = 1; cores <= 64; cores++)	/* of more cores than TDMRs 64 have work */
		CHECK(longest_bytes(cores) * 100 <= covered_bytes() / cores * 110);
	for (u64 gibs = 1; gibs <= 70; gibs++) {
		begin();
		convertible(MIB(1), GIB(100));
		free_on(0, GIB(1), GIB(90));
		CHECK_EQ(make(GIB(gibs)), 0);
		for (u32 cores = 1; cores <= 8; cores++)
			CHECK_EQ(longest_bytes(cores), MAX(DIV_ROUND_UP(GIB(gibs), cores), GIB(1)));
	}
}

/* A gap is not bridged with PAMT that host memory cannot be spared for. */
TEST(plan_pays_for_bridges)
{
	begin();
	convertible(MIB(1), GIB(64));
	request.limits.max_tdmrs = 1;
	free_on(0, GIB(1), GIB(2));
	free_on(0, GIB(20), GIB(21));
	request.spare_bytes = GIB(1) + MIB(32);
	CHECK_EQ(make(GIB(2)), 0);
	CHECK_EQ(covered_bytes(), GIB(1));
}

TEST(plan_with_dynamic_pamt_costs_next_to_nothing)
{
	begin();
	request.limits.bitmap_bits = 1;
	convertible(MIB(1), GIB(64));
	free_on(0, GIB(1), GIB(33));
	CHECK_EQ(make(GIB(30)), 0);
	CHECK_EQ(pool_bytes(), GIB(30));
	for (u32 i = 0; i < plan.tdmr_count; i++)
		CHECK_EQ(tdmrs[i].pamt_4k_bytes, tdmrs[i].bytes / 32768);
}

TEST(plan_keeps_all_rules_on_random_maps)
{
	static u8 map[1200];
	u64 random = 0x9e3779b97f4a7c15;
	u64 made, none;

	for (u32 run = 0; run < RANDOM_MAPS; run++) {
		size_t bytes = 8 + run % (sizeof(map) - 8);
		const char *broken;

		for (size_t i = 0; i < bytes; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			map[i] = (u8)(random >> 24);
		}
		broken = tdmr_map_try(map, bytes);
		if (!CHECK_STR(broken ? broken : "", ""))
			printf("map %u\n", run);
	}
	tdmr_map_plans(&made, &none);
	CHECK(made > RANDOM_MAPS / 4);	/* the maps are not all hopeless */
	CHECK(none > 0);
}
