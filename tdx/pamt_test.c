/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/pamt.h"

#include "include/cella/errno.h"
#include "kernel/page.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static const struct tdmr_range blocks[] = { { .base = MIB(512), .bytes = MIB(4) + KIB(12) },
					    { .base = MIB(600), .bytes = MIB(8) } };
static struct page_books before;

static void begin(void)
{
	tdx_world_ready();
	page_books_read(&before);
}

static bool books_are_equal(void)
{
	struct page_books after;

	page_books_read(&after);
	return page_books_equal(&before, &after);
}

TEST(pamts_are_taken_unmapped_cleared_and_given_back)
{
	begin();
	CHECK_EQ(pamt_take(blocks, 2), 0);
	CHECK_EQ(pamt_bytes(), MIB(12) + KIB(12));
	CHECK_EQ(page_owner_of(HPA(MIB(600))), PAGE_PAMT);
	CHECK_EQ(pamt_unmap(), 0);
	CHECK_EQ(tdx_world_unmapped_bytes(), WORLD_POOL_BYTES + pamt_bytes());
	pamt_give_back(PAMT_WRITTEN);
	CHECK_EQ(world.cleared_pages, (MIB(12) + KIB(12)) / PAGE_SIZE);
	CHECK_EQ(tdx_world_unmapped_bytes(), WORLD_POOL_BYTES);
	CHECK_EQ(pamt_bytes(), 0);
	CHECK(books_are_equal());
}

TEST(pamts_in_a_place_that_is_taken_are_refused_and_nothing_is_kept)
{
	begin();
	CHECK_EQ(page_alloc_at(HPA(MIB(607)), 1, PAGE_KERNEL), 0);
	CHECK_EQ(pamt_take(blocks, 2), -ENOMEM);
	CHECK_EQ(pamt_bytes(), 0);
	CHECK_EQ(world.cleared_pages, 0);
	page_free(HPA(MIB(607)), 1, PAGE_KERNEL);
	CHECK(books_are_equal());
	CHECK_EQ(page_alloc_at(HPA(WORLD_POOL_BASE), 1, PAGE_PAMT), -ENOMEM);	/* not the host's */
	CHECK_EQ(page_alloc_at(HPA(WORLD_RAM + MIB(1)), 1, PAGE_PAMT), -ENOMEM);
}
