/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TSC frequency: ticks during one countdown of PIT channel 2, whose gate and output are bits of port 0x61.
 * The result is shown to the host as a multiple of a 25 MHz crystal, the only form TDX knows, so it is rounded to that.
 * Source: Intel 8254 data sheet, "Mode 0: Interrupt on Terminal Count".
 */
#include "tests/tdxemu/clock.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/apic.h"
#include "tests/tdxemu/verdict.h"

#define GATE_CHANNEL_2 0x01
#define SPEAKER 0x02
#define OUTPUT_CHANNEL_2 0x20

#define MEASURE_PER_SECOND 50	/* 20 ms */
#define POLL_BOUND 100000000u

static u64 ticks_per_us;
static u32 crystal_multiple;

void clock_init(void)
{
	u16 count = PIT_HZ / MEASURE_PER_SECOND;
	u8 control = (u8)(inb(PORT_SYSTEM_CONTROL) & ~(SPEAKER | GATE_CHANNEL_2));
	u64 start, hz;
	u32 polls = 0;

	outb(PORT_SYSTEM_CONTROL, control);
	outb(PIT_COMMAND, PIT_CHANNEL_2_MODE_0);
	outb(PIT_CHANNEL_2, (u8)count);
	outb(PIT_CHANNEL_2, (u8)(count >> 8));
	outb(PORT_SYSTEM_CONTROL, control | GATE_CHANNEL_2);
	start = rdtsc();
	while ((inb(PORT_SYSTEM_CONTROL) & OUTPUT_CHANNEL_2) == 0)
		if (++polls == POLL_BOUND)
			verdict_stop("the PIT does not count: the TSC cannot be measured");
	hz = (rdtsc() - start) * MEASURE_PER_SECOND;
	outb(PORT_SYSTEM_CONTROL, control);

	ticks_per_us = MAX(hz / 1000000, 1);
	crystal_multiple = (u32)MAX((hz + CLOCK_CRYSTAL_HZ / 2) / CLOCK_CRYSTAL_HZ, 1);
	verdict_note("TSC %lu Hz by the PIT, shown as %u * 25 MHz", hz, crystal_multiple);
}

u32 clock_crystal_multiple(void)
{
	return crystal_multiple;
}

void clock_wait_us(u64 us)
{
	u64 start = rdtsc();

	while (rdtsc() - start < us * ticks_per_us)
		__builtin_ia32_pause();
}
