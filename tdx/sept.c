/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private memory in and out of a TD. The books (sept_map.c) are changed together with the module's secure EPT under the
 * TD's lock, so that they always say what must be reclaimed. The lock is plain: adding holds it for one or two
 * SEAMCALLs, removing until all vCPUs have left the TD once.
 *
 * Taking memory from a running TD: block every entry (new walks fault), one TDH.MEM.TRACK (a new TLB epoch), make every
 * vCPU leave once (its next entry flushes), then remove. While the TD is being built none of this is needed.
 *
 * The module's locks never wait: a vCPU that accepts memory or is suspected of zero-stepping makes host leaves busy.
 * They are repeated with pauses, then all vCPUs are made to leave, and the call is repeated once more; host priority in
 * the module keeps guests from starving it. Manual: TDX Module Base, "Secure EPT" and "TLB Tracking".
 */
#include "tdx/sept.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "tdx/backoff.h"
#include "tdx/pamt_pair.h"
#include "tdx/pool.h"
#include "tdx/reclaim.h"
#include "tdx/sept_map.h"
#include "tdx/tdh_mem.h"
#include "tdx/vcpu.h"

enum { DEMOTE_RESTARTS = 10000 };	/* TDH.MEM.PAGE.DEMOTE gives way to every pending interrupt */

static void kick_all(struct td *td)
{
	for (u32 i = 0; i < td->vcpu_count; i++)
		vcpu_kick_wait(td->vcpus[i]);
}

/* RETRY_BUSY(), and once more after all vCPUs of the TD have left it. */
#define RETRY_KICKING(td, call) \
	({ \
		tdx_status_t kicking_status_ = RETRY_BUSY(call); \
		if (tdx_status_is_busy(kicking_status_)) { \
			kick_all(td); \
			kicking_status_ = RETRY_BUSY(call); \
		} \
		kicking_status_; \
	})

/* A refusal becomes errno here: what is left after the retries is either still busy or an inconsistency. */
static int refused(const char *leaf, gpa_t gpa, tdx_status_t status, const struct sept_entry_info *entry)
{
	char text[TDX_STATUS_TEXT_BYTES];

	if (tdx_status_is_busy(status))
		return -EBUSY;
	log_error("tdx", "%s of GPA 0x%lx: %s, entry 0x%lx of level %d in state %d", leaf,
		  gpa.raw, tdx_status_text(status, text), entry->entry, entry->level, entry->state);
	return -EIO;
}

static gpa_t align_to(gpa_t gpa, enum tdx_level level)
{
	return GPA(ALIGN_DOWN(gpa.raw, level_bytes(level)));
}

int sept_create(struct td *td, enum tdx_level root_level)
{
	td->sept = sept_map_create(root_level);
	return td->sept ? 0 : -ENOMEM;
}

/* ---- tables; lock held ---- */

/* A page of the pool for a table, and room in the books. */
static int prepare_table(struct td *td, hpa_t *table)
{
	if (sept_map_prepare_table(td->sept))
		return -ENOMEM;
	return pool_page_alloc(TDX_LEVEL_4K, PAGE_SEPT, arch_this_cpu()->node, table);
}

static int add_table(struct td *td, gpa_t gpa, enum tdx_level level)
{
	struct sept_entry_info entry;
	tdx_status_t status;
	hpa_t table;
	int result = prepare_table(td, &table);

	if (result)
		return result;
	status = RETRY_BUSY(tdh_mem_sept_add(td->tdr, gpa, level, table, &entry));
	if (!tdx_succeeded(status)) {
		pool_page_free(table, TDX_LEVEL_4K, PAGE_SEPT);
		return refused("TDH.MEM.SEPT.ADD", gpa, status, &entry);
	}
	sept_map_set_table(td->sept, gpa, level, table);
	td->pages_control++;
	return 0;
}

/* Every table above the entry of @gpa at @level. -EEXIST: a larger page is in the way. */
static int build_tables(struct td *td, gpa_t gpa, enum tdx_level level)
{
	for (;;) {
		struct sept_map_entry entry = sept_map_find(td->sept, gpa, level);
		int result;

		if (entry.level == level)
			return 0;
		if (entry.kind == SEPT_MAP_PAGE)
			return -EEXIST;
		result = add_table(td, align_to(gpa, entry.level), entry.level);
		if (result)
			return result;
	}
}

/* ---- TLB tracking; lock held ---- */

static bool needs_tracking(const struct td *td)
{
	return td->state == TD_RUNNABLE;
}

static int block(struct td *td, gpa_t gpa, enum tdx_level level)
{
	struct sept_entry_info entry;
	tdx_status_t status = RETRY_KICKING(td, tdh_mem_range_block(td->tdr, gpa, level, &entry));

	return tdx_succeeded(status) ? 0 : refused("TDH.MEM.RANGE.BLOCK", gpa, status, &entry);
}

/* After it no vCPU uses a translation that was blocked before it. */
static int track(struct td *td)
{
	const struct sept_entry_info none = { 0 };
	tdx_status_t status = RETRY_KICKING(td, tdh_mem_track(td->tdr));

	if (!tdx_succeeded(status))
		return refused("TDH.MEM.TRACK", GPA(0), status, &none);
	kick_all(td);
	return 0;
}

static int block_and_track(struct td *td, gpa_t gpa, enum tdx_level level)
{
	int result;

	if (!needs_tracking(td))
		return 0;
	result = block(td, gpa, level);
	return result ? result : track(td);
}

/* Take an empty table back, so that a 2 MiB page fits in its place. */
static int drop_table(struct td *td, gpa_t gpa, enum tdx_level level)
{
	struct sept_entry_info entry;
	tdx_status_t status;
	hpa_t table;
	int result = block_and_track(td, gpa, level);

	if (result)
		return result;
	status = RETRY_KICKING(td, tdh_mem_sept_remove(td->tdr, gpa, level, &table, &entry));
	if (!tdx_succeeded(status))
		return refused("TDH.MEM.SEPT.REMOVE", gpa, status, &entry);
	sept_map_clear(td->sept, gpa, level);
	td->pages_control--;
	reclaim_removed(table, TDX_LEVEL_4K, td->hkid, PAGE_SEPT);
	return 0;
}

/* ---- adding ---- */

static bool is_private(const struct td *td, gpa_t gpa, u64 bytes)
{
	return gpa.raw < td->shared_bit && bytes <= td->shared_bit - gpa.raw;
}

static bool may_change(const struct td *td)
{
	return td->state == TD_INITIALIZED || td->state == TD_RUNNABLE;
}

/* How the content of a new page comes about. */
struct new_page {
	gpa_t gpa;
	enum tdx_level level;
	const hpa_t *source;	/* copied and measured; NULL: the guest accepts it */
};

static int map_page(struct td *td, const struct new_page *new)
{
	struct sept_entry_info entry;
	tdx_status_t status;
	hpa_t page;
	int result = build_tables(td, new->gpa, new->level);

	if (!result)
		result = pool_page_alloc(new->level, PAGE_TD_PRIVATE, arch_this_cpu()->node, &page);
	if (result)
		return result;
	if (new->source)
		status = RETRY_BUSY(tdh_mem_page_add(td->tdr, new->gpa, page, *new->source, &entry));
	else
		status = RETRY_BUSY(tdh_mem_page_aug(td->tdr, new->gpa, new->level, page, &entry));
	if (!tdx_succeeded(status)) {
		pool_page_free(page, new->level, PAGE_TD_PRIVATE);
		return refused(new->source ? "TDH.MEM.PAGE.ADD" : "TDH.MEM.PAGE.AUG", new->gpa, status, &entry);
	}
	sept_map_set_page(td->sept, new->gpa, new->level, page);
	td->pages_private += level_pages(new->level);
	return 0;
}

int sept_copy_page(struct td *td, gpa_t gpa, hpa_t source)
{
	const struct new_page new = { gpa, TDX_LEVEL_4K, &source };
	int result;

	if (!IS_ALIGNED(gpa.raw, PAGE_SIZE) || !is_private(td, gpa, PAGE_SIZE))
		return -EINVAL;
	spin_lock(&td->lock);
	if (td->state != TD_INITIALIZED)
		result = -EPERM;
	else if (sept_map_find(td->sept, gpa, TDX_LEVEL_4K).kind == SEPT_MAP_PAGE)
		result = -EEXIST;
	else
		result = map_page(td, &new);
	spin_unlock(&td->lock);
	return result;
}

static int add_memory(struct td *td, const struct new_page *new)
{
	struct sept_map_entry entry = sept_map_find(td->sept, new->gpa, new->level);

	if (entry.kind == SEPT_MAP_PAGE)
		return 0;	/* another vCPU was faster, or a larger page covers it */
	if (entry.kind == SEPT_MAP_TABLE) {
		int result = -ENOMEM;	/* 4 KiB pages lie in the block: only such fit there */

		if (sept_map_table_is_empty(td->sept, new->gpa, new->level))
			result = drop_table(td, new->gpa, new->level);
		if (result)
			return result;
	}
	return map_page(td, new);
}

int sept_add_memory(struct td *td, gpa_t gpa, enum tdx_level level)
{
	const struct new_page new = { gpa, level, NULL };
	int result;

	if (level > TDX_LEVEL_2M || !IS_ALIGNED(gpa.raw, level_bytes(level)) ||
	    !is_private(td, gpa, level_bytes(level)))
		return -EINVAL;
	spin_lock(&td->lock);
	result = may_change(td) ? add_memory(td, &new) : -EPERM;
	spin_unlock(&td->lock);
	return result;
}

/* ---- removing; lock held ---- */

/* Split the 2 MiB page over @at, if there is one and @at is inside of it. */
static int split_at(struct td *td, gpa_t at)
{
	struct sept_map_entry page = sept_map_find(td->sept, at, TDX_LEVEL_4K);
	struct sept_entry_info entry;
	tdx_status_t status;
	hpa_t table;
	hpa_t pair[PAMT_PAIR_PAGES];
	u32 restarts = 0;
	int result;

	if (page.kind != SEPT_MAP_PAGE || page.level != TDX_LEVEL_2M || IS_ALIGNED(at.raw, PAGE_SIZE_2M))
		return 0;
	result = prepare_table(td, &table);
	if (result)
		return result;
	result = pamt_pair_prepare(pair);
	if (result)
		goto free_table;
	result = block_and_track(td, page.gpa, TDX_LEVEL_2M);
	if (!result) {
		do
			status = RETRY_KICKING(td, tdh_mem_page_demote(td->tdr, page.gpa, TDX_LEVEL_2M, table, pair,
								       &entry));
		while (tdx_status_is(status, TDX_INTERRUPTED_RESTARTABLE) && ++restarts < DEMOTE_RESTARTS);
		if (!tdx_succeeded(status))
			result = refused("TDH.MEM.PAGE.DEMOTE", page.gpa, status, &entry);
	}
	if (result)
		goto free_pair;
	pamt_pair_split(page.hpa);
	sept_map_split(td->sept, page.gpa, table);
	td->pages_control++;
	return 0;
free_pair:
	pamt_pair_discard(pair);
free_table:
	pool_page_free(table, TDX_LEVEL_4K, PAGE_SEPT);
	return result;
}

static int block_entry(struct td *td, const struct sept_map_entry *page)
{
	return block(td, page->gpa, page->level);
}

static int remove_entry(struct td *td, const struct sept_map_entry *page)
{
	struct sept_entry_info entry;
	hpa_t removed = HPA(0);
	tdx_status_t status = RETRY_KICKING(td, tdh_mem_page_remove(td->tdr, page->gpa, page->level, &removed, &entry));

	if (!tdx_succeeded(status))
		return refused("TDH.MEM.PAGE.REMOVE", page->gpa, status, &entry);
	sept_map_clear(td->sept, page->gpa, page->level);
	td->pages_private -= level_pages(page->level);
	if (removed.raw != page->hpa.raw) {
		reclaim_quarantine(page->hpa, page->level, PAGE_TD_PRIVATE, "the module returned another page");
		return -EIO;
	}
	reclaim_removed(removed, page->level, td->hkid, PAGE_TD_PRIVATE);
	return 0;
}

/* @act on every backed page from @gpa on; none is only partly in the range. */
static int for_each_page(struct td *td, gpa_t gpa, u64 bytes,
			 int (*act)(struct td *td, const struct sept_map_entry *page))
{
	u64 end = gpa.raw + bytes;
	int result = 0;

	for (u64 at = gpa.raw; at < end && !result;) {
		struct sept_map_entry entry = sept_map_find(td->sept, GPA(at), TDX_LEVEL_4K);

		if (entry.kind == SEPT_MAP_PAGE)
			result = act(td, &entry);
		at = entry.gpa.raw + level_bytes(entry.level);
	}
	return result;
}

static int remove_range(struct td *td, gpa_t gpa, u64 bytes)
{
	int result = split_at(td, gpa);

	if (!result)
		result = split_at(td, gpa_add(gpa, bytes));
	if (!result && needs_tracking(td)) {
		result = for_each_page(td, gpa, bytes, block_entry);
		if (!result)
			result = track(td);
	}
	return result ? result : for_each_page(td, gpa, bytes, remove_entry);
}

int sept_remove_memory(struct td *td, gpa_t gpa, u64 bytes)
{
	int result;

	if (!IS_ALIGNED(gpa.raw | bytes, PAGE_SIZE) || !bytes || !is_private(td, gpa, bytes))
		return -EINVAL;
	spin_lock(&td->lock);
	result = may_change(td) ? remove_range(td, gpa, bytes) : -EPERM;
	spin_unlock(&td->lock);
	return result;
}

bool sept_is_backed(struct td *td, gpa_t gpa)
{
	bool backed;

	if (!is_private(td, gpa, 1))
		return false;
	spin_lock(&td->lock);
	backed = td->sept && sept_map_find(td->sept, gpa, TDX_LEVEL_4K).kind == SEPT_MAP_PAGE;
	spin_unlock(&td->lock);
	return backed;
}

/* ---- the end ---- */

static void reclaim_entry(const struct sept_map_entry *entry, void *arg)
{
	struct td *td = arg;

	if (entry->kind == SEPT_MAP_PAGE)
		reclaim_td_page(td, entry->hpa, entry->level, PAGE_TD_PRIVATE);
	else
		reclaim_td_page(td, entry->hpa, TDX_LEVEL_4K, PAGE_SEPT);
	task_yield();
}

void sept_reclaim_all(struct td *td)
{
	if (!td->sept)
		return;
	sept_map_visit(td->sept, reclaim_entry, td);
	sept_map_destroy(td->sept);
	td->sept = NULL;
	td->pages_private = 0;
}
