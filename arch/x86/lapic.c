/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See lapic.h. All cores run in the mode that the boot core chose: x2APIC where the processor has it, unless firmware
 * asks not to (DMAR) and has not switched it on itself. The timer is a TSC deadline where the processor has one,
 * otherwise a one-shot count whose rate was measured against the TSC. SDM volume 3, "Advanced Programmable Interrupt
 * Controller (APIC)".
 */
#include "arch/x86/lapic.h"

#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/msr.h"
#include "kernel/irq.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

#define REGISTERS_BYTES 0x1000
#define ICR_WAIT_LOOPS 1000000
#define CALIBRATION_PART 100	/* of a second */
#define VERSION_MAX_LVT_SHIFT 16
#define VERSION_MAX_LVT_MASK 0xff

static struct {
	bool chosen;	/* the mode stands */
	bool x2apic;
	volatile u32 *registers;	/* xAPIC */
	u64 timer_hz;	/* one-shot mode */
} lapic;

static u32 apic_read(u32 offset)
{
	return lapic.x2apic ? (u32)rdmsr(X2APIC_MSR(offset)) : lapic.registers[offset / sizeof(u32)];
}

static void apic_write(u32 offset, u32 value)
{
	if (lapic.x2apic)
		wrmsr(X2APIC_MSR(offset), value);
	else
		lapic.registers[offset / sizeof(u32)] = value;
}

static void select_mode(void)
{
	u64 base = rdmsr(IA32_APIC_BASE);

	if (!lapic.chosen)
		lapic.x2apic = (base & APIC_BASE_X2APIC) ||
			       (cpu_features()->x2apic && !acpi_info()->dmar_x2apic_opt_out);
	lapic.chosen = true;
	if (lapic.x2apic) {
		if (!(base & APIC_BASE_X2APIC)) {
			wrmsr(IA32_APIC_BASE, base | APIC_BASE_ENABLE);
			wrmsr(IA32_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
		}
		return;
	}
	wrmsr(IA32_APIC_BASE, base | APIC_BASE_ENABLE);
	if (!lapic.registers)
		lapic.registers = arch_map_device(HPA(base & APIC_BASE_ADDRESS_MASK), REGISTERS_BYTES);
	panic_if(!lapic.registers, "the local APIC's registers cannot be mapped");
}

/* What the timer does not need stays silent. Entries beyond those that the version register counts do not exist. */
static void mask_unused(void)
{
	static const struct {
		u32 offset;
		u32 exists_from;	/* number of the last entry, as in the version register */
	} unused[] = {
		{ APIC_LVT_LINT0, 0 }, { APIC_LVT_LINT1, 0 }, { APIC_LVT_ERROR, 0 },
		{ APIC_LVT_PMC, 4 }, { APIC_LVT_THERMAL, 5 }, { APIC_LVT_CMCI, 6 },
	};
	u32 last = apic_read(APIC_VERSION) >> VERSION_MAX_LVT_SHIFT & VERSION_MAX_LVT_MASK;

	for (u32 i = 0; i < ARRAY_SIZE(unused); i++)
		if (last >= unused[i].exists_from)
			apic_write(unused[i].offset, APIC_LVT_MASKED);
}

void lapic_init(void)
{
	select_mode();
	mask_unused();
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | VECTOR_SPURIOUS);
	if (cpu_features()->tsc_deadline) {
		apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR_TIMER);
		mfence();	/* SDM, "TSC-Deadline Mode": the mode is set before the first deadline */
		return;
	}
	apic_write(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_ONE_SHOT | VECTOR_TIMER);
}

u32 lapic_id(void)
{
	u32 id = apic_read(APIC_ID);

	return lapic.x2apic ? id : id >> APIC_XAPIC_DESTINATION_SHIFT;
}

static void wait_until_sent(void)
{
	for (u32 loop = 0; loop < ICR_WAIT_LOOPS && (apic_read(APIC_ICR_LOW) & APIC_ICR_PENDING); loop++)
		pause();
}

bool lapic_reaches(u32 apic_id)
{
	return lapic.x2apic || apic_id < XAPIC_BROADCAST;
}

void lapic_icr(u32 apic_id, u32 command)
{
	u64 saved;

	if (lapic.x2apic) {
		/* SDM, "MSR Access in x2APIC Mode": these writes are not ordered behind earlier stores */
		mfence();
		lfence();
		wrmsr(X2APIC_MSR(APIC_ICR_LOW), (u64)apic_id << X2APIC_ICR_DESTINATION_SHIFT | command);
		return;
	}
	saved = arch_irq_save();	/* two registers: a handler that sends, too, must not come in between */
	wait_until_sent();
	apic_write(APIC_ICR_HIGH, apic_id << APIC_XAPIC_DESTINATION_SHIFT);
	apic_write(APIC_ICR_LOW, command);
	wait_until_sent();
	arch_irq_restore(saved);
}

void lapic_timer_calibrate(void)
{
	u64 end;

	if (cpu_features()->tsc_deadline)
		return;
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_TIMER_INITIAL, ~0u);
	end = rdtsc() + arch_tsc_hz() / CALIBRATION_PART;
	while (rdtsc() < end)
		pause();
	lapic.timer_hz = (u64)(~0u - apic_read(APIC_TIMER_CURRENT)) * CALIBRATION_PART;
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_ONE_SHOT | VECTOR_TIMER);
	panic_if(lapic.timer_hz == 0, "the local APIC's timer does not count");
}

void arch_timer_set(u64 tsc)
{
	u64 now, ticks;

	if (cpu_features()->tsc_deadline) {
		wrmsr(IA32_TSC_DEADLINE, tsc);
		return;
	}
	if (tsc == 0) {
		apic_write(APIC_TIMER_INITIAL, 0);
		return;
	}
	now = rdtsc();
	/* a second at most */
	ticks = tsc > now ? mul_div(MIN(tsc - now, arch_tsc_hz()), lapic.timer_hz, arch_tsc_hz()) : 0;
	apic_write(APIC_TIMER_INITIAL, (u32)MIN(MAX(ticks, 1), (u64)~0u));
}

void arch_ipi(u32 cpu, u8 vector)
{
	lapic_icr(cpu_at(cpu)->apic_id, APIC_ICR_FIXED | APIC_ICR_ASSERT | vector);
}

void arch_ipi_self(u8 vector)
{
	if (lapic.x2apic)
		wrmsr(X2APIC_MSR(APIC_SELF_IPI), vector);
	else
		lapic_icr(0, APIC_ICR_SELF | APIC_ICR_FIXED | APIC_ICR_ASSERT | vector);
}

void arch_eoi(void)
{
	apic_write(APIC_EOI, 0);
}
