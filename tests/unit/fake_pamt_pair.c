/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_pamt_pair.h. Manual: TDX Module ABI, "TDH.PHYMEM.PAMT.ADD Leaf", "TDH.PHYMEM.PAMT.REMOVE Leaf". */
#include "tests/unit/fake_pamt_pair.h"

#include <string.h>

#include "include/spec/tdx/metadata.h"
#include "include/spec/tdx/tdmr.h"
#include "tests/unit/fake_seamcall.h"

#define REGIONS 4096	/* 8 GiB */
#define MAX_LARGE 64

static struct {
	bool enabled;
	u64 pair[REGIONS][2];	/* HPAs; 0: no pair */
	u64 pages[2 * REGIONS];	/* all that were given and not taken back */
	u32 page_count;
	struct {
		u64 gpa, hpa;
	} large[MAX_LARGE];	/* 2 MiB pages by GPA, for DEMOTE */
	u32 large_next;
	struct seamcall_regs in;	/* of the leaf under way */
} fake;

void fake_pamt_pair_reset(void)
{
	memset(&fake, 0, sizeof(fake));
}

void fake_pamt_pair_enable(void)
{
	fake.enabled = true;
}

bool fake_pamt_pair_enabled(void)
{
	return fake.enabled;
}

u64 fake_pamt_pairs(void)
{
	u64 pairs = 0;

	for (u32 i = 0; i < REGIONS; i++)
		pairs += fake.pair[i][0] != 0;
	return pairs;
}

static bool is_given(u64 page)
{
	for (u32 i = 0; i < fake.page_count; i++)
		if (fake.pages[i] == page)
			return true;
	return false;
}

static bool is_usable(u64 page)
{
	return page && IS_ALIGNED(page, PAGE_SIZE) && fake_page_type(HPA(page)) == PT_NDA && !is_given(page);
}

static void take_back(u64 page)
{
	for (u32 i = 0; i < fake.page_count; i++)
		if (fake.pages[i] == page)
			fake.pages[i] = fake.pages[--fake.page_count];
}

static void give(u64 region, u64 first, u64 second)
{
	fake.pair[region][0] = fake.pages[fake.page_count++] = first;
	fake.pair[region][1] = fake.pages[fake.page_count++] = second;
}

static u64 add(const struct seamcall_regs *regs)
{
	u64 base = regs->rcx - TDX_LEVEL_2M;
	u64 region = base / PAGE_SIZE_2M;

	if (!fake.enabled)
		return TDX_OPERAND_INVALID | TDX_OPERAND_ID_RAX;
	if (!IS_ALIGNED(base, PAGE_SIZE_2M))
		return TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX;
	for (u64 at = base; at < base + PAGE_SIZE_2M; at += PAGE_SIZE)
		if (fake.pair[region][0] || fake_page_type(HPA(at)) != PT_NDA)
			return TDX_HPA_RANGE_NOT_FREE | TDX_OPERAND_ID_RCX;
	if (!is_usable(regs->rdx) || !is_usable(regs->r8) || regs->rdx == regs->r8)
		return TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_RDX;
	give(region, regs->rdx, regs->r8);
	return TDX_SUCCESS;
}

static u64 remove_pair(struct seamcall_regs *regs)
{
	u64 base = regs->rcx - TDX_LEVEL_2M;
	u64 *pair = fake.pair[base / PAGE_SIZE_2M];

	if (!fake.enabled)
		return TDX_OPERAND_INVALID | TDX_OPERAND_ID_RAX;
	if (!pair[0])
		return TDX_NO_PAMT_PAGE_PAIR | TDX_OPERAND_ID_RCX;
	for (u64 at = base; at < base + PAGE_SIZE_2M; at += PAGE_SIZE)
		if (fake_page_type(HPA(at)) != PT_NDA)
			return TDX_PAMT_PAGE_NOT_EMPTY;
	regs->rdx = pair[0];
	regs->r8 = pair[1];
	take_back(pair[0]);
	take_back(pair[1]);
	pair[0] = pair[1] = 0;
	return TDX_SUCCESS;
}

/* The 4 KiB page that the leaf takes, 0: none. */
static u64 small_page(u32 leaf, const struct seamcall_regs *regs)
{
	switch (leaf) {
	case TDH_MNG_CREATE:
	case TDH_MNG_ADDCX:
	case TDH_VP_CREATE:
	case TDH_VP_ADDCX: return regs->rcx;
	case TDH_MEM_SEPT_ADD:
	case TDH_MEM_PAGE_ADD:
	case TDH_MEM_PAGE_DEMOTE: return regs->r8;
	case TDH_MEM_PAGE_AUG: return regs->rcx & 7 ? 0 : regs->r8;
	default: return 0;
	}
}

bool fake_pamt_pair_leaf(u32 leaf, struct seamcall_regs *regs, u64 *status)
{
	u64 page = small_page(leaf, regs);

	fake.in = *regs;
	if (leaf == TDH_SYS_RD && regs->rdx == TDX_SYS_PAMT_PAGE_BITMAP_ENTRY_BITS) {
		regs->r8 = 1;
		*status = TDX_SUCCESS;
		return true;
	}
	if (leaf == TDH_SYS_CONFIG)
		fake.enabled = regs->r8 & TDX_SYS_CONFIG_DYNAMIC_PAMT;
	if (leaf == TDH_PHYMEM_PAMT_ADD || leaf == TDH_PHYMEM_PAMT_REMOVE) {
		*status = leaf == TDH_PHYMEM_PAMT_ADD ? add(regs) : remove_pair(regs);
		return true;
	}
	if (!fake.enabled)
		return false;
	if (page && !fake.pair[page / PAGE_SIZE_2M][0])
		*status = TDX_MISSING_PAMT_PAGE_PAIR;
	else if (page && is_given(page))
		*status = TDX_PAGE_METADATA_INCORRECT;
	else if (leaf == TDH_MEM_PAGE_AUG && (regs->rcx & 7) && fake.pair[regs->r8 / PAGE_SIZE_2M][0])
		*status = TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_R8;
	else if (leaf == TDH_MEM_PAGE_DEMOTE && (!is_usable(regs->r12) || !is_usable(regs->r13)))
		*status = TDX_MISSING_PAMT_PAGE_PAIR;
	else
		return false;
	return true;
}

void fake_pamt_pair_done(u32 leaf, u64 status)
{
	const struct seamcall_regs *regs = &fake.in;

	if (!fake.enabled || status != TDX_SUCCESS)
		return;
	if (leaf == TDH_MEM_PAGE_AUG && !small_page(leaf, regs)) {
		fake.large[fake.large_next].gpa = regs->rcx & ~7ull;
		fake.large[fake.large_next++ % MAX_LARGE].hpa = regs->r8;
	}
	for (u32 i = 0; leaf == TDH_MEM_PAGE_DEMOTE && i < MAX_LARGE; i++)
		if (fake.large[i].hpa && fake.large[i].gpa == (regs->rcx & ~7ull)) {
			give(fake.large[i].hpa / PAGE_SIZE_2M, regs->r12, regs->r13);
			fake.large[i].hpa = 0;
		}
}
