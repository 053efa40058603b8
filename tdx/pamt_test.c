/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/pamt.h"

#include <string.h>

#include "include/cella/errno.h"
#include "kernel/page.h"
#include "tdx/doctor.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

#define PIECE MIB(6)	/* holds the PAMT of one GiB, but not those of two */

static const struct tdmr_limits limits = {
	.max_tdmrs = 64,
	.max_reserved = 16,
	.entry_bytes = { 16, 16, 16 },
};

static struct tdx_tdmr_info tdmrs[2];
static struct page_books before;
static hpa_t pieces[WORLD_RAM / PIECE];
static u32 piece_count;

static void begin(void)
{
	tdx_world_ready();
	memset(tdmrs, 0, sizeof(tdmrs));
	for (u32 i = 0; i < 2; i++) {
		tdmrs[i].base = GIB(1 + i);
		tdmrs[i].bytes = GIB(1);
	}
	page_books_read(&before);
}

/* Take all host memory but @left pieces that do not touch. */
static void leave_pieces(u32 left)
{
	hpa_t rest;

	piece_count = 0;
	while (!page_alloc(ZONE_HOST, PIECE / PAGE_SIZE, PAGE_SIZE_2M, PAGE_KERNEL, PAGE_ANY_NODE, &pieces[piece_count]))
		piece_count++;
	while (!page_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_GUEST, PAGE_ANY_NODE, &rest))
		;
	for (u32 i = 0; i < left; i++)
		page_free(pieces[4 * i], PIECE / PAGE_SIZE, PAGE_KERNEL);
}

static u64 pamt_pages(void)
{
	struct page_books books;

	page_books_read(&books);
	return books.pages[ZONE_HOST][PAGE_PAMT];
}

TEST(pamts_lie_in_one_block_if_there_is_one)
{
	struct page_books after;

	begin();
	CHECK_EQ(pamt_place(tdmrs, 2, &limits), 0);
	CHECK_EQ(pamt_bytes(), 2 * tdmr_pamt_bytes(GIB(1), &limits));
	CHECK_EQ(tdmrs[1].pamt_4k_base, tdmrs[0].pamt_1g_base + tdmrs[0].pamt_1g_bytes);
	CHECK_EQ(pamt_unmap(), 0);
	CHECK_EQ(tdx_world_unmapped_bytes(), WORLD_POOL_BYTES + pamt_bytes());
	pamt_give_back(PAMT_WRITTEN);
	CHECK_EQ(world.cleared_pages, 2 * tdmr_pamt_bytes(GIB(1), &limits) / PAGE_SIZE);
	CHECK_EQ(tdx_world_unmapped_bytes(), WORLD_POOL_BYTES);
	page_books_read(&after);
	CHECK(page_books_equal(&before, &after));
}

TEST(pamts_lie_in_one_block_each_if_no_single_one_is_free)
{
	begin();
	leave_pieces(2);
	CHECK_EQ(pamt_place(tdmrs, 2, &limits), 0);
	CHECK_EQ(pamt_bytes(), 2 * tdmr_pamt_bytes(GIB(1), &limits));
	CHECK(tdmrs[1].pamt_4k_base != tdmrs[0].pamt_1g_base + tdmrs[0].pamt_1g_bytes);
	pamt_give_back(PAMT_UNTOUCHED);
	CHECK_EQ(world.cleared_pages, 0);
	CHECK_EQ(pamt_pages(), 0);
}

TEST(pamts_without_room_are_refused_and_nothing_is_kept)
{
	begin();
	doctor_forget();
	leave_pieces(1);
	CHECK_EQ(pamt_place(tdmrs, 2, &limits), -ENOMEM);
	CHECK_EQ(pamt_pages(), 0);
	CHECK_EQ(pamt_bytes(), 0);
	CHECK_EQ(doctor_count(), 1);
}
