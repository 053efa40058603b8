/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/options.h"

#include <string.h>

#include "tests/unit/test.h"

TEST(an_option_is_found_at_any_place)
{
	char value[OPTION_BYTES];

	CHECK(option_value("trace=all fault=A:1:B", "trace", value));
	CHECK_STR(value, "all");
	CHECK(option_value("trace=all  fault=A:1:B", "fault", value));
	CHECK_STR(value, "A:1:B");
	CHECK(option_value("fault=", "fault", value));
	CHECK_STR(value, "");
}

TEST(an_option_must_be_a_whole_word)
{
	char value[OPTION_BYTES];

	CHECK(!option_value("", "trace", value));
	CHECK(!option_value("trace", "trace", value));
	CHECK(!option_value("notrace=all", "trace", value));
	CHECK(!option_value("traces=all", "trace", value));
}

TEST(a_value_that_is_too_long_is_refused)
{
	char cmdline[OPTION_BYTES + 16], value[OPTION_BYTES];

	memset(cmdline, 'x', sizeof(cmdline));
	memcpy(cmdline, "f=", 2);
	cmdline[sizeof(cmdline) - 1] = '\0';
	CHECK(!option_value(cmdline, "f", value));
}

TEST(a_list_is_cut_at_its_separators)
{
	char text[] = "a,,bc";
	char *list = text;

	CHECK_STR(option_next(&list, ','), "a");
	CHECK_STR(option_next(&list, ','), "");
	CHECK_STR(option_next(&list, ','), "bc");
	CHECK(option_next(&list, ',') == NULL);
}

TEST(option_number_takes_whole_numbers_only)
{
	u64 value = 7;

	CHECK(option_number("0", &value) && value == 0);
	CHECK(option_number("18446744073709551615", &value) && value == ~0ull);
	CHECK(option_number("0xFfff0000", &value) && value == 0xffff0000);
	value = 7;
	CHECK(!option_number("18446744073709551616", &value));
	CHECK(!option_number("0x10000000000000000", &value));
	CHECK(!option_number("", &value));
	CHECK(!option_number("0x", &value));
	CHECK(!option_number("12a", &value));
	CHECK(!option_number("-1", &value));
	CHECK(!option_number(" 1", &value));
	CHECK_EQ(value, 7);
}
