/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dates. Years are counted off one by one: few dates are converted and few years have passed since 1970.
 * Pure functions, any core, any context. Gregorian calendar.
 */
#include "kernel/lib/calendar.h"

#define EPOCH_YEAR 1970u
#define LAST_YEAR 9999u
#define EPOCH_WEEKDAY 4	/* 1970-01-01 was a Thursday */
#define DAYS_PER_WEEK 7
#define MONTHS 12u
#define FEBRUARY 2
#define SECONDS_PER_MINUTE 60u
#define SECONDS_PER_HOUR 3600u
#define SECONDS_PER_DAY 86400u
#define HOURS_PER_DAY 24u

static bool is_leap(u32 year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static u32 days_of_year(u32 year)
{
	return is_leap(year) ? 366 : 365;
}

static u32 days_of_month(u32 year, u32 month)
{
	static const u8 days[MONTHS] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == FEBRUARY && is_leap(year) ? 1u : 0u);
}

void calendar_from_seconds(u64 seconds, struct calendar_time *time)
{
	u64 days = seconds / SECONDS_PER_DAY;
	u32 rest = (u32)(seconds % SECONDS_PER_DAY);

	time->weekday = (u32)((days + EPOCH_WEEKDAY) % DAYS_PER_WEEK);
	time->hour = rest / SECONDS_PER_HOUR;
	time->minute = rest % SECONDS_PER_HOUR / SECONDS_PER_MINUTE;
	time->second = rest % SECONDS_PER_MINUTE;
	for (time->year = EPOCH_YEAR; days >= days_of_year(time->year) && time->year < LAST_YEAR; time->year++)
		days -= days_of_year(time->year);
	for (time->month = 1; days >= days_of_month(time->year, time->month) && time->month < MONTHS; time->month++)
		days -= days_of_month(time->year, time->month);
	time->day = (u32)days + 1;
}

bool calendar_to_seconds(const struct calendar_time *time, u64 *seconds)
{
	u64 days = 0;

	if (time->year < EPOCH_YEAR || time->year > LAST_YEAR || time->month < 1 || time->month > MONTHS)
		return false;
	if (time->day < 1 || time->day > days_of_month(time->year, time->month))
		return false;
	if (time->hour >= HOURS_PER_DAY || time->minute >= SECONDS_PER_MINUTE || time->second >= SECONDS_PER_MINUTE)
		return false;
	for (u32 year = EPOCH_YEAR; year < time->year; year++)
		days += days_of_year(year);
	for (u32 month = 1; month < time->month; month++)
		days += days_of_month(time->year, month);
	days += time->day - 1;
	*seconds = days * SECONDS_PER_DAY + time->hour * SECONDS_PER_HOUR + time->minute * SECONDS_PER_MINUTE +
		   time->second;
	return true;
}
