/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frequency of the TSC: from CPUID where the processor says it, otherwise measured against the PIT, three times, the median.
 * Wall clock: the CMOS clock, once. SDM volume 3, "Determining the Processor Base Frequency".
 */
#include "arch/x86/cpu.h"
#include "arch/x86/insn.h"
#include "arch/x86/lapic.h"
#include "include/cella/arch.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/cpuid.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/timer.h"

#define HZ_PER_MHZ 1000000ull
#define PIT_MEASURE_TICKS 11932	/* 10 ms */
#define PIT_WAIT_LOOPS 10000000
#define MEASUREMENTS 3
#define GATE_CHANNEL_2 0x01
#define SPEAKER 0x02
#define CHANNEL_2_OUTPUT 0x20
#define FALLBACK_HZ 1000000000ull

static u64 tsc_hz;

static u64 hz_from_cpuid(void)
{
	struct cpuid_regs regs;

	if (cpuid(CPUID_VENDOR, 0).eax < CPUID_TSC)
		return 0;
	regs = cpuid(CPUID_TSC, 0);
	if (regs.eax != 0 && regs.ebx != 0 && regs.ecx != 0)
		return mul_div(regs.ecx, regs.ebx, regs.eax);
	if (cpuid(CPUID_VENDOR, 0).eax < CPUID_FREQUENCY)
		return 0;
	return (cpuid(CPUID_FREQUENCY, 0).eax & 0xffff) * HZ_PER_MHZ;
}

/* One countdown of PIT channel 2; 0: the PIT does not count. */
static u64 measure_once(void)
{
	u8 control = (u8)(inb(PORT_SYSTEM_CONTROL) & ~(GATE_CHANNEL_2 | SPEAKER));
	u64 start;
	u32 loop;

	outb(PORT_SYSTEM_CONTROL, control);
	outb(PIT_COMMAND, PIT_CHANNEL_2_MODE_0);
	outb(PIT_CHANNEL_2, PIT_MEASURE_TICKS & 0xff);
	outb(PIT_CHANNEL_2, PIT_MEASURE_TICKS >> 8);
	start = rdtsc();
	outb(PORT_SYSTEM_CONTROL, control | GATE_CHANNEL_2);
	for (loop = 0; loop < PIT_WAIT_LOOPS; loop++)
		if (inb(PORT_SYSTEM_CONTROL) & CHANNEL_2_OUTPUT)
			break;
	if (loop == PIT_WAIT_LOOPS)
		return 0;
	return mul_div(rdtsc() - start, PIT_HZ, PIT_MEASURE_TICKS);
}

static u64 measure(void)
{
	u64 a = measure_once();
	u64 b = measure_once();
	u64 c = measure_once();

	return MAX(MIN(a, b), MIN(MAX(a, b), c));
}

u64 arch_tsc(void)
{
	return rdtsc();
}

u64 arch_tsc_hz(void)
{
	return tsc_hz ? tsc_hz : FALLBACK_HZ;	/* before arch_time_init() only log times are read */
}

void arch_time_init(void)
{
	const char *source = "CPUID";
	u64 hz = hz_from_cpuid();

	if (hz == 0) {
		source = "the PIT";
		hz = measure();
	}
	panic_if(hz == 0, "the frequency of the time stamp counter cannot be found: CPUID does not tell and the PIT is dead");
	tsc_hz = hz;
	lapic_init();
	lapic_timer_calibrate();
	if (!cpu_features()->invariant_tsc)
		log_warn("time", "the time stamp counter is not invariant: times may drift");
	log_info("time", "TSC %lu kHz from %s, %s", hz / 1000, source,
		 cpu_features()->tsc_deadline ? "TSC deadline timer" : "one-shot APIC timer");
}
