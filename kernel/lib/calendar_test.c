/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the calendar. */
#include "kernel/lib/calendar.h"
#include "tests/unit/test.h"

static bool is(u64 seconds, u32 year, u32 month, u32 day, u32 weekday, u32 hour, u32 minute, u32 second)
{
	struct calendar_time time;
	u64 back = 0;

	calendar_from_seconds(seconds, &time);
	return time.year == year && time.month == month && time.day == day && time.weekday == weekday &&
	       time.hour == hour && time.minute == minute && time.second == second &&
	       calendar_to_seconds(&time, &back) && back == seconds;
}

TEST(dates_are_known_in_both_directions)
{
	CHECK(is(0, 1970, 1, 1, 4, 0, 0, 0));
	CHECK(is(951782399, 2000, 2, 28, 1, 23, 59, 59));
	CHECK(is(951782400, 2000, 2, 29, 2, 0, 0, 0));
	CHECK(is(951868800, 2000, 3, 1, 3, 0, 0, 0));
	CHECK(is(1709247599, 2024, 2, 29, 4, 22, 59, 59));
	CHECK(is(1735689599, 2024, 12, 31, 2, 23, 59, 59));
	CHECK(is(1735689600, 2025, 1, 1, 3, 0, 0, 0));
	CHECK(is(4107542399, 2100, 2, 28, 0, 23, 59, 59));
	CHECK(is(4107542400, 2100, 3, 1, 1, 0, 0, 0));
	CHECK(is(253402300799, 9999, 12, 31, 5, 23, 59, 59));
}

TEST(what_is_no_date_is_refused)
{
	static const struct calendar_time bad[] = {
		{ 1969, 12, 31, 0, 0, 0, 0 }, { 10000, 1, 1, 0, 0, 0, 0 }, { 2023, 0, 1, 0, 0, 0, 0 },
		{ 2023, 13, 1, 0, 0, 0, 0 },  { 2023, 2, 29, 0, 0, 0, 0 }, { 2023, 4, 31, 0, 0, 0, 0 },
		{ 2023, 1, 0, 0, 0, 0, 0 },   { 2023, 1, 1, 0, 24, 0, 0 }, { 2023, 1, 1, 0, 0, 60, 0 },
		{ 2023, 1, 1, 0, 0, 0, 60 },
	};
	u64 seconds;

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!calendar_to_seconds(&bad[i], &seconds));
}
