/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frequency of the TSC: from CPUID where the processor or the layer below says it, otherwise measured against the PIT
 * or, where that is switched off, the ACPI PM timer. A measurement begins before and ends after the interval it
 * measures, so what disturbs it makes it longer: the shortest of several is the best. Nothing waits without a bound.
 * SDM volume 3, "Determining the Processor Base Frequency"; ACPI specification 6.5, "Power Management Timer".
 */
#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/insn.h"
#include "arch/x86/lapic.h"
#include "arch/x86/legacy_irq.h"
#include "include/cella/arch.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/cpuid.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/timer.h"

#define HZ_PER_MHZ 1000000ull
#define HZ_PER_KHZ 1000ull
#define PIT_MEASURE_TICKS 11932	/* 10 ms */
#define PIT_WAIT_LOOPS 3000000	/* port reads, about 1 us each on hardware */
#define PM_MEASURE_TICKS 35795	/* 10 ms */
#define MEASUREMENTS 5
#define GATE_CHANNEL_2 0x01
#define SPEAKER 0x02
#define CHANNEL_2_OUTPUT 0x20
#define FALLBACK_HZ 1000000000ull

static u64 tsc_hz;

static u64 hz_from_cpuid(void)
{
	struct cpuid_regs regs;

	u32 max = cpuid(CPUID_VENDOR, 0).eax;

	if (max >= CPUID_TSC) {
		regs = cpuid(CPUID_TSC, 0);
		if (regs.eax != 0 && regs.ebx != 0 && regs.ecx != 0)
			return mul_div(regs.ecx, regs.ebx, regs.eax);
	}
	if ((cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR) &&
	    cpuid(CPUID_HYPERVISOR, 0).eax >= CPUID_HYPERVISOR_TSC &&
	    cpuid(CPUID_HYPERVISOR, 0).eax <= CPUID_HYPERVISOR_LAST)
		return cpuid(CPUID_HYPERVISOR_TSC, 0).eax * HZ_PER_KHZ;
	if (max < CPUID_FREQUENCY)
		return 0;
	return (cpuid(CPUID_FREQUENCY, 0).eax & CPUID_FREQUENCY_MHZ_MASK) * HZ_PER_MHZ;
}

/* One countdown of PIT channel 2; 0: the PIT does not count. */
static u64 measure_pit(void)
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

/* As long by the ACPI PM timer; 0: there is none, or it stands still. */
static u64 measure_pm_timer(void)
{
	u16 port = acpi_info()->pm_timer;
	u32 first, ticks = 0;
	u64 start;

	if (port == 0)
		return 0;
	start = rdtsc();
	first = inl(port);
	for (u32 loop = 0; loop < PIT_WAIT_LOOPS && ticks < PM_MEASURE_TICKS; loop++)
		ticks = (inl(port) - first) & ACPI_PM_TIMER_MASK;
	if (ticks < PM_MEASURE_TICKS)
		return 0;
	return mul_div(rdtsc() - start, ACPI_PM_TIMER_HZ, ticks);
}

/* 0 as soon as one attempt fails. */
static u64 shortest_of(u64 (*measure_once)(void))
{
	u64 shortest = ~0ull;

	for (u32 i = 0; i < MEASUREMENTS; i++) {
		u64 measured = measure_once();

		if (measured == 0)
			return 0;
		shortest = MIN(shortest, measured);
	}
	return shortest;
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
		hz = shortest_of(measure_pit);
	}
	if (hz == 0) {
		source = "the ACPI PM timer";
		hz = shortest_of(measure_pm_timer);
	}
	panic_if(hz == 0, "the frequency of the time stamp counter cannot be found: CPUID does not tell it and neither "
			  "the PIT nor the ACPI PM timer counts");
	tsc_hz = hz;
	legacy_irq_off();
	lapic_init();
	lapic_timer_calibrate();
	if (!cpu_features()->invariant_tsc)
		log_warn("time", "the time stamp counter is not invariant: times may drift");
	log_info("time", "TSC %lu kHz from %s, %s", hz / 1000, source,
		 cpu_features()->tsc_deadline ? "TSC deadline timer" : "one-shot APIC timer");
}
