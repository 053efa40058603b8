/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves on physical pages whatever TD they belong to: read metadata, reclaim in teardown, write back caches.
 *
 * TDH.PHYMEM.CACHE.WB has nothing to flush here, but keeps the real protocol: a fresh start is interrupted once, half
 * way, so that every host's resume loop is exercised on every teardown. It stands for an SMI, which the real leaf heeds
 * whatever the host's RFLAGS.IF is; with no time spent there is nothing else to poll for.
 * Any core. Manual: TDX Module ABI, "TDH.PHYMEM.*"; tdx-host-system.md 4.12-4.15, 8.4, 9.
 */
#include "tests/tdxemu/seamcall.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/td.h"

#define RDMD_LEVEL_MASK 7ull	/* RCX: smallest size wanted */
#define RDMD_NON_LEAF BIT(63)	/* RCX on return, with the type: smaller entries below this one */

#define CACHE_WB_START 0
#define CACHE_WB_RESUME 1
#define CACHE_WB_HALF_WAY 1	/* saved point of an interrupted flush */

static void clear_page_info(u64 gpr[GPR_COUNT])
{
	gpr[GPR_RCX] = gpr[GPR_RDX] = gpr[GPR_R8] = gpr[GPR_R9] = gpr[GPR_R10] = gpr[GPR_R11] = 0;
}

/* What dynamic PAMT adds: a page that serves as PAMT (or is reserved) has no entry that says so; a node is no page. */
static void dynamic_page_info(u64 gpr[GPR_COUNT], const struct pamt_ref *page, enum tdx_level lowest)
{
	struct pamt_pair pair;

	if (lowest == TDX_LEVEL_4K && page->entry->type == PT_NDA && pamt_bits_any(page->hpa, 1)) {
		gpr[GPR_RCX] = PT_PAMT;
		gpr[GPR_RDX] = 0;
		gpr[GPR_R8] = TDX_LEVEL_4K;
	} else if (page->entry->type == PT_PAMT) {
		pair = pamt_pair_of(page->entry);
		gpr[GPR_RCX] = PT_PAMT | RDMD_NON_LEAF;
		gpr[GPR_RDX] = 0;
		gpr[GPR_R10] = pair.pages[0];
		gpr[GPR_R11] = pair.pages[1];
	}
}

static void page_info(u64 gpr[GPR_COUNT], const struct pamt_ref *page)
{
	gpr[GPR_RCX] = page->entry->type;
	gpr[GPR_RDX] = pamt_owner(page->entry);
	gpr[GPR_R8] = page->level;
}

u64 leaf_phymem_page_rdmd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 hpa = gpr[GPR_RCX] & ~RDMD_LEVEL_MASK;
	enum tdx_level lowest = (enum tdx_level)(gpr[GPR_RCX] & RDMD_LEVEL_MASK);
	struct pamt_ref page;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	clear_page_info(gpr);
	if (lowest > (module.dynamic_pamt ? TDX_LEVEL_1G : TDX_LEVEL_4K))
		return INVALID(RCX);
	status = pamt_take_any(hpa, TDX_OPERAND_ID_RCX, lowest, LOCK_SHARED, &page);
	if (status != TDX_SUCCESS)
		return status;
	page_info(gpr, &page);
	if (module.dynamic_pamt)
		dynamic_page_info(gpr, &page, lowest);
	if (page.entry->type == PT_REG || page.entry->type == PT_EPT)
		gpr[GPR_R9] = page.entry->bepoch;
	pamt_drop(&page);
	return TDX_SUCCESS;
}

/* The last page of a TD: nothing of it is left in the module. */
static u64 reclaim_tdr(u64 hpa, u64 *hint)
{
	struct tdr *tdr = phys(hpa);

	if (tdr->lifecycle != TD_TEARDOWN)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (__atomic_load_n(&tdr->child_count, __ATOMIC_ACQUIRE) != 0)
		return TDX_TD_ASSOCIATED_PAGES_EXIST;
	/* nothing fails below */
	tdcs_release(tdr);
	memset(tdr, 0, PAGE_SIZE);
	*hint = page_leave(hpa, TDX_LEVEL_4K, module.global_hkid);
	__atomic_fetch_sub(&module.td_count, 1, __ATOMIC_RELEASE);
	return TDX_SUCCESS;
}

static u64 reclaim_child(const struct pamt_ref *page, u64 *hint)
{
	u64 owner = pamt_owner(page->entry);
	struct tdr *tdr = phys(owner);
	struct pamt_ref tdr_ref;
	u64 status = pamt_take_implicit(owner, TDX_LEVEL_4K, BUSY(TDR), LOCK_SHARED, &tdr_ref);

	if (status != TDX_SUCCESS)
		return status;
	if (tdr->lifecycle == TD_TEARDOWN) {
		*hint = page_leave_flushed(page->hpa, page->level);
		__atomic_fetch_sub(&tdr->child_count, level_pages(page->level), __ATOMIC_RELEASE);
	} else {
		status = TDX_LIFECYCLE_STATE_INCORRECT;
	}
	pamt_drop(&tdr_ref);
	return status;
}

u64 leaf_phymem_page_reclaim(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 hpa = gpr[GPR_RCX];
	struct pamt_ref page;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	clear_page_info(gpr);
	status = pamt_take_any(hpa, TDX_OPERAND_ID_RCX, TDX_LEVEL_4K, LOCK_EXCLUSIVE, &page);
	if (status != TDX_SUCCESS)
		return status;
	if (page.entry->type == PT_NDA || page.entry->type == PT_RSVD) {
		pamt_drop(&page);
		return TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RCX;
	}
	page_info(gpr, &page);
	if (!IS_ALIGNED(hpa, level_bytes(page.level)))
		status = INVALID(RCX);
	else if (page.entry->type == PT_TDR)
		status = reclaim_tdr(hpa, &gpr[GPR_R9]);
	else
		status = reclaim_child(&page, &gpr[GPR_R9]);
	pamt_drop(&page);
	return status;
}

static u64 flushed_hkids(void)
{
	u64 flushed = 0;

	for (u32 i = 0; i < PLATFORM_TDX_KEYIDS; i++)
		if (module.kot[PLATFORM_FIRST_PRIVATE + i].state == KOT_FLUSHED)
			flushed |= BIT(i);
	return flushed;
}

static u64 finish_flush(u32 package)
{
	module.wbcache_point[package] = 0;
	for (u32 i = 0; i < PLATFORM_TDX_KEYIDS; i++)
		if (module.wbcache_snapshot[package] & BIT(i))
			__atomic_fetch_and(&module.kot[PLATFORM_FIRST_PRIVATE + i].wb_pending, ~(1u << package),
					   __ATOMIC_RELEASE);
	return TDX_SUCCESS;
}

static u64 cache_wb_locked(u32 package, u64 command)
{
	bool interrupted = module.wbcache_point[package] != 0;
	u64 flushed;

	if (command == CACHE_WB_RESUME)
		return interrupted ? finish_flush(package) : TDX_WBCACHE_RESUME_ERROR;
	flushed = flushed_hkids();
	if (flushed == 0)
		return TDX_NO_HKID_READY_TO_WBCACHE;
	module.wbcache_snapshot[package] = flushed;
	/* A second start gives up the interrupted session and runs through, so that a host without resume gets on. */
	if (interrupted)
		return finish_flush(package);
	module.wbcache_point[package] = CACHE_WB_HALF_WAY;
	return TDX_INTERRUPTED_RESUMABLE;
}

u64 leaf_phymem_cache_wb(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 status = BUSY(KOT);

	if (version != 0)
		return INVALID(RAX);
	if (gpr[GPR_RCX] > CACHE_WB_RESUME)
		return INVALID(RCX);
	if (!sharex_try(&module.wbcache_lock[cpu->package], LOCK_EXCLUSIVE))
		return BUSY(WBCACHE);
	if (sharex_try(&module.kot_lock, LOCK_SHARED)) {
		status = cache_wb_locked(cpu->package, gpr[GPR_RCX]);
		sharex_release(&module.kot_lock, LOCK_SHARED);
	}
	sharex_release(&module.wbcache_lock[cpu->package], LOCK_EXCLUSIVE);
	return status;
}

u64 leaf_phymem_page_wbinvd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 hpa = hpa_without_hkid(gpr[GPR_RCX]);
	u16 hkid = hpa_hkid(gpr[GPR_RCX]);
	struct pamt_ref page;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = pamt_take_any(hpa, TDX_OPERAND_ID_RCX, TDX_LEVEL_4K, LOCK_SHARED, &page);
	if (status != TDX_SUCCESS)
		return status;
	/* With dynamic PAMT a region without a page pair has no smaller entry that could say "free". */
	if ((page.level == TDX_LEVEL_4K || module.dynamic_pamt) && page.entry->type == PT_NDA &&
	    !(module.dynamic_pamt && pamt_bits_any(hpa, 1)))
		page_written_back(cpu, &page, hkid);
	else
		status = TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RCX;
	pamt_drop(&page);
	return status;
}
