/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All enabled cores of the MADT, one after the other: INIT, 10 ms, start-up IPI, 200 us, a second one if needed, then a
 * bounded wait. A core that does not come is named by its APIC id. SDM volume 3, "Multiple-Processor Initialization".
 */
#include "arch/x86/smp.h"

#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/insn.h"
#include "arch/x86/lapic.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "include/cella/arch.h"
#include "include/cella/memory_map.h"
#include "include/spec/x86/apic.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"

#define INIT_WAIT_US 10000
#define STARTUP_WAIT_US 200
#define ARRIVAL_WAIT_US 200000
#define ARRIVAL_POLL_US 100

__noreturn void secondary_main(struct percpu *cpu);

struct trampoline_words {
	u64 cr3, stack_top, percpu, entry;
};
extern const u8 trampoline_start[], trampoline_words[], trampoline_end[];

static __noreturn void smp_entered(struct percpu *cpu)
{
	secondary_main(cpu);
}

void arch_secondary_init(struct percpu *cpu)
{
	desc_load(cpu);
	cpu_enable_features();
	lapic_init();
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
}

static bool arrived(struct percpu *cpu, u64 wait_us)
{
	for (u64 waited = 0; waited < wait_us; waited += ARRIVAL_POLL_US) {
		if (__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
			return true;
		time_udelay(ARRIVAL_POLL_US);
	}
	return __atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE);
}

static bool start_core(struct percpu *cpu)
{
	struct trampoline_words words = { paging_root(), 0, (u64)cpu, (u64)smp_entered };
	void *stack = arch_stack_alloc();
	u64 offset = (u64)(trampoline_words - trampoline_start);

	cpu->arch = desc_allocate();
	if (!stack || !cpu->arch)
		return false;
	words.stack_top = (u64)stack;
	memcpy((void *)(TRAMPOLINE_BASE + offset), &words, sizeof(words));
	lapic_icr(cpu->apic_id, APIC_ICR_INIT | APIC_ICR_ASSERT | APIC_ICR_LEVEL);
	time_udelay(INIT_WAIT_US);
	for (u32 try = 0; try < 2; try++) {
		lapic_icr(cpu->apic_id, APIC_ICR_STARTUP | APIC_ICR_ASSERT | TRAMPOLINE_BASE >> PAGE_SHIFT);
		if (arrived(cpu, try == 0 ? STARTUP_WAIT_US : ARRIVAL_WAIT_US))
			return true;
	}
	return false;
}

u32 arch_smp_init(void)
{
	const struct acpi_info *acpi = acpi_info();
	struct percpu *boot = arch_this_cpu();
	u32 up = 1;

	boot->apic_id = lapic_id();
	boot->package = cpu_package_of(boot->apic_id);
	boot->node = acpi_node_of(boot->apic_id);
	boot->online = true;
	cpu_set_count(1);
	if (acpi->core_count < 2)
		return up;
	paging_map_low_page(TRAMPOLINE_BASE);
	memcpy((void *)TRAMPOLINE_BASE, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	for (u32 i = 0; i < acpi->core_count; i++) {
		u32 apic_id = acpi->core_apic_ids[i];
		struct percpu *cpu = cpu_at(up);

		if (apic_id == boot->apic_id)
			continue;
		if (up == MAX_CPUS) {
			log_warn("smp", "core with APIC id %u is not used: Cella takes %u cores", apic_id, MAX_CPUS);
			continue;
		}
		memset(cpu, 0, sizeof(*cpu));
		cpu->id = up;
		cpu->apic_id = apic_id;
		cpu->package = cpu_package_of(apic_id);
		cpu->node = acpi_node_of(apic_id);
		if (!start_core(cpu)) {
			log_error("smp", "core with APIC id %u did not start", apic_id);
			continue;
		}
		up++;
		cpu_set_count(up);
	}
	paging_unmap_low_page(TRAMPOLINE_BASE);
	return up;
}

void arch_nmi_others(void)
{
	const struct percpu *self = arch_this_cpu();

	trap_nmi_stops();
	for (u32 cpu = 0; cpu < cpu_count(); cpu++)
		if (cpu != self->id)
			lapic_icr(cpu_at(cpu)->apic_id, APIC_ICR_NMI | APIC_ICR_ASSERT);
}
