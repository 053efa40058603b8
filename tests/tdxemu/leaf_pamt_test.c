/* SPDX-License-Identifier: BSD-2-Clause */
/* Dynamic PAMT, tdx-host-system.md 12.2. The platform word stays on for the tests behind these. */
#include "kernel/lib/string.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define OPTION_DYNAMIC BIT(16)
#define REGION(hpa) (ALIGN_DOWN((hpa), (u64)PAGE_SIZE_2M) | TDX_LEVEL_2M)
#define NON_LEAF BIT(63)
#define RCX_ID TDX_OPERAND_ID_RCX

static void prepare(void)
{
	machine_reset(1, 1);
	machine_platform("dynamic-pamt");
	machine.dynamic_pamt = true;
	machine_bring_up();
}

/* A page pair for the region around @hpa, from the far end of the pool. */
static struct pamt_pair add_pair(u64 hpa)
{
	static u64 next;
	struct pamt_pair pair;

	next = next == 0 || next < ARENA_END - MIB(16) ? ARENA_END - MIB(4) : next;
	next -= 2 * PAGE_SIZE;
	pair = (struct pamt_pair){ { next, next + PAGE_SIZE } };
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(hpa), .rdx = pair.pages[0], .r8 = pair.pages[1]),
		 TDX_SUCCESS);
	CHECK(machine_kept(0));
	return pair;
}

static u64 wbinvd(u64 hpa, u64 hkid)
{
	return SEAM(leaf_phymem_page_wbinvd, .rcx = hpa | hkid << PLATFORM_KEYID_SHIFT);
}

TEST(dynamic_pamt_is_off_unless_the_host_asks_for_it)
{
	machine_reset(1, 1);
	machine_platform("dynamic-pamt");
	machine_bring_up();
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = 1), INVALID(RAX));
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = 1), INVALID(RAX));
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE | 1), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = machine_page(), .rdx = TD_HKID), TDX_SUCCESS);
}

TEST(the_feature_brings_its_metadata_and_a_smaller_4k_area)
{
	struct tdx_tdmr_info *info;

	machine_reset(1, 1);
	machine_platform("dynamic-pamt");
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_TDX_FEATURES0), TDX_SUCCESS);
	CHECK(machine.out[GPR_R8] & TDX_FEATURE_DYNAMIC_PAMT);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_PAMT_PAGE_BITMAP_ENTRY_BITS), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 1);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_MIN_DYNAMIC_PAMT_NUM_HKID_BITS), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 0);
	info = machine_tdmr(0);
	info->pamt_4k_bytes = KIB(32);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID), TDX_INVALID_PAMT);
	info->pamt_4k_bytes = KIB(28);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID | OPTION_DYNAMIC),
		 TDX_INVALID_PAMT);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID | BIT(17)), INVALID(R8));
	info->pamt_4k_bytes = KIB(32);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID | OPTION_DYNAMIC),
		 TDX_SUCCESS);
}

TEST(a_module_without_dynamic_pamt_refuses_it_on_any_machine)
{
	machine_reset(1, 1);
	machine_platform("dynamic-pamt");
	module_image.record.features &= ~TDX_FEATURE_DYNAMIC_PAMT;
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	machine_tdmr(0);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_PAMT_PAGE_BITMAP_ENTRY_BITS), TDX_METADATA_FIELD_ID_INCORRECT);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID | OPTION_DYNAMIC), INVALID(R8));
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID), TDX_SUCCESS);
}

TEST(tdmr_init_takes_16_mib_a_call_and_writes_the_bitmap)
{
	u32 calls = 0;

	prepare();
	module.tdmrs[0].next_to_init = ARENA_BASE;
	do {
		CHECK_EQ(SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE), TDX_SUCCESS);
		calls++;
	} while (machine.out[GPR_RDX] < ARENA_BASE + TDMR_BYTES && calls < 100);
	CHECK_EQ(calls, 64);
	CHECK(pamt_bits_any(ARENA_BASE, 1));
	CHECK(pamt_bits_any(POOL_BASE - PAGE_SIZE, 1));
	CHECK(!pamt_bits_any(POOL_BASE, (ARENA_END - POOL_BASE) / PAGE_SIZE));
	CHECK_EQ(*(u64 *)phys(PAMT_4K_BASE), ~0ull);	/* in the donated area */
	CHECK_EQ(*(u64 *)phys(PAMT_4K_BASE + HOST_BYTES / PAGE_SIZE / 8), 0);
}

TEST(pamt_add_checks_in_the_manuals_order)
{
	u64 region = POOL_BASE, page = POOL_BASE + MIB(8);
	struct pamt_ref held;

	prepare();
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = region, .rdx = 1, .r8 = 1), INVALID(RCX));	/* level 0 */
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = region | 2, .rdx = 1, .r8 = 1), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = region | 9, .rdx = 1, .r8 = 1), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(region) + PAGE_SIZE, .rdx = 1, .r8 = 1), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(GIB(9)), .rdx = 1, .r8 = 1), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(GIB(9)), .rdx = GIB(9), .r8 = 1),
		 TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OPERAND_ID_RDX);
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(GIB(9)), .rdx = page, .r8 = 1), INVALID(R8));
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(GIB(9)), .rdx = page, .r8 = GIB(9)),
		 TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OPERAND_ID_R8);
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(GIB(9)), .rdx = page, .r8 = page),
		 TDX_OPERAND_ADDR_RANGE_ERROR | RCX_ID);
	CHECK_EQ(pamt_take_any(region, RCX_ID, TDX_LEVEL_2M, LOCK_SHARED, &held), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(region), .rdx = page, .r8 = page), BUSY(RCX));
	pamt_drop(&held);
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(region), .rdx = page, .r8 = page),
		 TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_R8);	/* the same page twice */
	CHECK(!pamt_bits_any(page, 1));
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(region), .rdx = ARENA_BASE, .r8 = page),
		 TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_RDX);	/* reserved */
	CHECK_EQ(machine_view(page), VIEW_SHARED);
	add_pair(region);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = region, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(region), .rdx = page, .r8 = page + PAGE_SIZE),
		 TDX_HPA_RANGE_NOT_FREE | RCX_ID);
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(page), .rdx = region, .r8 = page),
		 TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_RDX);	/* a TDR */
	CHECK(machine_locks_free(NULL));
}

TEST(the_entries_live_in_the_donated_pages)
{
	u64 first = POOL_BASE, last = POOL_BASE + MIB(2) - PAGE_SIZE;
	const struct pamt_entry *entries[2];
	struct pamt_pair pair;

	prepare();
	pair = add_pair(first);
	CHECK_EQ(machine_hidden_as(pair.pages[0]), HIDDEN_PAMT);
	CHECK_EQ(machine_view(pair.pages[1]), VIEW_HIDDEN);
	entries[0] = phys(pair.pages[0]);
	entries[1] = phys(pair.pages[1]);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = first, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = last, .rdx = TD_HKID + 1), TDX_SUCCESS);
	CHECK_EQ(entries[0][0].type, PT_TDR);
	CHECK_EQ(entries[1][255].type, PT_TDR);
	CHECK_EQ(entries[1][0].type, PT_NDA);
}

TEST(a_page_that_serves_as_pamt_is_not_free)
{
	struct pamt_pair pair;

	prepare();
	pair = add_pair(POOL_BASE);
	add_pair(pair.pages[0]);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = pair.pages[0], .rdx = TD_HKID), TDX_PAGE_METADATA_INCORRECT | RCX_ID);
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(POOL_BASE + MIB(4)), .rdx = pair.pages[1], .r8 = POOL_BASE),
		 TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_RDX);
	CHECK_EQ(wbinvd(pair.pages[0], GLOBAL_HKID), TDX_PAGE_METADATA_INCORRECT | RCX_ID);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = pair.pages[0]), TDX_PAGE_METADATA_INCORRECT | RCX_ID);
	CHECK(machine_locks_free(NULL));
}

TEST(a_region_may_hold_its_own_pair)
{
	u64 region = POOL_BASE + MIB(2);

	prepare();
	CHECK_EQ(SEAM(leaf_phymem_pamt_add, .rcx = REGION(region), .rdx = region, .r8 = region + PAGE_SIZE),
		 TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = region, .rdx = TD_HKID), TDX_PAGE_METADATA_INCORRECT | RCX_ID);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = region + 2 * PAGE_SIZE, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK(machine_locks_free(NULL));
}

TEST(pamt_remove_wants_an_empty_pair_and_gives_it_back)
{
	struct pamt_pair pair;

	prepare();
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = POOL_BASE), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(GIB(9))), TDX_OPERAND_ADDR_RANGE_ERROR | RCX_ID);
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(POOL_BASE)), TDX_NO_PAMT_PAGE_PAIR | RCX_ID);
	CHECK(machine_kept(0));
	pair = add_pair(POOL_BASE);
	pamt_entry_at(POOL_BASE + MIB(1), TDX_LEVEL_4K)->type = PT_REG;
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(POOL_BASE)), TDX_PAMT_PAGE_NOT_EMPTY | 1);
	pamt_entry_at(POOL_BASE + MIB(1) - PAGE_SIZE, TDX_LEVEL_4K)->type = PT_REG;
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(POOL_BASE)), TDX_PAMT_PAGE_NOT_EMPTY);
	CHECK(machine_kept(0));
	pamt_entry_at(POOL_BASE + MIB(1), TDX_LEVEL_4K)->type = PT_NDA;
	pamt_entry_at(POOL_BASE + MIB(1) - PAGE_SIZE, TDX_LEVEL_4K)->type = PT_NDA;
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(POOL_BASE)), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RDX], pair.pages[0]);
	CHECK_EQ(machine.out[GPR_R8], pair.pages[1]);
	CHECK(!pamt_bits_any(pair.pages[0], 2));
	CHECK_EQ(machine_view(pair.pages[0]), VIEW_OWES_WBINVD);
	CHECK_EQ(wbinvd(pair.pages[0], GLOBAL_HKID), TDX_SUCCESS);	/* its region has no pair: free as 2M */
	CHECK_EQ(machine_view(pair.pages[0]), VIEW_OWES_CLEAR);
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(POOL_BASE)), TDX_NO_PAMT_PAGE_PAIR | RCX_ID);
	CHECK(machine_locks_free(NULL));
}

TEST(rdmd_shows_nodes_pairs_and_what_serves_as_pamt)
{
	struct pamt_pair pair;

	prepare();
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_NDA);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_2M);
	pair = add_pair(POOL_BASE);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = POOL_BASE, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_TDR);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_4K);
	CHECK_EQ(machine.out[GPR_R10], 0);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE | TDX_LEVEL_2M), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_PAMT | NON_LEAF);
	CHECK_EQ(machine.out[GPR_RDX], 0);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_2M);
	CHECK_EQ(machine.out[GPR_R10], pair.pages[0]);
	CHECK_EQ(machine.out[GPR_R11], pair.pages[1]);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = pair.pages[1]), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_PAMT);
	CHECK_EQ(machine.out[GPR_RDX], 0);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_4K);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = ARENA_BASE | TDX_LEVEL_1G), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_1G);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE | TDX_LEVEL_1G), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE | 3), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE | 8), INVALID(RCX));
	CHECK(machine_locks_free(NULL));
}

TEST(every_leaf_that_takes_a_4k_page_needs_a_pair)
{
	u64 missing = TDX_MISSING_PAMT_PAGE_PAIR, bare = POOL_BASE + MIB(6);
	struct machine_td td;

	prepare();
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = bare, .rdx = TD_HKID), missing | RCX_ID);
	CHECK_EQ(SEAM(leaf_mng_key_config, .rcx = bare), TDX_PAGE_METADATA_INCORRECT | RCX_ID);	/* wants a TDR */
	add_pair(POOL_BASE);
	machine_td_create(&td, TD_HKID);
	CHECK_EQ(SEAM(leaf_mng_addcx, .rcx = bare, .rdx = td.tdr), missing | RCX_ID);
	machine_td_addcx(&td);
	machine_td_init(&td);
	CHECK_EQ(SEAM(leaf_vp_create, .rcx = bare, .rdx = td.tdr), missing | RCX_ID);
	machine_td_add_vcpu(&td);
	td.tdvps[1][0] = machine_page();
	CHECK_EQ(SEAM(leaf_vp_create, .rcx = td.tdvps[1][0], .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_vp_addcx, .rcx = bare, .rdx = td.tdvps[1][0]), missing | RCX_ID);
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = TDX_LEVEL_512G, .rdx = td.tdr, .r8 = bare),
		 missing | TDX_OPERAND_ID_R8);
	machine_td_tables(&td, 0);
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0, .rdx = td.tdr, .r8 = bare, .r9 = HOST_PAGE),
		 missing | TDX_OPERAND_ID_R8);
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0, .rdx = td.tdr, .r8 = machine_page(), .r9 = HOST_PAGE), TDX_SUCCESS);
	machine_td_finalize(&td);
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = PAGE_SIZE, .rdx = td.tdr, .r8 = bare), missing | TDX_OPERAND_ID_R8);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = 0, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_relocate, .rcx = 0, .rdx = td.tdr, .r8 = bare), missing | TDX_OPERAND_ID_R8);
	CHECK(machine_locks_free(&td));
}

TEST(the_last_page_of_a_region_comes_back_with_the_hint)
{
	u64 page = POOL_BASE, other = POOL_BASE + MIB(4);

	prepare();
	add_pair(page);
	add_pair(other);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page + PAGE_SIZE, .rdx = TD_HKID + 1), TDX_SUCCESS);
	for (u32 i = 0; i < 2; i++, page += PAGE_SIZE) {
		CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = page), TDX_SUCCESS);
		CHECK_EQ(machine_resume(0, leaf_phymem_cache_wb, 0), TDX_SUCCESS);
		CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = page), TDX_SUCCESS);
		CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = page), TDX_SUCCESS);
		CHECK_EQ(machine.out[GPR_R9], i == 1 ? PAMT_REMOVAL_HINT : 0);
	}
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(POOL_BASE)), TDX_SUCCESS);
	CHECK(machine_locks_free(NULL));
}

static struct machine_td td;

/* A running TD with @large as accepted page behind GPA 2 MiB, blocked and tracked. */
static u64 prepare_large(void)
{
	u64 large;

	prepare();
	add_pair(POOL_BASE);
	machine_td_build(&td);
	machine_td_tables(&td, 0);
	machine_td_finalize(&td);
	large = machine_page_2m();
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = large), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	return large;
}

static u64 demote(u64 table, u64 r12, u64 r13)
{
	return SEAM(leaf_mem_page_demote, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = table, .r12 = r12,
		    .r13 = r13);
}

TEST(a_2m_page_is_not_taken_from_a_region_that_is_in_use)
{
	prepare_large();
	add_pair(POOL_BASE + MIB(8));
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = MIB(4) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = POOL_BASE + MIB(8)),
		 TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_R8);	/* a pair is there */
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = MIB(4) | TDX_LEVEL_2M, .rdx = td.tdr,
		      .r8 = ALIGN_DOWN(ARENA_END - MIB(4) - PAGE_SIZE, (u64)PAGE_SIZE_2M)),
		 TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_R8);	/* pairs of others are in it */
	CHECK(machine_locks_free(&td));
}

TEST(demote_takes_a_pair_and_promote_gives_it_back)
{
	u64 large = prepare_large(), r12 = POOL_BASE + MIB(20), r13 = r12 + PAGE_SIZE, table = POOL_BASE + MIB(1);

	CHECK_EQ(demote(POOL_BASE + MIB(12), r12, r13), TDX_MISSING_PAMT_PAGE_PAIR | TDX_OPERAND_ID_R8);
	CHECK_EQ(demote(table, 1, 1), INVALID(R12));
	CHECK_EQ(demote(table, GIB(9), 1), INVALID(R13));
	CHECK_EQ(demote(table, GIB(9), GIB(9)), TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OPERAND_ID_R12);
	CHECK_EQ(demote(table, r12, GIB(9)), TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OPERAND_ID_R13);
	CHECK_EQ(demote(table, large, r13), BUSY(R12));
	CHECK_EQ(demote(table, td.tdr, r13), TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_R12);
	CHECK_EQ(demote(table, r12, r12), TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_R13);
	CHECK(machine_locks_free(&td));
	CHECK_EQ(demote(table, r12, r13), TDX_SUCCESS);
	CHECK_EQ(((struct pamt_entry *)phys(r13))[255].type, PT_REG);
	CHECK_EQ(machine_hidden_as(r12), HIDDEN_PAMT);
	CHECK_EQ(SEAM(leaf_phymem_pamt_remove, .rcx = REGION(large)), TDX_PAMT_PAGE_NOT_EMPTY);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_promote, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], table);
	CHECK_EQ(machine.out[GPR_R12], r12);
	CHECK_EQ(machine.out[GPR_R13], r13);
	CHECK_EQ(machine_view(r12), VIEW_OWES_WBINVD);
	CHECK(!pamt_bits_any(r12, 2));
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = large + PAGE_SIZE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_REG);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_2M);
	CHECK(machine_locks_free(&td));
}

TEST(a_large_page_leaves_without_a_pair)
{
	u64 large = prepare_large();

	CHECK_EQ(SEAM(leaf_mem_page_remove, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], large);
	CHECK_EQ(wbinvd(large + 9 * PAGE_SIZE, TD_HKID), TDX_SUCCESS);
	CHECK_EQ(machine_view(large + 9 * PAGE_SIZE), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(large), VIEW_OWES_WBINVD);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = large), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_NDA);
	CHECK(machine_locks_free(&td));
}

TEST(disable_gives_the_pairs_back)
{
	struct pamt_pair pair;

	prepare();
	pair = add_pair(POOL_BASE);
	CHECK_EQ(SEAM(leaf_sys_disable), TDX_SUCCESS);
	CHECK_EQ(machine_view(pair.pages[0]), VIEW_SHARED);
	CHECK_EQ(machine_view(pair.pages[1]), VIEW_SHARED);
	CHECK(!module.dynamic_pamt);
}
