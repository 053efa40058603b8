/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel/lib/format.c against the development machine's printf, conversion by conversion. */
#include "kernel/lib/format.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

#define SAME(...) \
	do { \
		char ours[128], theirs[128]; \
		int length = format_text(ours, sizeof(ours), __VA_ARGS__); \
		CHECK_EQ(length, snprintf(theirs, sizeof(theirs), __VA_ARGS__)); \
		CHECK_STR(ours, theirs); \
	} while (0)

/* Wrong and odd formats are the point here. */
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-overflow"

TEST(integers_print_as_printf_does)
{
	SAME("%d %d %u", -5, 7, 4000000000u);
	SAME("%5d|%-5d|%05d|%05d", 42, 42, 42, -42);
	SAME("%x %#x %#010x %#x %08x|%-8x|", 0xbeef, 0xbeef, 0xbeef, 0, 0xbeef, 0xbeef);
	SAME("%u %x %d", ~0u, ~0u, -2147483647 - 1);
	SAME("%ld %lu %lx", (long)-1, ~0ul, 0x123456789abcdeful);
	SAME("%lld %llu %zu", -9223372036854775807ll - 1, ~0ull, (size_t)1 << 40);
}

TEST(texts_print_as_printf_does)
{
	SAME("%s|%8s|%-8s|%.2s|%8.2s", "abc", "abc", "abc", "abc", "abc");
	SAME("%c|%3c|%-3c|%%", 'x', 'y', 'z');
	SAME("%s", "");
	SAME("[%5lu.%06lu] %.*s", 12ul, 345ul, 3, "abcdef");
}

TEST(text_without_terminator_is_read_up_to_the_precision_only)
{
	char text[3] = { 'a', 'b', 'c' };
	char out[8];

	format_text(out, sizeof(out), "%.3s", text);
	CHECK_STR(out, "abc");
}

TEST(null_and_pointers_print)
{
	char out[40];

	format_text(out, sizeof(out), "%s %p", (char *)NULL, (void *)0xffff800000001000);
	CHECK_STR(out, "(null) 0xffff800000001000");
}

TEST(a_short_buffer_is_terminated_and_the_full_length_returned)
{
	char out[6];

	memset(out, '#', sizeof(out));
	CHECK_EQ(format_text(out, 5, "%d-%s", 123, "abcdef"), 10);
	CHECK_STR(out, "123-");
	CHECK_EQ(out[5], '#');
	CHECK_EQ(format_text(out, 0, "abc"), 3);
	CHECK_EQ(format_text(NULL, 0, "%100d", 1), 100);
}

TEST(an_unknown_conversion_is_copied)
{
	char out[40];

	format_text(out, sizeof(out), "%q %5y %");
	CHECK_STR(out, "%q %5y %");
}

TEST(a_huge_width_is_bounded)
{
	CHECK_EQ(format_text(NULL, 0, "%999999999d", 1), 4096);
	CHECK_EQ(format_text(NULL, 0, "%.*s", -2147483647 - 1, "x"), 0);
}
