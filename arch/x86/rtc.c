/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's wall clock: the CMOS clock, read once, so that Cella never shares its index port with anybody later.
 * Guests get their own clock from it. A clock that is absent, stuck or without a valid date gives 0. Any task. MC146818
 * data sheet; ACPI's usual century register.
 */
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/spec/rtc.h"
#include "kernel/lib/calendar.h"
#include "kernel/lib/string.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/timer.h"

#define UPDATE_WAIT_READS 20000	/* an update takes 2 ms, a port read about 1 us */
#define READ_ATTEMPTS 5
#define CENTURY_MIN 19
#define CENTURY_MAX 99
#define CENTURY_DEFAULT 20
#define HOURS_PER_HALF_DAY 12

/* The registers as they are, without their units. */
struct rtc_registers {
	u8 second, minute, hour, day, month, year, century, mode;
};

static struct {
	struct spinlock lock;
	bool known;	/* (l) it was read */
	u64 at_entry;	/* (l) seconds since 1970 when time_ns() was 0 */
} wall_clock;

static u8 cmos_read(u8 index)
{
	outb(RTC_PORT_INDEX, index);
	return inb(RTC_PORT_DATA);
}

static bool wait_for_update(void)
{
	for (u32 i = 0; i < UPDATE_WAIT_READS; i++)
		if (!(cmos_read(RTC_REG_A) & RTC_A_UPDATE_IN_PROGRESS))
			return true;
	return false;
}

static struct rtc_registers read_registers(void)
{
	return (struct rtc_registers){
		.second = cmos_read(RTC_SECONDS),
		.minute = cmos_read(RTC_MINUTES),
		.hour = cmos_read(RTC_HOURS),
		.day = cmos_read(RTC_DAY),
		.month = cmos_read(RTC_MONTH),
		.year = cmos_read(RTC_YEAR),
		.century = cmos_read(RTC_CENTURY),
		.mode = cmos_read(RTC_REG_B),
	};
}

/* Two readings that agree: no update came between their registers. */
static bool read_stable(struct rtc_registers *registers)
{
	struct rtc_registers again;

	for (u32 i = 0; i < READ_ATTEMPTS; i++) {
		if (!wait_for_update())
			return false;
		*registers = read_registers();
		again = read_registers();
		if (memcmp(registers, &again, sizeof(again)) == 0)
			return true;
	}
	return false;
}

static u32 number(const struct rtc_registers *registers, u8 value)
{
	return registers->mode & RTC_B_BINARY ? value : (value >> 4) * 10u + (value & 0xf);
}

static u32 hour(const struct rtc_registers *registers)
{
	u32 value = number(registers, registers->hour & (u8)~RTC_HOURS_PM);

	if (registers->mode & RTC_B_24_HOURS)
		return number(registers, registers->hour);
	return value % HOURS_PER_HALF_DAY + (registers->hour & RTC_HOURS_PM ? HOURS_PER_HALF_DAY : 0);
}

static u64 read_seconds(void)
{
	struct rtc_registers registers;
	struct calendar_time time;
	u32 century;
	u64 seconds;

	if (!read_stable(&registers))
		return 0;
	/* The century is always kept in BCD, if at all. */
	century = (registers.century >> 4) * 10u + (registers.century & 0xf);
	if (century < CENTURY_MIN || century > CENTURY_MAX)
		century = CENTURY_DEFAULT;
	time = (struct calendar_time){
		.year = century * 100 + number(&registers, registers.year),
		.month = number(&registers, registers.month),
		.day = number(&registers, registers.day),
		.hour = hour(&registers),
		.minute = number(&registers, registers.minute),
		.second = number(&registers, registers.second),
	};
	return calendar_to_seconds(&time, &seconds) ? seconds : 0;
}

u64 arch_wall_clock(void)
{
	bool first;
	u64 seconds;

	spin_lock(&wall_clock.lock);
	first = !wall_clock.known;
	if (first) {
		seconds = read_seconds();
		wall_clock.at_entry = seconds ? seconds - time_ns() / NS_PER_S : 0;
		wall_clock.known = true;
	}
	seconds = wall_clock.at_entry;
	spin_unlock(&wall_clock.lock);
	if (first && !seconds)
		log_warn("time", "the machine's clock shows no valid time: guests start in 1970");
	return seconds;
}
