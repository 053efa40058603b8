/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/clear_watch.h"

#include "kernel/lib/string.h"
#include "tests/unit/test.h"

#define WATCHED 0x40000000ull
#define NOT_WATCHED (WATCHED + PAGE_SIZE)

TEST(a_watched_page_is_let_through_line_by_line)
{
	u32 lines = 0;

	for (u64 line = 0; line + 1 < CLEAR_PAGE_LINES; line++) {
		CHECK_EQ(clear_watch(WATCHED + line * CLEAR_LINE_BYTES, true, &lines), CLEAR_STEP);
		CHECK_EQ(lines, line + 1);
	}
	CHECK_EQ(clear_watch(WATCHED + PAGE_SIZE - CLEAR_LINE_BYTES, true, &lines), CLEAR_REACHABLE);
}

TEST(an_interrupted_step_is_taken_again)
{
	u32 lines = 0;

	CHECK_EQ(clear_watch(WATCHED, true, &lines), CLEAR_STEP);
	CHECK_EQ(clear_watch(WATCHED, true, &lines), CLEAR_STEP);
	CHECK_EQ(lines, 1);
	CHECK_EQ(clear_watch(WATCHED + CLEAR_LINE_BYTES, true, &lines), CLEAR_STEP);
}

TEST(a_skipped_line_or_another_access_before_the_end_is_a_breach)
{
	u32 lines = 0;

	CHECK_EQ(clear_watch(WATCHED, false, &lines), CLEAR_BREACH);
	CHECK_EQ(clear_watch(NOT_WATCHED, false, &lines), CLEAR_BREACH);
	CHECK_EQ(clear_watch(WATCHED, true, &lines), CLEAR_STEP);
	CHECK_EQ(clear_watch(WATCHED + 2 * CLEAR_LINE_BYTES, true, &lines), CLEAR_BREACH);
	CHECK_EQ(clear_watch(WATCHED + CLEAR_LINE_BYTES, false, &lines), CLEAR_BREACH);
	CHECK_EQ(clear_watch(WATCHED + CLEAR_LINE_BYTES, true, &lines), CLEAR_STEP);
}

TEST(other_pages_are_judged_by_the_first_access)
{
	u32 lines = 0;

	CHECK_EQ(clear_watch(NOT_WATCHED, true, &lines), CLEAR_REACHABLE);
	CHECK_EQ(lines, 0);
}

TEST(a_line_that_was_never_written_is_found)
{
	static u8 page[PAGE_SIZE] __aligned(CLEAR_LINE_BYTES);

	clear_spoil(page);
	CHECK_EQ(clear_untouched_line(page), 0);
	memset(page, 0, PAGE_SIZE - CLEAR_LINE_BYTES);
	CHECK_EQ(clear_untouched_line(page), PAGE_SIZE - CLEAR_LINE_BYTES);
	page[PAGE_SIZE - 1] = 0;
	CHECK_EQ(clear_untouched_line(page), PAGE_SIZE);
}
