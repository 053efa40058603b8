/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See tdmr_map.h. Bytes choose the module's limits, up to 32 CMRs with gaps, and free memory in up to 300 ranges on
 * several nodes, inside and outside of the CMRs, within 64 GiB.
 */
#include "tests/unit/tdmr_map.h"

#include <string.h>

#include "tdx/tdmr_plan.h"
#include "tests/unit/tdmr_check.h"

#define MAP_END GIB(64)
#define MAX_FREE 300

static struct {
	const u8 *data;
	size_t bytes;
} input;

static struct tdmr_plan plan;
static struct tdx_tdmr_info tdmrs[TDX_MAX_TDMRS];
static struct check_range free_ranges[MAX_FREE], pool[TDMR_MAX_RANGES];
static struct tdx_cmr cmrs[TDX_MAX_CMRS];
static u64 plans_made, plans_none;

static u8 next(void)
{
	if (!input.bytes)
		return 0;
	input.bytes--;
	return *input.data++;
}

/* 0 or more, of pages, blocks, parts of GiBs or GiBs. */
static u64 length(void)
{
	static const u64 units[] = { KIB(4), MIB(2), MIB(2), MIB(32), MIB(256), GIB(1), GIB(1), KIB(4) };
	u8 size = next();

	return units[size >> 5] * (size & 31);
}

static void read_world(struct check_world *world)
{
	static const u32 counts[] = { 64, 64, 1, 2, 3, 5, 8, 16 };
	static const u32 areas[] = { 16, 16, 1, 2, 3, 4, 6, 8 };
	u8 kinds = next();
	u64 at = MIB(1);

	*world = (struct check_world){
		.cmrs = cmrs, .free = free_ranges, .max_tdmrs = counts[kinds & 7], .max_reserved = areas[kinds >> 3 & 7],
		.entry_bytes = 16, .bitmap_bits = kinds >> 6 & 1, .nodes = ~0ull,
	};
	if (kinds & 0x80)
		world->nodes = next();
	world->spare_bytes = length();
	world->spare_bytes += GIB(next() & 63);
	for (u32 count = next() & 31; world->cmr_count <= count && at < MAP_END;) {
		u64 bytes;

		at += length();
		bytes = length();
		if (bytes)
			cmrs[world->cmr_count++] = (struct tdx_cmr){ at, bytes };
		else
			count--;
		at += bytes;
		if (count > TDX_MAX_CMRS)
			break;
	}
	for (at = MIB(1); world->free_count < MAX_FREE && at < MAP_END && input.bytes;) {
		u64 bytes;

		at += length();
		bytes = length();
		if (bytes)
			free_ranges[world->free_count++] = (struct check_range){ at, bytes, next() & 7 };
		at += bytes;
	}
}

const char *tdmr_map_try(const u8 *data, size_t bytes)
{
	struct check_world world;
	struct tdmr_request request;
	const char *broken;
	u64 least;

	input.data = data;
	input.bytes = bytes;
	read_world(&world);
	request = (struct tdmr_request){
		.limits = { world.max_tdmrs, world.max_reserved, { 16, 16, 16 }, world.bitmap_bits },
		.cmrs = cmrs, .cmr_count = world.cmr_count,
		.wanted_bytes = bytes & 1 ? world.spare_bytes : MIB(2 + (bytes & 0xff0)),
		.spare_bytes = world.spare_bytes, .nodes = world.nodes,
	};
	plan.tdmrs = tdmrs;
	memset(tdmrs, 0x5a, sizeof(tdmrs));
	tdmr_plan_clear(&plan);
	for (u32 i = 0; i < world.free_count; i++)
		tdmr_plan_add(&plan, (struct tdmr_range){ free_ranges[i].base, free_ranges[i].bytes, free_ranges[i].node },
			      cmrs, world.cmr_count);
	if (tdmr_plan_make(&plan, &request)) {
		plans_none++;
		return tdmr_check_must_exist(&world) ? "no plan, though there is one" : NULL;
	}
	plans_made++;
	/* half: a plan that finds no room for its PAMTs is tried again with half the pool */
	least = tdmr_check_least_pool(&world) / 2;
	if (tdmr_plan_pool_bytes(&plan) < (least < request.wanted_bytes / 2 ? least : request.wanted_bytes / 2))
		return "a pool too small for the map";
	for (u32 i = 0; i < plan.pool_count; i++)
		pool[i] = (struct check_range){ plan.pool[i].base, plan.pool[i].bytes, plan.pool[i].node };
	broken = tdmr_check_list(&world, tdmrs, plan.tdmr_count);
	return broken ? broken : tdmr_check_memory(&world, tdmrs, plan.tdmr_count, pool, plan.pool_count);
}

void tdmr_map_plans(u64 *made, u64 *none)
{
	*made = plans_made;
	*none = plans_none;
}
