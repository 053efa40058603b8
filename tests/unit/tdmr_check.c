/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See tdmr_check.h. Slow and plain: every rule is looked at for every pair.
 * Manual: TDX Module ABI, "TDH.SYS.CONFIG Leaf" and "TDMR_INFO".
 */
#include "tests/unit/tdmr_check.h"

#include <stddef.h>

#define ADDRESS_LIMIT BIT(52)
#define RULE(holds, text) \
	do { \
		if (!(holds)) \
			return text; \
	} while (0)

static bool whole_pages(u64 base, u64 bytes)
{
	return base % PAGE_SIZE == 0 && bytes % PAGE_SIZE == 0;
}

static bool addressable(u64 base, u64 bytes)
{
	return base + bytes >= base && base + bytes <= ADDRESS_LIMIT;
}

static bool overlap(u64 a, u64 a_bytes, u64 b, u64 b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

/* In one CMR, or in CMRs each of which begins where another ends. */
static bool in_cmrs(const struct check_world *world, u64 base, u64 bytes)
{
	u64 at = base;
	bool moved = true;

	while (moved && at < base + bytes) {
		moved = false;
		for (u32 i = 0; i < world->cmr_count; i++)
			if (world->cmrs[i].base <= at && at < world->cmrs[i].base + world->cmrs[i].bytes) {
				at = world->cmrs[i].base + world->cmrs[i].bytes;
				moved = true;
			}
	}
	return at >= base + bytes;
}

static bool in_free(const struct check_world *world, u64 base, u64 bytes, u64 nodes)
{
	u64 at = base;
	bool moved = true;

	while (moved && at < base + bytes) {
		moved = false;
		for (u32 i = 0; i < world->free_count; i++)
			if (world->free[i].base <= at && at < world->free[i].base + world->free[i].bytes &&
			    (nodes >> world->free[i].node & 1)) {
				at = world->free[i].base + world->free[i].bytes;
				moved = true;
			}
	}
	return at >= base + bytes;
}

static u64 pamt_base(const struct tdx_tdmr_info *tdmr, u32 level)
{
	return level == 0 ? tdmr->pamt_4k_base : level == 1 ? tdmr->pamt_2m_base : tdmr->pamt_1g_base;
}

static u64 pamt_size(const struct tdx_tdmr_info *tdmr, u32 level)
{
	return level == 0 ? tdmr->pamt_4k_bytes : level == 1 ? tdmr->pamt_2m_bytes : tdmr->pamt_1g_bytes;
}

static u64 pamt_minimum(const struct check_world *world, u64 bytes, u32 level)
{
	u64 pages = bytes >> (12 + 9 * level);

	if (level == 0 && world->bitmap_bits)
		return (pages * world->bitmap_bits + 7) / 8;
	return pages * world->entry_bytes;
}

/* Does [@base, @base + @bytes) touch a part of @tdmr that is not reserved? */
static bool touches_usable(const struct tdx_tdmr_info *tdmr, u64 base, u64 bytes)
{
	u64 at = tdmr->base;

	for (u32 a = 0; a < TDX_MAX_RESERVED_AREAS && tdmr->reserved[a].bytes; a++) {
		u64 start = tdmr->base + tdmr->reserved[a].offset_bytes;

		if (start > at && overlap(at, start - at, base, bytes))
			return true;
		at = start + tdmr->reserved[a].bytes;
	}
	return at < tdmr->base + tdmr->bytes && overlap(at, tdmr->base + tdmr->bytes - at, base, bytes);
}

static const char *check_areas(const struct check_world *world, const struct tdx_tdmr_info *tdmr)
{
	u64 end = 0;
	u32 used = 0;

	for (u32 a = 0; a < TDX_MAX_RESERVED_AREAS; a++) {
		const struct tdx_reserved_area *area = &tdmr->reserved[a];

		if (!area->bytes)
			continue;
		RULE(used == a, "a reserved area behind a null one");
		used++;
		RULE(area->offset_bytes + area->bytes >= area->bytes, "a reserved area wraps");
		RULE(!a || area->offset_bytes >= end, "reserved areas overlap or are out of order");
		RULE(whole_pages(area->offset_bytes, area->bytes), "a reserved area is not of whole pages");
		RULE(area->offset_bytes + area->bytes <= tdmr->bytes, "a reserved area leaves its TDMR");
		end = area->offset_bytes + area->bytes;
	}
	RULE(used <= world->max_reserved, "more reserved areas than the module takes");
	return NULL;
}

static const char *check_pamts(const struct check_world *world, const struct tdx_tdmr_info *tdmrs, u32 i)
{
	for (u32 level = 0; level < 3; level++) {
		u64 base = pamt_base(&tdmrs[i], level), bytes = pamt_size(&tdmrs[i], level);

		RULE(addressable(base, bytes) && whole_pages(base, bytes), "a PAMT is not of whole pages");
		RULE(bytes >= pamt_minimum(world, tdmrs[i].bytes, level), "a PAMT is too small");
		for (u32 j = 0; j <= i; j++) {
			for (u32 other = 0; other < (j == i ? level : 3); other++)
				RULE(!overlap(base, bytes, pamt_base(&tdmrs[j], other), pamt_size(&tdmrs[j], other)),
				     "PAMTs overlap");
			RULE(!touches_usable(&tdmrs[j], base, bytes), "a PAMT lies in usable memory of a TDMR");
			RULE(!touches_usable(&tdmrs[i], pamt_base(&tdmrs[j], level), pamt_size(&tdmrs[j], level)),
			     "an earlier PAMT lies in usable memory of a TDMR");
		}
		RULE(in_cmrs(world, base, bytes), "a PAMT lies outside the CMRs");
	}
	return NULL;
}

const char *tdmr_check_list(const struct check_world *world, const struct tdx_tdmr_info *tdmrs, u32 count)
{
	RULE(count >= 1 && count <= 64 && count <= world->max_tdmrs, "the number of TDMRs");
	for (u32 i = 0; i < count; i++) {
		u64 at = tdmrs[i].base;
		const char *broken;

		RULE(i == 0 || at >= tdmrs[i - 1].base + tdmrs[i - 1].bytes, "TDMRs overlap or are out of order");
		RULE(at % GIB(1) == 0 && tdmrs[i].bytes % GIB(1) == 0 && tdmrs[i].bytes, "a TDMR is not of whole GiBs");
		RULE(addressable(at, tdmrs[i].bytes), "a TDMR beyond the address space");
		broken = check_areas(world, &tdmrs[i]);
		if (!broken)
			broken = check_pamts(world, tdmrs, i);
		if (broken)
			return broken;
		for (u32 a = 0; a < TDX_MAX_RESERVED_AREAS && tdmrs[i].reserved[a].bytes; a++) {
			u64 start = tdmrs[i].base + tdmrs[i].reserved[a].offset_bytes;

			RULE(start <= at || in_cmrs(world, at, start - at), "usable memory of a TDMR outside the CMRs");
			at = start + tdmrs[i].reserved[a].bytes;
		}
		RULE(at >= tdmrs[i].base + tdmrs[i].bytes || in_cmrs(world, at, tdmrs[i].base + tdmrs[i].bytes - at),
		     "the end of a TDMR outside the CMRs");
	}
	return NULL;
}

/* Is every page of the range in some TDMR, and reserved in none? */
static bool usable_throughout(const struct tdx_tdmr_info *tdmrs, u32 count, u64 base, u64 bytes)
{
	u64 covered = 0;

	for (u32 i = 0; i < count; i++) {
		u64 start = base > tdmrs[i].base ? base : tdmrs[i].base;
		u64 end = tdmrs[i].base + tdmrs[i].bytes;

		end = base + bytes < end ? base + bytes : end;
		if (start < end)
			covered += end - start;
		for (u32 a = 0; a < TDX_MAX_RESERVED_AREAS; a++)
			if (tdmrs[i].reserved[a].bytes &&
			    overlap(base, bytes, tdmrs[i].base + tdmrs[i].reserved[a].offset_bytes,
				    tdmrs[i].reserved[a].bytes))
				return false;
	}
	return covered == bytes;
}

const char *tdmr_check_memory(const struct check_world *world, const struct tdx_tdmr_info *tdmrs, u32 count,
			      const struct check_range *pool, u32 pool_count)
{
	u64 used = 0;

	RULE(pool_count, "an empty pool");
	for (u32 p = 0; p < pool_count; p++) {
		RULE(pool[p].bytes && pool[p].base % MIB(2) == 0 && pool[p].bytes % MIB(2) == 0, "pool is not of 2 MiB blocks");
		RULE(in_free(world, pool[p].base, pool[p].bytes, world->nodes), "pool that is not free, or on another node");
		RULE(usable_throughout(tdmrs, count, pool[p].base, pool[p].bytes), "pool that the module cannot take");
		for (u32 q = 0; q < p; q++)
			RULE(!overlap(pool[p].base, pool[p].bytes, pool[q].base, pool[q].bytes), "pool twice");
		used += pool[p].bytes;
	}
	for (u32 i = 0; i < count; i++)
		for (u32 level = 0; level < 3; level++) {
			u64 base = pamt_base(&tdmrs[i], level), bytes = pamt_size(&tdmrs[i], level);

			RULE(in_free(world, base, bytes, ~0ull), "a PAMT in memory that is not free");
			used += bytes;
			for (u32 p = 0; p < pool_count; p++)
				RULE(!overlap(base, bytes, pool[p].base, pool[p].bytes), "a PAMT in the pool");
		}
	RULE(used <= world->spare_bytes, "more memory than may be taken");
	return NULL;
}

/* Pages of whole 2 MiB blocks, free, convertible and on @nodes, in [@base, @base + @bytes); longest run in *@longest. */
static u64 good_bytes(const struct check_world *world, u64 base, u64 bytes, u64 nodes, u64 *longest)
{
	u64 good = 0, run = 0;

	for (u64 at = base; at < base + bytes; at += MIB(2)) {
		if (in_cmrs(world, at, MIB(2)) && in_free(world, at, MIB(2), nodes)) {
			good += MIB(2);
			run += MIB(2);
			*longest = run > *longest ? run : *longest;
		} else {
			run = 0;
		}
	}
	return good;
}

static u64 pamt_of_one_gib(const struct check_world *world)
{
	u64 bytes = 0;

	for (u32 level = 0; level < 3; level++)
		bytes += (pamt_minimum(world, GIB(1), level) + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
	return bytes;
}

u64 tdmr_check_least_pool(const struct check_world *world)
{
	u64 pamt = (pamt_of_one_gib(world) + MIB(2) - 1) / MIB(2) * MIB(2);
	u64 longest = 0;

	if (world->max_reserved < 2 || !world->max_tdmrs)
		return 0;
	for (u32 i = 0; i < world->free_count; i++) {
		u64 first = world->free[i].base / GIB(1), last = (world->free[i].base + world->free[i].bytes - 1) / GIB(1);

		for (u64 gib = first; gib <= last; gib++)
			good_bytes(world, gib * GIB(1), GIB(1), world->nodes, &longest);
	}
	if (longest > world->spare_bytes)
		longest = world->spare_bytes;
	return longest > pamt ? longest - pamt : 0;
}

bool tdmr_check_must_exist(const struct check_world *world)
{
	u64 pamt = pamt_of_one_gib(world), longest = 0, most = 0;

	if (world->max_reserved < 2 || !world->max_tdmrs || world->spare_bytes < pamt + MIB(2))
		return false;
	for (u32 i = 0; i < world->free_count; i++) {
		u64 first = world->free[i].base / GIB(1), last = (world->free[i].base + world->free[i].bytes - 1) / GIB(1);
		struct check_world alone = *world;
		u64 any = 0;

		alone.free = &world->free[i];
		alone.free_count = 1;
		for (u64 gib = first; gib <= last; gib++) {
			u64 good = good_bytes(world, gib * GIB(1), GIB(1), world->nodes, &any);

			good_bytes(&alone, gib * GIB(1), GIB(1), ~0ull, &longest);
			most = good > most ? good : most;
		}
	}
	/* a GiB worth its PAMT, and one stretch for the PAMT and a block of pool */
	return most > pamt && longest >= pamt + MIB(2);
}
