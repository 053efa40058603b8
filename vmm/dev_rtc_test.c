/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the CMOS clock. */
#include "include/spec/rtc.h"
#include "kernel/timer.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"

#define LEAP_DAY_EVENING 1709247599ull	/* Thu 2024-02-29 22:59:59 UTC */

static void begin(u64 seconds)
{
	fake_reset();
	fake.wall_clock = seconds;
	CHECK_EQ(platform_create(&fake.guest), 0);
}

static void end(void)
{
	platform_destroy(&fake.guest);
	CHECK_EQ(fake.pages, 0);
}

static u8 get(u8 index)
{
	port_write(RTC_PORT_INDEX, 1, index);
	return (u8)port_read(RTC_PORT_DATA, 1);
}

static void set(u8 index, u8 value)
{
	port_write(RTC_PORT_INDEX, 1, index);
	port_write(RTC_PORT_DATA, 1, value);
}

TEST(time_reads_in_bcd_and_24_hours_at_first)
{
	begin(LEAP_DAY_EVENING);
	CHECK_EQ(get(RTC_REG_A), 0x26);
	CHECK_EQ(get(RTC_REG_B), 0x02);
	CHECK_EQ(get(RTC_REG_C), 0);
	CHECK_EQ(get(RTC_REG_D), 0x80);
	CHECK_EQ(get(RTC_SECONDS), 0x59);
	CHECK_EQ(get(RTC_MINUTES), 0x59);
	CHECK_EQ(get(RTC_HOURS), 0x22);
	CHECK_EQ(get(RTC_WEEKDAY), 5);	/* Thursday */
	CHECK_EQ(get(RTC_DAY), 0x29);
	CHECK_EQ(get(RTC_MONTH), 0x02);
	CHECK_EQ(get(RTC_YEAR), 0x24);
	CHECK_EQ(get(RTC_CENTURY), 0x20);
	end();
}

TEST(binary_and_12_hour_modes)
{
	begin(LEAP_DAY_EVENING);
	set(RTC_REG_B, RTC_B_BINARY | RTC_B_24_HOURS);
	CHECK_EQ(get(RTC_HOURS), 22);
	CHECK_EQ(get(RTC_SECONDS), 59);
	CHECK_EQ(get(RTC_YEAR), 24);
	CHECK_EQ(get(RTC_CENTURY), 20);
	set(RTC_REG_B, RTC_B_BINARY);
	CHECK_EQ(get(RTC_HOURS), 0x80 | 10);
	set(RTC_REG_B, 0);
	CHECK_EQ(get(RTC_HOURS), 0x80 | 0x10);
	end();
	begin(0);	/* midnight is 12 am, noon 12 pm */
	set(RTC_REG_B, 0);
	CHECK_EQ(get(RTC_HOURS), 0x12);
	fake.now_ns = 12 * 3600 * NS_PER_S;
	CHECK_EQ(get(RTC_HOURS), 0x92);
	end();
}

TEST(the_clock_runs_and_cannot_be_set)
{
	begin(LEAP_DAY_EVENING);
	set(RTC_YEAR, 0x99);
	set(RTC_CENTURY, 0x99);
	CHECK_EQ(get(RTC_YEAR), 0x24);
	fake.now_ns = 3601 * NS_PER_S;
	CHECK_EQ(get(RTC_SECONDS), 0);
	CHECK_EQ(get(RTC_HOURS), 0);
	CHECK_EQ(get(RTC_DAY), 1);
	CHECK_EQ(get(RTC_MONTH), 3);
	CHECK_EQ(get(RTC_WEEKDAY), 6);
	end();
}

TEST(an_update_is_never_in_progress_whatever_is_written)
{
	begin(0);
	set(RTC_REG_A, 0xff);
	CHECK_EQ(get(RTC_REG_A), 0x7f);
	set(RTC_REG_C, 0xff);
	CHECK_EQ(get(RTC_REG_C), 0);
	set(RTC_REG_D, 0);
	CHECK_EQ(get(RTC_REG_D), 0x80);
	end();
}

TEST(the_rest_is_128_bytes_of_memory)
{
	begin(0);
	for (u32 i = 0x0e; i < 128; i++)
		if (i != RTC_CENTURY)
			set((u8)i, (u8)(i ^ 0xa5));
	for (u32 i = 0x0e; i < 128; i++)
		if (i != RTC_CENTURY)
			CHECK_EQ(get((u8)i), i ^ 0xa5);
	/* Bit 7 of the index masks NMIs on a PC. */
	CHECK_EQ(get(0x80 | 0x10), 0x10 ^ 0xa5);
	/* Alarm registers are memory, too. */
	set(0x01, 0x30);
	CHECK_EQ(get(0x01), 0x30);
	CHECK_EQ(port_read(RTC_PORT_INDEX, 1), 0xff);
	CHECK_EQ(port_read(RTC_PORT_INDEX, 2), 0xffff);
	port_write(RTC_PORT_INDEX, 2, 0);
	end();
}
