/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel/lib/string.c against plain loops, at every alignment and length that its word loops distinguish. */
#include "kernel/lib/string.h"
#include "tests/unit/test.h"

#define BYTES 96

static u8 from[BYTES], to[BYTES], expected[BYTES];

static void fill(void)
{
	for (u32 i = 0; i < BYTES; i++) {
		from[i] = (u8)(i * 7 + 1);
		to[i] = expected[i] = (u8)(0xf0 ^ i);
	}
}

TEST(memcpy_copies_exactly_its_bytes)
{
	for (u32 offset = 0; offset < 9; offset++) {
		for (u32 bytes = 0; bytes < 80; bytes++) {
			fill();
			for (u32 i = 0; i < bytes; i++)
				expected[offset + i] = from[3 + i];
			CHECK(memcpy(to + offset, from + 3, bytes) == to + offset);
			CHECK_MEM(to, expected, BYTES);
		}
	}
}

TEST(memmove_copies_overlapping_ranges_both_ways)
{
	for (u32 target = 0; target < 24; target++) {
		for (u32 bytes = 0; bytes < 70; bytes++) {
			fill();
			for (u32 i = 0; i < BYTES; i++)
				to[i] = expected[i] = from[i];
			for (u32 i = 0; i < bytes; i++)
				expected[target + i] = from[12 + i];
			memmove(to + target, to + 12, bytes);
			CHECK_MEM(to, expected, BYTES);
		}
	}
}

TEST(memset_fills_exactly_its_bytes)
{
	for (u32 offset = 0; offset < 9; offset++) {
		for (u32 bytes = 0; bytes < 80; bytes++) {
			fill();
			for (u32 i = 0; i < bytes; i++)
				expected[offset + i] = 0xa5;
			memset(to + offset, 0x1a5, bytes);
			CHECK_MEM(to, expected, BYTES);
		}
	}
}

TEST(memcmp_orders_by_the_first_different_byte)
{
	CHECK_EQ(memcmp("0123456789abcdef", "0123456789abcdef", 16), 0);
	CHECK(memcmp("0123456789abcdef", "0123456789abcdeg", 16) < 0);
	CHECK(memcmp("1000000z", "0000000a", 8) > 0);
	CHECK(memcmp("\x80", "\x01", 1) > 0);
	CHECK_EQ(memcmp("a", "b", 0), 0);
}

TEST(memchr_finds_the_first_one_in_any_byte_of_a_word)
{
	for (u32 at = 0; at < 40; at++) {
		memset(to, 0x80, BYTES);
		to[at] = 0;
		to[at + 3] = 0;
		CHECK(memchr(to, 0, BYTES) == to + at);
		CHECK(memchr(to, 0, at) == NULL);
	}
	memset(to, 0x01, BYTES);
	CHECK(memchr(to, 0, BYTES) == NULL);
	CHECK(memchr(to, 0x100, BYTES) == NULL);
}

TEST(text_functions_follow_the_standard)
{
	const char *text = "hello";

	CHECK_EQ(strlen(text), 5);
	CHECK_EQ(strnlen(text, 3), 3);
	CHECK_EQ(strnlen(text, 9), 5);
	CHECK_EQ(strcmp("abc", "abc"), 0);
	CHECK(strcmp("abc", "abd") < 0);
	CHECK(strcmp("abc", "ab") > 0);
	CHECK(strcmp("\xff", "a") > 0);
	CHECK_EQ(strncmp("abcd", "abce", 3), 0);
	CHECK(strncmp("abcd", "abce", 4) < 0);
	CHECK_EQ(strncmp("ab", "ab", 9), 0);
	CHECK(strchr(text, 'l') == text + 2);
	CHECK(strrchr(text, 'l') == text + 3);
	CHECK(strchr(text, 'x') == NULL);
	CHECK(strchr(text, 0) == text + 5);
}

TEST(copy_text_always_terminates_and_tells_when_it_cut)
{
	char small[4];

	CHECK(copy_text(small, "abc", sizeof(small)));
	CHECK_STR(small, "abc");
	CHECK(!copy_text(small, "abcd", sizeof(small)));
	CHECK_STR(small, "abc");
	CHECK(!copy_text(small, "x", 0));
}
