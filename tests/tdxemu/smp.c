/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cores: the MADT read by a reader of its own, local APIC access, start of all cores, NMIs between them.
 *
 * An NMI that arrives in root is remembered in nmi_pending and given to the host at its next entry. The handler also
 * asks for an NMI-window exit in the host's VMCS, because it may interrupt the last instructions before VM entry, where
 * nobody looks at nmi_pending any more.
 * Callers: smp_init, smp_start_others boot core; the rest any core.
 * Manual: SDM volume 3, "Multiple-Processor Initialization"; ACPI, "Multiple APIC Description Table".
 */
#include "tests/tdxemu/smp.h"

#include "arch/x86/insn.h"
#include "include/spec/acpi.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/acpi.h"
#include "tests/tdxemu/clock.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define STACK_PAGES 8
#define START_WAIT_US 10000
#define START_SECOND_SIPI_US 200
#define START_POLLS 2000	/* of 1 ms */

static struct {
	u32 count;
	struct emu_cpu cpus[EMU_MAX_CPUS];
	bool nmi_pending[EMU_MAX_CPUS];	/* atomic */
	bool stopping;	/* atomic: an NMI means halt */
} smp;

extern u8 trampoline_start[], trampoline_end[];
extern struct emu_cpu *trampoline_cpu;
extern u64 trampoline_stack;

u32 emu_cpu_count(void)
{
	return smp.count;
}

struct emu_cpu *emu_cpu_at(u32 index)
{
	return &smp.cpus[index];
}

/* ---- local APIC ---- */

static bool in_x2apic_mode(void)
{
	return (rdmsr(IA32_APIC_BASE) & APIC_BASE_X2APIC) != 0;
}

static volatile u32 *xapic_register(u32 offset)
{
	return phys((rdmsr(IA32_APIC_BASE) & APIC_BASE_ADDRESS_MASK) + offset);
}

void smp_enable_x2apic(void)
{
	u64 base = rdmsr(IA32_APIC_BASE);

	if ((cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_X2APIC) == 0)
		return;
	if ((base & APIC_BASE_ENABLE) == 0)
		wrmsr(IA32_APIC_BASE, base | APIC_BASE_ENABLE);
	wrmsr(IA32_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

static u32 own_apic_id(void)
{
	if (in_x2apic_mode())
		return (u32)rdmsr(X2APIC_MSR(APIC_ID));
	return *xapic_register(APIC_ID) >> APIC_XAPIC_DESTINATION_SHIFT;
}

static void send_ipi(u32 apic_id, u32 command)
{
	if (in_x2apic_mode()) {
		wrmsr(X2APIC_MSR(APIC_ICR_LOW), (u64)apic_id << 32 | command);
		return;
	}
	*xapic_register(APIC_ICR_HIGH) = apic_id << APIC_XAPIC_DESTINATION_SHIFT;
	*xapic_register(APIC_ICR_LOW) = command;
	while (*xapic_register(APIC_ICR_LOW) & APIC_ICR_PENDING)
		__builtin_ia32_pause();
}

/* ---- cores of the machine ---- */

static void add_core(u32 apic_id)
{
	if (apic_id == smp.cpus[0].apic_id)
		return;
	if (smp.count == EMU_MAX_CPUS)
		verdict_stop("the machine has more than %u cores", EMU_MAX_CPUS);
	smp.cpus[smp.count] = (struct emu_cpu){ .index = smp.count, .apic_id = apic_id };
	smp.count++;
}

static void read_madt(const struct acpi_header *madt)
{
	const u8 *entry = (const u8 *)madt + sizeof(struct acpi_madt);
	const u8 *end = (const u8 *)madt + madt->length;

	while (end - entry >= 2) {
		u8 type = entry[0];
		u8 length = entry[1];

		if (length < 2 || length > end - entry)
			verdict_stop("ACPI MADT: an entry of type %u has length %u", type, length);
		if (type == ACPI_MADT_LAPIC && length >= sizeof(struct acpi_madt_lapic)) {
			const struct acpi_madt_lapic *lapic = (const void *)entry;

			if (lapic->flags & ACPI_MADT_ENABLED)
				add_core(lapic->apic_id);
		} else if (type == ACPI_MADT_X2APIC && length >= sizeof(struct acpi_madt_x2apic)) {
			const struct acpi_madt_x2apic *x2apic = (const void *)entry;

			if (x2apic->flags & ACPI_MADT_ENABLED)
				add_core(x2apic->x2apic_id);
		}
		entry += length;
	}
}

void smp_init(const void *rsdp)
{
	const struct acpi_header *madt = acpi_find(rsdp, "APIC");

	smp.count = 1;
	smp.cpus[0] = (struct emu_cpu){ .apic_id = own_apic_id() };
	if (madt == NULL)
		verdict_note("no ACPI MADT: one core");
	else
		read_madt(madt);
}

static bool start_core(struct emu_cpu *cpu)
{
	trampoline_cpu = cpu;
	trampoline_stack = (u64)emu_pages(STACK_PAGES) + STACK_PAGES * PAGE_SIZE;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	send_ipi(cpu->apic_id, APIC_ICR_INIT | APIC_ICR_ASSERT);
	clock_wait_us(START_WAIT_US);
	for (u32 attempt = 0; attempt < 2; attempt++) {
		send_ipi(cpu->apic_id, APIC_ICR_STARTUP | APIC_ICR_ASSERT | SMP_TRAMPOLINE >> PAGE_SHIFT);
		clock_wait_us(START_SECOND_SIPI_US);
		if (__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
			return true;
	}
	for (u32 i = 0; i < START_POLLS; i++) {
		if (__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
			return true;
		clock_wait_us(1000);
	}
	return false;
}

void smp_start_others(void)
{
	size_t bytes = (size_t)(trampoline_end - trampoline_start);
	u8 *borrowed;

	if (smp.count == 1)
		return;
	if (!memory_is_ram(SMP_TRAMPOLINE, PAGE_SIZE))
		verdict_stop("no RAM at 0x%x for starting other cores", SMP_TRAMPOLINE);
	borrowed = emu_pages(1);
	memcpy(borrowed, phys(SMP_TRAMPOLINE), PAGE_SIZE);
	memcpy(phys(SMP_TRAMPOLINE), trampoline_start, bytes);
	for (u32 i = 1; i < smp.count; i++)
		if (!start_core(&smp.cpus[i]))
			verdict_stop("core %u (APIC id %u) does not start", i, smp.cpus[i].apic_id);
	memcpy(phys(SMP_TRAMPOLINE), borrowed, PAGE_SIZE);
	/* The last core set its flag a few instructions before it entered wait-for-SIPI. */
	clock_wait_us(1000);
}

/* ---- NMIs ---- */

void smp_stop_others(void)
{
	__atomic_store_n(&smp.stopping, true, __ATOMIC_SEQ_CST);
	if (smp.count == 0)
		return;
	for (u32 i = 0; i < smp.count; i++)
		if (smp.cpus[i].apic_id != own_apic_id() && smp.cpus[i].online)
			send_ipi(smp.cpus[i].apic_id, APIC_ICR_NMI | APIC_ICR_ASSERT);
}

void smp_nmi_arrived(struct emu_cpu *cpu)
{
	if (__atomic_load_n(&smp.stopping, __ATOMIC_SEQ_CST))
		for (;;)
			hlt();
	__atomic_store_n(&smp.nmi_pending[cpu->index], true, __ATOMIC_SEQ_CST);
	if (cpu->host_vmcs_launched && vmx_current() == cpu->host_vmcs_hpa)
		vmwrite(VMCS_PROCBASED_CONTROLS, vmread(VMCS_PROCBASED_CONTROLS) | VMX_PROC_NMI_WINDOW_EXITING);
}

bool smp_nmi_pending(const struct emu_cpu *cpu)
{
	return __atomic_load_n(&smp.nmi_pending[cpu->index], __ATOMIC_SEQ_CST);
}

bool smp_nmi_take(struct emu_cpu *cpu)
{
	return __atomic_exchange_n(&smp.nmi_pending[cpu->index], false, __ATOMIC_SEQ_CST);
}
