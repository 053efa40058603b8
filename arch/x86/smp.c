/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All enabled cores of the MADT: INIT to all of them, one wait of 10 ms, then one after the other a start-up IPI, a
 * second one if needed, and a bounded wait. A core that does not come is put back into its INIT state, so that it
 * cannot come late onto the next core's stack, and is named by its APIC id. SDM volume 3, "Multiple-Processor (MP)
 * Initialization".
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
#define ARRIVAL_WAIT_US 1000000
#define ARRIVAL_POLL_US 100

__noreturn void secondary_main(struct percpu *cpu);

struct trampoline_words {
	u64 cr3, stack_top, percpu, entry;
};
extern const u8 trampoline_start[], trampoline_words[], trampoline_end[];

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

static const char *const no_memory = "no memory for its stack and tables";

/* NULL: it is up; otherwise why it is not. Its INIT was sent some time ago. */
static const char *start_core(struct percpu *cpu)
{
	u8 *trampoline = hpa_to_hva(HPA(TRAMPOLINE_BASE));
	struct trampoline_words words = { paging_root(), 0, (u64)cpu, (u64)secondary_main };
	void *stack = arch_stack_alloc();

	if (!stack)
		return no_memory;
	cpu->arch = desc_allocate();
	if (!cpu->arch) {
		arch_stack_free(stack);
		return no_memory;
	}
	words.stack_top = (u64)stack;
	memcpy(trampoline + (trampoline_words - trampoline_start), &words, sizeof(words));
	for (u32 try = 0; try < 2; try++) {
		lapic_icr(cpu->apic_id, APIC_ICR_STARTUP | APIC_ICR_ASSERT | TRAMPOLINE_BASE >> PAGE_SHIFT);
		if (arrived(cpu, try == 0 ? STARTUP_WAIT_US : ARRIVAL_WAIT_US))
			return NULL;
	}
	lapic_icr(cpu->apic_id, APIC_ICR_INIT | APIC_ICR_ASSERT | APIC_ICR_LEVEL);
	time_udelay(INIT_WAIT_US);
	if (__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
		return "it came too late";	/* its stack and tables stay with it */
	desc_free(cpu->arch);
	arch_stack_free(stack);
	return "it did not answer the start-up interrupt";
}

/* Where the other cores start must be RAM, and the page tables must lie where 32-bit code can name them. */
static bool place_trampoline(void)
{
	if (page_owner_of(HPA(TRAMPOLINE_BASE)) != PAGE_IMAGE || paging_root() >= GIB(4)) {
		log_error("smp", "the page at %#x is not RAM: the other cores cannot be started", TRAMPOLINE_BASE);
		return false;
	}
	memcpy(hpa_to_hva(HPA(TRAMPOLINE_BASE)), trampoline_start, (size_t)(trampoline_end - trampoline_start));
	paging_map_low_page(TRAMPOLINE_BASE);
	return true;
}

/* May the core at @index of the MADT's list be started? One that may not is named. */
static bool is_wanted(u32 index)
{
	u32 apic_id = acpi_info()->core_apic_ids[index];

	if (apic_id == ((struct percpu *)arch_this_cpu())->apic_id)
		return false;
	if (lapic_reaches(apic_id))
		return true;
	log_warn("smp", "core with APIC id %u is not used: it cannot be addressed without x2APIC", apic_id);
	return false;
}

static u32 start_all(void)
{
	const struct acpi_info *acpi = acpi_info();
	static bool wanted[MAX_CPUS];
	u32 up = 1;

	for (u32 i = 0; i < acpi->core_count; i++) {
		wanted[i] = is_wanted(i);
		if (wanted[i])
			lapic_icr(acpi->core_apic_ids[i], APIC_ICR_INIT | APIC_ICR_ASSERT | APIC_ICR_LEVEL);
	}
	time_udelay(INIT_WAIT_US);
	for (u32 i = 0; i < acpi->core_count; i++) {
		struct percpu *cpu;
		const char *why;

		if (!wanted[i])
			continue;
		if (up == MAX_CPUS) {
			log_warn("smp", "core with APIC id %u is not used: Cella takes %u cores",
				 acpi->core_apic_ids[i], MAX_CPUS);
			continue;
		}
		cpu = cpu_at(up);
		memset(cpu, 0, sizeof(*cpu));
		cpu->id = up;
		cpu->apic_id = acpi->core_apic_ids[i];
		cpu->package = cpu_package_of(cpu->apic_id);
		cpu->node = acpi->core_nodes[i];
		why = start_core(cpu);
		if (why) {
			log_error("smp", "core with APIC id %u is not used: %s", cpu->apic_id, why);
			continue;
		}
		cpu_set_count(++up);
	}
	return up;
}

u32 arch_smp_init(void)
{
	struct percpu *boot = arch_this_cpu();
	u32 up;

	boot->apic_id = lapic_id();
	boot->package = cpu_package_of(boot->apic_id);
	boot->node = acpi_node_of(boot->apic_id);
	boot->online = true;
	cpu_set_count(1);
	if (acpi_info()->core_count < 2 || !place_trampoline())
		return 1;
	up = start_all();
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
