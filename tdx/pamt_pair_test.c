/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/pamt_pair.h"

#include <string.h>

#include "include/cella/errno.h"
#include "include/spec/tdx/leaf.h"
#include "tdx/pamt.h"
#include "tdx/pool.h"
#include "tdx/sept.h"
#include "tdx/sysinfo.h"
#include "tests/unit/fake_pamt_pair.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static const struct tdmr_limits limits = { 64, 16, { 16, 16, 16 }, 1 };

static struct tdx_tdmr_info tdmrs[TDX_MAX_TDMRS];
static struct page_books before, ready;

static void begin(void)
{
	u32 count;

	tdx_world_reset();
	fake_module_make_ready();
	CHECK_EQ(tdx_sysinfo_read(), 0);
	pool_set_nodes(0);
	page_books_read(&before);
	CHECK_EQ(pool_take(MIB(64), &limits, tdmrs, &count), 0);
	fake_pamt_pair_enable();
	memset(&test_td, 0, sizeof(test_td));
	memset(&test_vcpu, 0, sizeof(test_vcpu));
	page_books_read(&ready);
}

/* No TD is left, no pair either, and everything goes back to the host. */
static void end(void)
{
	struct page_books after;

	page_books_read(&after);
	CHECK(page_books_equal(&ready, &after));
	CHECK_EQ(fake_pamt_pairs(), 0);
	CHECK_EQ(fake_held_pages(), 0);
	pamt_give_back(PAMT_UNTOUCHED);
	pool_give_back();
	page_books_read(&after);
	CHECK(page_books_equal(&before, &after));
}

TEST(pairs_come_with_the_first_page_and_go_with_the_last)
{
	hpa_t a, b;

	begin();
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &a), 0);
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &b), 0);
	CHECK_EQ(fake_calls(TDH_PHYMEM_PAMT_ADD), 1);
	CHECK_EQ(tdx_test_free_pool_pages(), MIB(64) / PAGE_SIZE - 4);
	pool_page_free(a, TDX_LEVEL_4K, PAGE_TDCX);
	CHECK_EQ(fake_pamt_pairs(), 1);
	pool_page_free(b, TDX_LEVEL_4K, PAGE_TDCX);
	CHECK_EQ(fake_pamt_pairs(), 0);
	CHECK_EQ(world.cleared_pages, 2);
	end();
}

TEST(pairs_are_not_needed_for_whole_blocks)
{
	hpa_t block;

	begin();
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_2M, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &block), 0);
	pool_page_free(block, TDX_LEVEL_2M, PAGE_TD_PRIVATE);
	CHECK_EQ(fake_calls(TDH_PHYMEM_PAMT_ADD), 0);
	end();
}

TEST(pairs_that_are_refused_cost_nothing)
{
	hpa_t page;

	begin();
	fake_refuse(TDH_PHYMEM_PAMT_ADD, 1, 3, TDX_OPERAND_BUSY | TDX_OPERAND_ID_RCX);
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &page), 0);
	pool_page_free(page, TDX_LEVEL_4K, PAGE_TDCX);
	fake_refuse(TDH_PHYMEM_PAMT_ADD, 1, 1000, TDX_OPERAND_BUSY | TDX_OPERAND_ID_RCX);
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &page), -EBUSY);
	fake_refuse_nothing();
	fake_refuse(TDH_PHYMEM_PAMT_ADD, 1, 1, TDX_PAGE_NOT_FREE | TDX_OPERAND_ID_RDX);
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &page), -EIO);
	end();
}

TEST(a_pair_that_stays_for_the_moment_goes_later)
{
	hpa_t page, blocks[MIB(64) / PAGE_SIZE_2M];
	u32 count = 0;

	begin();
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &page), 0);
	fake_refuse(TDH_PHYMEM_PAMT_REMOVE, 1, 1000, TDX_OPERAND_BUSY | TDX_OPERAND_ID_RCX);
	pool_page_free(page, TDX_LEVEL_4K, PAGE_TDCX);
	CHECK_EQ(fake_pamt_pairs(), 1);
	fake_refuse_nothing();
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &page), 0);
	CHECK_EQ(fake_calls(TDH_PHYMEM_PAMT_ADD), 1);
	pool_page_free(page, TDX_LEVEL_4K, PAGE_TDCX);
	CHECK_EQ(fake_pamt_pairs(), 0);
	while (!pool_page_alloc(TDX_LEVEL_2M, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &blocks[count]))
		count++;
	CHECK_EQ(count, MIB(64) / PAGE_SIZE_2M);
	while (count)
		pool_page_free(blocks[--count], TDX_LEVEL_2M, PAGE_TD_PRIVATE);
	end();
}

TEST(a_block_whose_pair_stays_is_no_block)
{
	hpa_t block, again;

	begin();
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_2M, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &block), 0);
	CHECK_EQ(pamt_pair_get(block), 0);
	fake_refuse(TDH_PHYMEM_PAMT_REMOVE, 1, 1000, TDX_OPERAND_BUSY | TDX_OPERAND_ID_RCX);
	pamt_pair_put(block);
	pool_page_free(block, TDX_LEVEL_2M, PAGE_TD_PRIVATE);
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_2M, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &again), -ENOMEM);
	fake_refuse_nothing();
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_2M, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &again), 0);
	CHECK_EQ(again.raw, block.raw);
	CHECK_EQ(fake_pamt_pairs(), 0);
	pool_page_free(again, TDX_LEVEL_2M, PAGE_TD_PRIVATE);
	end();
}

TEST(a_td_lives_and_dies_on_a_dynamic_pamt)
{
	begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK(fake_pamt_pairs() >= 1);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(6)), TDX_LEVEL_4K), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(6) + PAGE_SIZE), TDX_LEVEL_4K), 0);
	td_destroy(&test_td);
	end();
}

TEST(a_split_block_takes_a_pair_and_gives_it_back_with_its_last_page)
{
	u64 pairs;

	begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), 0);
	pairs = fake_pamt_pairs();
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(4) + MIB(1)), MIB(1)), 0);
	CHECK_EQ(fake_pamt_pairs(), pairs + 1);
	CHECK_EQ(sept_remove_memory(&test_td, GPA(MIB(4)), MIB(1)), 0);
	CHECK_EQ(fake_pamt_pairs(), pairs);
	td_destroy(&test_td);
	end();
}

TEST(a_refused_split_gives_pair_and_table_back)
{
	begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(sept_add_memory(&test_td, GPA(MIB(4)), TDX_LEVEL_2M), 0);
	fake_refuse(TDH_MEM_PAGE_DEMOTE, 1, 1, TDX_EPT_ENTRY_STATE_INCORRECT);
	CHECK(sept_remove_memory(&test_td, GPA(MIB(4) + MIB(1)), MIB(1)) != 0);
	td_destroy(&test_td);
	end();
}

TEST(no_page_for_a_pair_is_no_page_at_all)
{
	hpa_t blocks[MIB(64) / PAGE_SIZE_2M], last[3], page;
	u32 count = 0;

	begin();
	while (!pool_page_alloc(TDX_LEVEL_2M, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &blocks[count]))
		count++;
	pool_page_free(blocks[--count], TDX_LEVEL_2M, PAGE_TD_PRIVATE);
	CHECK_EQ(page_alloc(ZONE_TD, PAGE_SIZE_2M / PAGE_SIZE - 2, PAGE_SIZE, PAGE_TDR, PAGE_ANY_NODE, &last[0]), 0);
	CHECK_EQ(pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &page), -ENOMEM);
	page_free(last[0], PAGE_SIZE_2M / PAGE_SIZE - 2, PAGE_TDR);
	while (count)
		pool_page_free(blocks[--count], TDX_LEVEL_2M, PAGE_TD_PRIVATE);
	end();
}
