/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TD pool: the free memory of the host is noted once and the plan made on that copy; then it is carried out, and a
 * page that somebody took in between undoes the whole choice. Memory outside CMRs never gets into the plan.
 *
 * The pool leaves Cella's page tables as a whole, before the caches of all cores are written back, so that no page of
 * it has a dirty line when the module gets it: no flush per page is needed afterwards.
 */
#include "tdx/pool.h"

#include "arch/x86/acpi.h"
#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "tdx/doctor.h"
#include "tdx/pamt.h"
#include "tdx/pamt_pair.h"
#include "tdx/reclaim.h"
#include "tdx/sysinfo.h"
#include "tdx/tdmr_plan.h"

static struct {
	u64 nodes;	/* 0: all */
	struct tdmr_plan plan;
	u32 carved_count;	/* of the plan's pool ranges */
	u32 unmapped_count;	/* the same */
} pool;

void pool_set_nodes(u64 nodes)
{
	pool.nodes = nodes;
}

#define NOT_FOR_TDX PAGE_ANY_NODE	/* instead of a node */

/* Memory that may go away, or that keeps its contents, is no TDX memory, whatever the module says of it. */
static u32 node_for_tdx(u64 at)
{
	return acpi_is_hotplug_memory(HPA(at), PAGE_SIZE_2M) ? NOT_FOR_TDX : page_node_of(HPA(at));
}

/* Into the plan, one piece per node. */
static void note_free_range(hpa_t start, u64 bytes, void *arg)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();
	u64 end = start.raw + bytes;
	u64 stop;

	(void)arg;
	for (u64 at = start.raw; at < end; at = stop) {
		u32 node = node_for_tdx(at);

		stop = ALIGN_DOWN(at, PAGE_SIZE_2M) + PAGE_SIZE_2M;
		while (stop < end && node_for_tdx(stop) == node)
			stop += PAGE_SIZE_2M;
		if (node != NOT_FOR_TDX)
			tdmr_plan_add(&pool.plan, (struct tdmr_range){ at, MIN(stop, end) - at, node }, sysinfo->cmrs,
				      sysinfo->cmr_count);
	}
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

static int carve_and_unmap(void)
{
	for (u32 i = 0; i < pool.plan.pool_count; i++) {
		struct tdmr_range range = pool.plan.pool[i];

		pool.carved_count++;
		if (page_carve_td_pool(HPA(range.base), range.bytes) != range.bytes / PAGE_SIZE)
			return -EAGAIN;
	}
	for (u32 i = 0; i < pool.plan.pool_count; i++) {
		int result = arch_direct_map_remove(HPA(pool.plan.pool[i].base), pool.plan.pool[i].bytes);

		if (result)
			return result;
		pool.unmapped_count++;
	}
	return 0;
}

static int plan(u64 wanted_bytes, const struct tdmr_limits *limits)
{
	u64 spare = host_can_spare();
	const struct tdmr_request request = {
		.limits = *limits,
		.cmrs = tdx_sysinfo()->cmrs,
		.cmr_count = tdx_sysinfo()->cmr_count,
		.wanted_bytes = wanted_bytes ? wanted_bytes : spare,
		.spare_bytes = spare,
		.nodes = pool.nodes ? pool.nodes : TDMR_ALL_NODES,
	};

	tdmr_plan_clear(&pool.plan);
	page_for_each_free_range(ZONE_HOST, PAGE_SIZE_2M, note_free_range, NULL);
	if (tdmr_plan_make(&pool.plan, &request)) {
		doctor_complain("pool", "no memory is left for TDs: after a quarter of RAM, at least %lu MiB, for the host "
				"and the PAMTs there is no free 2 MiB block in the memory that the TDX module calls "
				"convertible, on the nodes that td-pool-nodes allows", POOL_HOST_MINIMUM >> 20);
		return -ENOMEM;
	}
	return 0;
}

/* What an operator may want to know about the plan. */
static void report(u64 wanted_bytes, bool dynamic)
{
	u64 bytes = tdmr_plan_pool_bytes(&pool.plan);

	if (bytes < wanted_bytes)
		log_warn("tdx", "the TD pool is %lu MiB, not the %lu MiB that were asked for: a quarter of RAM, at "
			 "least %lu MiB, stays with the host, the TDX module can only use memory inside its CMRs, and "
			 "PAMTs lie on the NUMA node of their memory",
			 bytes >> 20, wanted_bytes >> 20, POOL_HOST_MINIMUM >> 20);
	if (pool.plan.foreign_pamts)
		log_warn("tdx", "the PAMTs of %u TDMRs lie on another NUMA node than their memory: it had no room",
			 pool.plan.foreign_pamts);
	log_info("tdx", "TD pool %lu MiB in %u ranges under %u TDMRs; %s PAMT %lu KiB, 1/%lu of the pool", bytes >> 20,
		 pool.plan.pool_count, pool.plan.tdmr_count, dynamic ? "dynamic" : "static", pamt_bytes() >> 10,
		 bytes / pamt_bytes());
}

int pool_take(u64 wanted_bytes, const struct tdmr_limits *limits, struct tdx_tdmr_info *tdmrs, u32 *count)
{
	int result;

	pool.plan.tdmrs = tdmrs;
	result = plan(wanted_bytes, limits);
	if (result)
		return result;
	result = pamt_take(pool.plan.pamts, pool.plan.tdmr_count);
	if (!result)
		result = carve_and_unmap();
	if (!result)
		result = pamt_unmap();
	if (!result && limits->bitmap_bits)	/* allocates, which it must not do in what the plan is about to take */
		result = pamt_pair_begin(tdmr_plan_pool_bytes(&pool.plan) / PAGE_SIZE_2M);
	if (result) {
		doctor_complain("pool", "the TD pool could not be taken out of host memory (error %d)", result);
		pamt_give_back(PAMT_UNTOUCHED);
		pool_give_back();
		return result;
	}
	report(wanted_bytes, limits->bitmap_bits > 0);
	*count = pool.plan.tdmr_count;
	return 0;
}

void pool_give_back(void)
{
	while (pool.unmapped_count) {
		struct tdmr_range range = pool.plan.pool[--pool.unmapped_count];

		panic_if(arch_direct_map_restore(HPA(range.base), range.bytes),
			 "tdx: no page table to map the TD pool again");
	}
	while (pool.carved_count) {
		struct tdmr_range range = pool.plan.pool[--pool.carved_count];

		page_return_td_pool(HPA(range.base), range.bytes);
	}
	pamt_pair_end();
}

/* ---- pages of it ---- */

u64 pool_region(hpa_t page)
{
	u64 regions = 0;

	for (u32 i = 0; i < pool.plan.pool_count; i++) {
		struct tdmr_range range = pool.plan.pool[i];

		if (page.raw >= range.base && page.raw < tdmr_end(range))
			return regions + (page.raw - range.base) / PAGE_SIZE_2M;
		regions += range.bytes / PAGE_SIZE_2M;
	}
	panic("tdx: page 0x%lx is not of the TD pool", page.raw);
}

int pool_page_alloc(enum tdx_level level, enum page_owner owner, u32 node, hpa_t *page)
{
	int result = page_alloc(ZONE_TD, level_pages(level), level_bytes(level), owner, node, page);

	if (result)
		return result;
	result = level == TDX_LEVEL_4K ? pamt_pair_get(*page) : pamt_pair_drop(*page);
	if (result)
		page_free(*page, level_pages(level), owner);
	return result;
}

void pool_page_free(hpa_t page, enum tdx_level level, enum page_owner owner)
{
	if (level == TDX_LEVEL_4K)
		pamt_pair_put(page);
	page_free(page, level_pages(level), owner);
}
