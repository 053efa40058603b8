/* SPDX-License-Identifier: BSD-2-Clause */
/* CMOS clock and memory of a guest. */
#ifndef VMM_DEV_RTC_H
#define VMM_DEV_RTC_H

#include "include/cella/types.h"
#include "include/spec/rtc.h"
#include "kernel/lock.h"

struct guest;

struct dev_rtc {
	struct spinlock lock;
	u8 index;	/* (l) */
	u8 cmos[RTC_CMOS_BYTES];	/* (l) what the guest stored; the clock is not read from here */
	u64 time_at_entry;	/* (c) seconds since 1970 when time_ns() was 0 */
};

/** dev_rtc_create() - @rtc: zeroed. Put it on the guest's bus. Errors: bus_add() */
int __must_check dev_rtc_create(struct dev_rtc *rtc, struct guest *guest);

#endif
