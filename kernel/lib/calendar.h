/* SPDX-License-Identifier: BSD-2-Clause */
/* Gregorian dates and seconds since 1970-01-01 00:00:00 UTC, without leap seconds. Pure. */
#ifndef KERNEL_LIB_CALENDAR_H
#define KERNEL_LIB_CALENDAR_H

#include "include/cella/types.h"

struct calendar_time {
	u32 year;	/* 1970 and later */
	u32 month, day;	/* from 1 */
	u32 weekday;	/* 0: Sunday; set by calendar_from_seconds(), not read by the other */
	u32 hour, minute, second;	/* from 0 */
};

/** calendar_from_seconds() - any number of seconds up to the year 9999 */
void calendar_from_seconds(u64 seconds, struct calendar_time *time);
/** calendar_to_seconds() - false: not a date from 1970 to 9999 */
bool calendar_to_seconds(const struct calendar_time *time, u64 *seconds);

#endif
