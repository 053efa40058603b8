/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/sept.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static void begin_running(void)
{
	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(td_finalise(&test_td), 0);
}

TEST(sept_adds_a_2m_page_with_the_tables_above_it)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), 0);
	CHECK_EQ(fake_calls(TDH_MEM_SEPT_ADD), 2);	/* 512 GiB and 1 GiB entries become tables */
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_AUG), 1);
	CHECK_EQ(test_td.pages_private, 512);
	CHECK(sept_is_backed(&test_td, GPA(MIB(4))));
	CHECK(sept_is_backed(&test_td, GPA(MIB(6) - 1)));
	CHECK(!sept_is_backed(&test_td, GPA(MIB(6))));
	CHECK(!sept_is_backed(&test_td, GPA(test_td.shared_bit | MIB(4))));
	tdx_test_destroy_and_compare();
}

TEST(sept_adding_twice_is_no_error_and_no_call)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4) + KIB(12)), TDX_LEVEL_4K), 0);	/* the larger page covers it */
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_AUG), 1);
	tdx_test_destroy_and_compare();
}

TEST(sept_refuses_what_is_no_private_page)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(KIB(4)), TDX_LEVEL_2M), -EINVAL);
	CHECK_EQ(sept_add_memory(&test_td, GPA(0x10), TDX_LEVEL_4K), -EINVAL);
	CHECK_EQ(sept_add_memory(&test_td, GPA(0), TDX_LEVEL_1G), -EINVAL);
	CHECK_EQ(sept_add_memory(&test_td, GPA(test_td.shared_bit), TDX_LEVEL_4K), -EINVAL);
	CHECK_EQ(sept_add_memory(&test_td, GPA(~0ull & ~0xfffull), TDX_LEVEL_4K), -EINVAL);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(0), 0), -EINVAL);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(0), 100), -EINVAL);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(test_td.shared_bit - PAGE_SIZE), 2 * PAGE_SIZE), -EINVAL);
	tdx_test_destroy_and_compare();
	CHECK_EQ(sept_add_memory(&test_td, GPA(0), TDX_LEVEL_4K), -EPERM);	/* there is no TD any more */
}

TEST(sept_2m_page_does_not_fit_where_4k_pages_lie)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4) + KIB(8)), TDX_LEVEL_4K), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), -ENOMEM);
	tdx_test_destroy_and_compare();
}

TEST(sept_2m_page_takes_the_place_of_an_empty_table)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4) + KIB(8)), TDX_LEVEL_4K), 0);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(4)), MIB(2)), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), 0);
	CHECK_EQ(fake_calls(TDH_MEM_SEPT_REMOVE), 1);
	CHECK_EQ(test_td.pages_private, 512);
	tdx_test_destroy_and_compare();
}

TEST(sept_removing_blocks_all_tracks_once_and_gives_pages_back_clear)
{
	u64 free_pages;

	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(0), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_4K), 0);
	free_pages = tdx_test_free_pool_pages();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2) + KIB(4)), TDX_LEVEL_4K), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2) + KIB(16)), TDX_LEVEL_4K), 0);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2) + KIB(4)), MIB(64)), 0);
	CHECK_EQ(tdx_test_free_pool_pages(), free_pages);
	CHECK_EQ(fake_calls(TDH_MEM_RANGE_BLOCK), 2);
	CHECK_EQ(fake_calls(TDH_MEM_TRACK), 1);
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_REMOVE), 2);
	CHECK_EQ(fake_calls(TDH_PHYMEM_PAGE_WBINVD), 2);
	CHECK(sept_is_backed(&test_td, GPA(MIB(2))));
	CHECK(!sept_is_backed(&test_td, GPA(MIB(2) + KIB(4))));
	CHECK_EQ(test_td.pages_private, 513);
	tdx_test_destroy_and_compare();
}

TEST(sept_removing_a_whole_2m_page_writes_back_all_of_it)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(0), MIB(8)), 0);
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_REMOVE), 1);
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_DEMOTE), 0);
	CHECK_EQ(fake_calls(TDH_PHYMEM_PAGE_WBINVD), 512);
	CHECK_EQ(test_td.pages_private, 0);
	tdx_test_destroy_and_compare();
}

TEST(sept_splits_2m_pages_that_are_only_partly_removed)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(0), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(1)), MIB(2)), 0);
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_DEMOTE), 2);
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_REMOVE), 512);
	CHECK_EQ(test_td.pages_private, 512);
	CHECK(sept_is_backed(&test_td, GPA(MIB(1) - 1)));
	CHECK(!sept_is_backed(&test_td, GPA(MIB(1))));
	CHECK(!sept_is_backed(&test_td, GPA(MIB(3) - 1)));
	CHECK(sept_is_backed(&test_td, GPA(MIB(3))));
	tdx_test_destroy_and_compare();
}

TEST(sept_hole_in_the_middle_of_a_2m_page)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2) + KIB(64)), KIB(8)), 0);
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_DEMOTE), 1);
	CHECK_EQ(test_td.pages_private, 510);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2) + KIB(64)), TDX_LEVEL_4K), 0);
	CHECK_EQ(test_td.pages_private, 511);
	tdx_test_destroy_and_compare();
}

TEST(sept_interrupted_split_starts_again)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	fake_refuse(TDH_MEM_PAGE_DEMOTE, 1, 200, TDX_INTERRUPTED_RESTARTABLE);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2)), KIB(4)), 0);
	CHECK_EQ(fake_calls(TDH_MEM_PAGE_DEMOTE), 201);
	tdx_test_destroy_and_compare();
}

TEST(sept_needs_no_tracking_before_the_td_runs)
{
	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2)), KIB(4)), 0);
	CHECK_EQ(fake_calls(TDH_MEM_RANGE_BLOCK), 0);
	CHECK_EQ(fake_calls(TDH_MEM_TRACK), 0);
	tdx_test_destroy_and_compare();
}

TEST(sept_adding_gives_up_for_now_and_gets_through_later)
{
	static const u32 leaves[] = { TDH_MEM_SEPT_ADD, TDH_MEM_PAGE_AUG };

	begin_running();
	/* 70 refusals are more than one round of retries */
	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++)
		fake_refuse(leaves[i], 1, 70, TDX_OPERAND_BUSY | TDX_OPERAND_ID_SEPT_TREE);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), -EBUSY);
	CHECK(!sept_is_backed(&test_td, GPA(MIB(2))));
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), -EBUSY);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	tdx_test_destroy_and_compare();
}

TEST(sept_removing_goes_on_after_a_round_of_busy)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	fake_refuse(TDH_MEM_RANGE_BLOCK, 1, 70, TDX_OPERAND_BUSY | TDX_OPERAND_ID_SEPT_TREE);
	fake_refuse(TDH_MEM_PAGE_REMOVE, 1, 70, TDX_OPERAND_BUSY | 1);
	fake_refuse(TDH_PHYMEM_PAGE_WBINVD, 100, 3, TDX_OPERAND_BUSY | 1);
	fake_refuse(TDH_MEM_TRACK, 1, 3, TDX_PREVIOUS_TLB_EPOCH_BUSY);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2)), MIB(2)), 0);
	tdx_test_destroy_and_compare();
}

TEST(sept_removing_can_be_repeated_after_it_stayed_busy)
{
	begin_running();
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
	fake_refuse(TDH_MEM_TRACK, 1, 1000, TDX_OPERAND_BUSY | TDX_OPERAND_ID_TD_EPOCH);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2)), MIB(2)), -EBUSY);
	CHECK(sept_is_backed(&test_td, GPA(MIB(2))));
	fake_refuse_nothing();
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2)), MIB(2)), 0);
	CHECK(!sept_is_backed(&test_td, GPA(MIB(2))));
	tdx_test_destroy_and_compare();
}

TEST(sept_refused_for_good_keeps_the_books_right)
{
	static const u32 adding[] = { TDH_MEM_SEPT_ADD, TDH_MEM_PAGE_AUG };
	static const u32 removing[] = { TDH_MEM_RANGE_BLOCK, TDH_MEM_TRACK, TDH_MEM_PAGE_DEMOTE, TDH_MEM_PAGE_REMOVE };

	for (u32 i = 0; i < ARRAY_SIZE(adding); i++) {
		begin_running();
		fake_refuse(adding[i], 1, 1, TDX_EPT_ENTRY_STATE_INCORRECT | 1);
		CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), -EIO);
		CHECK(!sept_is_backed(&test_td, GPA(MIB(2))));
		tdx_test_destroy_and_compare();
	}
	for (u32 i = 0; i < ARRAY_SIZE(removing); i++) {
		begin_running();
		CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(2)), TDX_LEVEL_2M), 0);
		fake_refuse(removing[i], 1, 1, TDX_TD_FATAL);
		CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(2)), MIB(1)), -EIO);
		tdx_test_destroy_and_compare();
	}
}

TEST(sept_says_when_the_pool_is_empty)
{
	u64 gpa = 0;

	begin_running();
	while (sept_add_memory(&test_td, GPA(gpa), TDX_LEVEL_2M) == 0)
		gpa += MIB(2);
	CHECK_EQ(sept_add_memory(&test_td, GPA(gpa), TDX_LEVEL_2M), -ENOMEM);
	for (; sept_add_memory(&test_td, GPA(gpa), TDX_LEVEL_4K) == 0; gpa += KIB(4))
		;
	CHECK_EQ(sept_add_memory(&test_td, GPA(gpa), TDX_LEVEL_4K), -ENOMEM);
	CHECK_EQ(tdx_test_free_pool_pages(), 0);
	tdx_test_destroy_and_compare();
}
