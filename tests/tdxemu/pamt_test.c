/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/pamt.h"

#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define R8_ID TDX_OPERAND_ID_R8

static u64 take(u64 hpa, enum tdx_level level, enum pamt_page_type type, enum lock_mode mode, struct pamt_ref *ref)
{
	return pamt_take(hpa, R8_ID, level, type, mode, ref);
}

TEST(page_operands_are_checked_for_form_coverage_lock_and_type_in_this_order)
{
	struct pamt_ref ref, holder;
	u64 page;

	machine_reset(1, 1);
	machine_bring_up();
	page = machine_page();
	CHECK_EQ(take(page + 1, TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &ref), INVALID(R8));
	CHECK_EQ(take(page | BIT(PLATFORM_KEYID_SHIFT), TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &ref), INVALID(R8));
	CHECK_EQ(take(page + PAGE_SIZE, TDX_LEVEL_2M, PT_NDA, LOCK_SHARED, &ref), INVALID(R8));
	CHECK_EQ(take(GIB(5), TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &ref), TDX_OPERAND_ADDR_RANGE_ERROR | R8_ID);
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &holder), TDX_SUCCESS);
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_TDR, LOCK_SHARED, &ref), BUSY(R8));
	pamt_drop(&holder);
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_TDR, LOCK_SHARED, &ref), TDX_PAGE_METADATA_INCORRECT | R8_ID);
	CHECK_EQ(take(ARENA_BASE, TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &ref), TDX_PAGE_METADATA_INCORRECT | R8_ID);
	CHECK(machine_locks_free(NULL));
}

TEST(shared_holders_share_and_exclude_an_exclusive_one)
{
	struct pamt_ref first, second, third;
	u64 page;

	machine_reset(1, 1);
	machine_bring_up();
	page = machine_page();
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &first), TDX_SUCCESS);
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &second), TDX_SUCCESS);
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &third), BUSY(R8));
	pamt_drop(&first);
	pamt_drop(&second);
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &third), TDX_SUCCESS);
	pamt_drop(&third);
	CHECK(machine_locks_free(NULL));
}

TEST(a_2m_page_is_busy_while_any_4k_page_in_it_is_held)
{
	struct pamt_ref small, large;
	u64 page;

	machine_reset(1, 1);
	machine_bring_up();
	page = machine_page_2m();
	CHECK_EQ(take(page + 7 * PAGE_SIZE, TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &small), TDX_SUCCESS);
	CHECK_EQ(take(page, TDX_LEVEL_2M, PT_NDA, LOCK_EXCLUSIVE, &large), BUSY(R8));
	pamt_drop(&small);
	CHECK_EQ(take(page, TDX_LEVEL_2M, PT_NDA, LOCK_EXCLUSIVE, &large), TDX_SUCCESS);
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &small), BUSY(R8));
	pamt_set(large.entry, PT_REG, POOL_BASE);
	pamt_drop(&large);
	/* Now the 2M entry is the leaf. */
	CHECK_EQ(take(page, TDX_LEVEL_4K, PT_NDA, LOCK_SHARED, &small), TDX_PAGE_METADATA_INCORRECT | R8_ID);
	CHECK_EQ(pamt_take_any(page + PAGE_SIZE, R8_ID, TDX_LEVEL_4K, LOCK_EXCLUSIVE, &small), TDX_SUCCESS);
	CHECK_EQ(small.level, TDX_LEVEL_2M);
	CHECK_EQ(pamt_owner(small.entry), POOL_BASE);
	pamt_drop(&small);
	CHECK(machine_locks_free(NULL));
}

TEST(a_2m_page_is_free_only_if_all_its_small_pages_are)
{
	struct pamt_ref large;
	u64 page;

	machine_reset(1, 1);
	machine_bring_up();
	page = machine_page_2m();
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page + 511 * PAGE_SIZE, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(take(page, TDX_LEVEL_2M, PT_NDA, LOCK_EXCLUSIVE, &large), TDX_PAGE_METADATA_INCORRECT | R8_ID);
	CHECK(machine_locks_free(NULL));
}

TEST(implicit_locks_take_the_leaf_alone)
{
	struct pamt_ref implicit, small;
	u64 page;

	machine_reset(1, 1);
	machine_bring_up();
	page = machine_page();
	CHECK_EQ(pamt_take_implicit(page, TDX_LEVEL_4K, BUSY(TDR), LOCK_EXCLUSIVE, &implicit), TDX_SUCCESS);
	CHECK_EQ(pamt_take_implicit(page, TDX_LEVEL_4K, BUSY(TDR), LOCK_SHARED, &small), BUSY(TDR));
	CHECK_EQ(pamt_entry_at(page, TDX_LEVEL_2M)->lock, 0);
	pamt_drop(&implicit);
	CHECK(machine_locks_free(NULL));
}

TEST(owners_of_forty_bits_survive_the_packing)
{
	struct pamt_entry entry = { 0 };

	pamt_set(&entry, PT_EPT, 0x000fedcba9876000ull);
	CHECK_EQ(pamt_owner(&entry), 0x000fedcba9876000ull);
	CHECK_EQ(entry.type, PT_EPT);
}
