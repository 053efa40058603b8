/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing and carving the TD pool. The free ranges of the host are noted once; everything is decided on that copy and
 * then carried out, and a page that somebody took in between shows as a short count and undoes the whole choice.
 *
 * The pool leaves Cella's page tables as a whole, before the caches of all cores are written back, so that no page of
 * it has a dirty line when the module gets it: no flush per page is needed afterwards.
 */
#include "tdx/pool.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "tdx/doctor.h"
#include "tdx/sysinfo.h"

enum { POOL_MAX_RANGES = 512 };	/* free ranges looked at; a freshly booted machine has a few dozen */

static struct {
	u32 free_count;
	struct tdmr_range free[POOL_MAX_RANGES];	/* of the host, ascending, before the pool was carved */
	u32 granule_count;
	struct tdmr_granule granules[TDMR_MAX_GRANULES];
	u32 range_count;
	struct tdmr_range ranges[POOL_MAX_RANGES];	/* the pool */
	u32 carved_count;	/* of ranges */
	u32 unmapped_count;	/* of ranges */
} pool;

static void note_free_range(hpa_t start, u64 bytes, void *arg)
{
	(void)arg;
	if (pool.free_count < POOL_MAX_RANGES)
		pool.free[pool.free_count++] = (struct tdmr_range){ start.raw, bytes };
}

static void find_granules(void)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();

	pool.free_count = 0;
	pool.granule_count = 0;
	page_for_each_free_range(ZONE_HOST, PAGE_SIZE_2M, note_free_range, NULL);
	for (u32 i = 0; i < pool.free_count; i++)
		pool.granule_count = tdmr_count_usable(pool.granules, pool.granule_count, TDMR_MAX_GRANULES,
						       pool.free[i], sysinfo->cmrs, sysinfo->cmr_count);
}

/* Bytes that may become TD pool and PAMT together. */
static u64 host_can_spare(void)
{
	struct page_books books;
	u64 ram_pages = 0;
	u64 keep_bytes;
	u64 free_bytes;

	page_books_read(&books);
	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		if (owner != PAGE_ABSENT)
			ram_pages += books.pages[ZONE_HOST][owner] + books.pages[ZONE_TD][owner];
	keep_bytes = MAX(ram_pages * PAGE_SIZE / 4, POOL_HOST_MINIMUM);
	free_bytes = books.pages[ZONE_HOST][PAGE_FREE] * PAGE_SIZE;
	return free_bytes > keep_bytes ? free_bytes - keep_bytes : 0;
}

static u64 pamt_bytes_of_choice(const struct tdmr_limits *limits)
{
	u64 bytes = 0;

	for (u32 i = 0; i < pool.granule_count; i++)
		if (pool.granules[i].taken_bytes)
			bytes += tdmr_pamt_bytes(TDX_TDMR_ALIGN, limits);
	return bytes;
}

static u64 choose(u64 bytes, const struct tdmr_limits *limits)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();

	for (u32 i = 0; i < pool.granule_count; i++)
		pool.granules[i].taken_bytes = 0;
	return tdmr_choose(pool.granules, pool.granule_count, bytes, limits, sysinfo->cmrs, sysinfo->cmr_count);
}

/* What the pool takes in the granule at @base. */
static u64 taken_at(u64 base)
{
	for (u32 i = 0; i < pool.granule_count; i++)
		if (pool.granules[i].base == base)
			return pool.granules[i].taken_bytes;
	return 0;
}

/* Append a 2 MiB block below everything noted so far; -ENOSPC: the pool would be too scattered. */
static int note_block(u64 at)
{
	struct tdmr_range *last = pool.range_count ? &pool.ranges[pool.range_count - 1] : NULL;

	if (last && last->base == at + PAGE_SIZE_2M) {
		last->base = at;
		last->bytes += PAGE_SIZE_2M;
		return 0;
	}
	if (pool.range_count == POOL_MAX_RANGES)
		return -ENOSPC;
	pool.ranges[pool.range_count++] = (struct tdmr_range){ at, PAGE_SIZE_2M };
	return 0;
}

/* From the choice per granule to ranges: in every granule the highest blocks that are free and convertible. */
static int note_ranges(void)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();
	u64 granule = ~0ull;	/* base of the one that @left is for */
	u64 left = 0;

	pool.range_count = 0;
	for (u32 i = pool.free_count; i-- > 0;) {
		u64 start = ALIGN_UP(pool.free[i].base, PAGE_SIZE_2M);

		for (u64 at = ALIGN_DOWN(pool.free[i].base + pool.free[i].bytes, PAGE_SIZE_2M); at > start;) {
			struct tdmr_range block = { at -= PAGE_SIZE_2M, PAGE_SIZE_2M };

			if (ALIGN_DOWN(at, TDX_TDMR_ALIGN) != granule) {
				granule = ALIGN_DOWN(at, TDX_TDMR_ALIGN);
				left = taken_at(granule);
			}
			if (!left || !tdmr_is_convertible(block, sysinfo->cmrs, sysinfo->cmr_count))
				continue;
			if (note_block(at))
				return -ENOSPC;
			left -= PAGE_SIZE_2M;
		}
	}
	return 0;
}

static int carve_and_unmap(void)
{
	for (u32 i = 0; i < pool.range_count; i++) {
		struct tdmr_range range = pool.ranges[i];

		pool.carved_count++;
		if (page_carve_td_pool(HPA(range.base), range.bytes) != range.bytes / PAGE_SIZE)
			return -EAGAIN;
	}
	for (u32 i = 0; i < pool.range_count; i++) {
		int result = arch_direct_map_remove(HPA(pool.ranges[i].base), pool.ranges[i].bytes);

		if (result)
			return result;
		pool.unmapped_count++;
	}
	return 0;
}

int pool_take(u64 wanted_bytes, const struct tdmr_limits *limits)
{
	u64 spare = host_can_spare();
	u64 taken;
	int result;

	find_granules();
	taken = choose(wanted_bytes ? MIN(wanted_bytes, spare) : spare, limits);
	if (taken + pamt_bytes_of_choice(limits) > spare)
		taken = choose(spare - MIN(spare, ALIGN_UP(pamt_bytes_of_choice(limits), PAGE_SIZE_2M)), limits);
	if (!taken) {
		doctor_complain("pool", "no memory is left for TDs: after a quarter of RAM, at least %lu MiB, for the host "
				"there is no free 2 MiB block in the memory that the TDX module calls convertible",
				POOL_HOST_MINIMUM >> 20);
		return -ENOMEM;
	}
	if (taken < wanted_bytes)
		log_warn("tdx", "the TD pool is %lu MiB, not the %lu MiB that were asked for: a quarter of RAM, at "
			 "least %lu MiB, stays with the host, and the TDX module can only use memory inside its CMRs",
			 taken >> 20, wanted_bytes >> 20, POOL_HOST_MINIMUM >> 20);
	result = note_ranges();
	if (!result)
		result = carve_and_unmap();
	if (result) {
		doctor_complain("pool", "the TD pool could not be taken out of host memory (error %d)", result);
		pool_give_back();
	}
	return result;
}

const struct tdmr_granule *pool_granules(u32 *count)
{
	*count = pool.granule_count;
	return pool.granules;
}

void pool_give_back(void)
{
	while (pool.unmapped_count) {
		struct tdmr_range range = pool.ranges[--pool.unmapped_count];

		panic_if(arch_direct_map_restore(HPA(range.base), range.bytes),
			 "tdx: no page table to map the TD pool again");
	}
	while (pool.carved_count) {
		struct tdmr_range range = pool.ranges[--pool.carved_count];

		page_return_td_pool(HPA(range.base), range.bytes);
	}
	pool.range_count = 0;
	pool.granule_count = 0;
}
