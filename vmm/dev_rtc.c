/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MC146818 clock: the machine's time of day, which a guest can read but not set, and 128 bytes of memory.
 *
 * The clock never updates while it is being read, so the update flag is always 0; a second may turn between two
 * registers, as on a real one, and drivers read twice. Alarm and interrupts are stored and never come. A guest must not
 * trust it more than anything else the host says.
 *
 * `lock` guards index and memory. vCPU tasks. MC146818 data sheet; guest-boot reference, "RTC / CMOS".
 */
#include "vmm/dev_rtc.h"

#include "include/cella/arch.h"
#include "kernel/lib/calendar.h"
#include "kernel/timer.h"
#include "vmm/bus.h"
#include "vmm/guest.h"

#define PORT_COUNT 2
#define HOURS_PER_HALF_DAY 12u
#define YEARS_PER_CENTURY 100

/* A number as register B wants it. */
static u8 encode(const struct dev_rtc *rtc, u32 number)
{
	if (rtc->cmos[RTC_REG_B] & RTC_B_BINARY)
		return (u8)number;
	return (u8)((number / 10) << 4 | number % 10);
}

static u8 encode_hour(const struct dev_rtc *rtc, u32 hour)
{
	u32 half = hour % HOURS_PER_HALF_DAY;
	u8 pm = hour >= HOURS_PER_HALF_DAY ? RTC_HOURS_PM : 0;

	if (rtc->cmos[RTC_REG_B] & RTC_B_24_HOURS)
		return encode(rtc, hour);
	return encode(rtc, half ? half : HOURS_PER_HALF_DAY) | pm;
}

/* Under the lock. */
static u8 read_register(const struct dev_rtc *rtc)
{
	struct calendar_time now;

	calendar_from_seconds(rtc->time_at_entry + time_ns() / NS_PER_S, &now);
	switch (rtc->index) {
	case RTC_SECONDS:
		return encode(rtc, now.second);
	case RTC_MINUTES:
		return encode(rtc, now.minute);
	case RTC_HOURS:
		return encode_hour(rtc, now.hour);
	case RTC_WEEKDAY:
		return encode(rtc, now.weekday + 1);
	case RTC_DAY:
		return encode(rtc, now.day);
	case RTC_MONTH:
		return encode(rtc, now.month);
	case RTC_YEAR:
		return encode(rtc, now.year % YEARS_PER_CENTURY);
	case RTC_CENTURY:
		return encode(rtc, now.year / YEARS_PER_CENTURY);
	case RTC_REG_A:
		return rtc->cmos[RTC_REG_A] & (u8)~RTC_A_UPDATE_IN_PROGRESS;
	case RTC_REG_C:
		return 0;	/* no interrupt was ever raised */
	case RTC_REG_D:
		return RTC_D_VALID;
	default:
		return rtc->cmos[rtc->index];
	}
}

static u64 rtc_read(void *device, u64 offset, u32 bytes)
{
	struct dev_rtc *rtc = device;
	u8 value;

	/* The index register cannot be read. */
	if (bytes != 1 || offset != RTC_PORT_DATA - RTC_PORT_INDEX)
		return BUS_ALL_ONES;
	spin_lock(&rtc->lock);
	value = read_register(rtc);
	spin_unlock(&rtc->lock);
	return value;
}

static void rtc_write(void *device, u64 offset, u32 bytes, u64 value)
{
	struct dev_rtc *rtc = device;

	if (bytes != 1)
		return;
	spin_lock(&rtc->lock);
	if (offset == 0)
		rtc->index = (u8)value & RTC_INDEX_MASK;
	else
		rtc->cmos[rtc->index] = (u8)value;
	spin_unlock(&rtc->lock);
}

static const struct bus_ops rtc_ops = { .read = rtc_read, .write = rtc_write };

int dev_rtc_create(struct dev_rtc *rtc, struct guest *guest)
{
	struct bus_range range = { BUS_PORT, RTC_PORT_INDEX, PORT_COUNT, &rtc_ops, rtc };

	rtc->cmos[RTC_REG_A] = RTC_A_DEFAULT;
	rtc->cmos[RTC_REG_B] = RTC_B_24_HOURS;
	rtc->time_at_entry = arch_wall_clock();
	return bus_add(&guest->bus, &range);
}
