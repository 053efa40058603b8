/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See cpu.h. A machine that cannot run Cella at all is refused by the name of what it lacks; everything else is used
 * where it is present. Also here: the small functions of include/cella/arch.h that are one instruction each.
 */
#include "arch/x86/cpu.h"

#include "arch/x86/desc.h"
#include "arch/x86/extable.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

#define DEFAULT_PHYSICAL_BITS 36
#define RANDOM_TRIES 10
#define CORE_LEVEL_LIMIT 6	/* topology levels that CPUID can name */

static struct cpu_features features;

const struct cpu_features *cpu_features(void)
{
	return &features;
}

static u32 usable_physical_bits(void)
{
	u32 bits = DEFAULT_PHYSICAL_BITS;
	u64 tme;

	if (cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_EXT_ADDRESS)
		bits = cpuid(CPUID_EXT_ADDRESS, 0).eax & CPUID_EXT_ADDRESS_PA_MASK;
	if (rdmsr_safe(IA32_TME_ACTIVATE, &tme) && (tme & TME_ACTIVATE_LOCKED) && (tme & TME_ACTIVATE_ENABLED))
		bits -= (u32)(tme >> TME_ACTIVATE_KEYID_BITS_SHIFT) & TME_ACTIVATE_KEYID_BITS_MASK;
	return bits;
}

static void find_features(void)
{
	struct cpuid_regs vendor = cpuid(CPUID_VENDOR, 0);
	struct cpuid_regs basic = cpuid(CPUID_FEATURES, 0);
	struct cpuid_regs extended = { 0 };
	struct cpuid_regs amd = { 0 };

	memcpy(features.vendor, &vendor.ebx, 4);
	memcpy(features.vendor + 4, &vendor.edx, 4);
	memcpy(features.vendor + 8, &vendor.ecx, 4);
	if (vendor.eax >= CPUID_EXTENDED)
		extended = cpuid(CPUID_EXTENDED, 0);
	if (cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_EXT_FEATURES)
		amd = cpuid(CPUID_EXT_FEATURES, 0);
	if (cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_EXT_POWER)
		features.invariant_tsc = cpuid(CPUID_EXT_POWER, 0).edx & CPUID_EXT_EDX_INVARIANT_TSC;
	features.family_model_stepping = basic.eax;
	features.x2apic = basic.ecx & CPUID_1_ECX_X2APIC;
	features.tsc_deadline = basic.ecx & CPUID_1_ECX_TSC_DEADLINE;
	features.xsave = basic.ecx & CPUID_1_ECX_XSAVE;
	features.rdrand = basic.ecx & CPUID_1_ECX_RDRAND;
	features.vmx = basic.ecx & CPUID_1_ECX_VMX;
	features.rdseed = extended.ebx & CPUID_7_EBX_RDSEED;
	features.smep = extended.ebx & CPUID_7_EBX_SMEP;
	features.smap = extended.ebx & CPUID_7_EBX_SMAP;
	features.umip = extended.ecx & CPUID_7_ECX_UMIP;
	features.movdir64b = extended.ecx & CPUID_7_ECX_MOVDIR64B;
	features.pages_1g = amd.edx & CPUID_EXT_EDX_1G_PAGES;
	panic_if(!(amd.edx & CPUID_EXT_EDX_NX), "this processor has no execute-disable bit (NX), which Cella needs");
	panic_if(!(basic.edx & CPUID_1_EDX_APIC), "this processor has no local APIC, which Cella needs");
	panic_if(!(basic.edx & CPUID_1_EDX_PAT), "this processor has no page attribute table (PAT), which Cella needs");
	features.physical_bits = usable_physical_bits();
}

/* From scratch: what firmware left on (CET, protection keys, PCIDs) would be half set up here. */
void cpu_enable_features(void)
{
	u64 cr4 = CR4_PAE | CR4_PGE | CR4_DE | CR4_MCE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (features.smep)
		cr4 |= CR4_SMEP;
	if (features.smap)
		cr4 |= CR4_SMAP;
	if (features.umip)
		cr4 |= CR4_UMIP;
	if (features.xsave)
		cr4 |= CR4_OSXSAVE;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	write_cr0((read_cr0() | CR0_WP | CR0_NE) & ~(u64)(CR0_CD | CR0_NW | CR0_EM | CR0_TS));
	write_cr4(cr4);
	wrmsr(IA32_PAT, PAT_RESET);
}

/* The topology leaf whose last level's shift separates packages. */
u32 cpu_package_of(u32 apic_id)
{
	u32 max = cpuid(CPUID_VENDOR, 0).eax;
	u32 leaf = CPUID_TOPOLOGY_V2;
	u32 shift = 0;

	if (max < CPUID_TOPOLOGY_V2 || !(cpuid(CPUID_TOPOLOGY_V2, 0).ecx & CPUID_TOPOLOGY_ECX_TYPE))
		leaf = CPUID_TOPOLOGY;
	if (max < leaf || !(cpuid(leaf, 0).ecx & CPUID_TOPOLOGY_ECX_TYPE))
		return 0;	/* no topology: one package */
	for (u32 level = 0; level < CORE_LEVEL_LIMIT; level++) {
		struct cpuid_regs regs = cpuid(leaf, level);

		if (!(regs.ecx & CPUID_TOPOLOGY_ECX_TYPE))
			break;
		shift = regs.eax & CPUID_TOPOLOGY_EAX_SHIFT;
	}
	return shift >= 32 ? 0 : apic_id >> shift;
}

/* From CPUID, before the local APIC is set up. */
static u32 own_apic_id(void)
{
	u32 max = cpuid(CPUID_VENDOR, 0).eax;

	if (max >= CPUID_TOPOLOGY && (cpuid(CPUID_TOPOLOGY, 0).ecx & CPUID_TOPOLOGY_ECX_TYPE))
		return cpuid(CPUID_TOPOLOGY, 0).edx;
	return cpuid(CPUID_FEATURES, 0).ebx >> CPUID_1_EBX_APIC_ID_SHIFT;
}

void arch_cpu_init(struct percpu *cpu)
{
	find_features();
	cpu->apic_id = own_apic_id();
	cpu->package = cpu_package_of(cpu->apic_id);
	desc_load(cpu);
	cpu_enable_features();
	log_info("cpu", "%s %08x, %u address bits%s%s%s", features.vendor, features.family_model_stepping,
		 features.physical_bits, features.x2apic ? ", x2APIC" : ", xAPIC only", features.vmx ? ", VMX" : "",
		 features.movdir64b ? ", MOVDIR64B" : "");
}

struct percpu *arch_this_cpu(void)
{
	return read_gs_pointer();
}

u64 arch_irq_save(void)
{
	u64 flags = read_flags();

	cli();
	return flags;
}

void arch_irq_restore(u64 saved)
{
	if (saved & RFLAGS_IF)
		sti();
}

bool arch_irqs_enabled(void)
{
	return read_flags() & RFLAGS_IF;
}

void arch_irq_enable(void)
{
	sti();
}

void arch_irq_disable(void)
{
	cli();
}

void arch_cpu_relax(void)
{
	pause();
}

void arch_cpu_idle(void)
{
	sti_hlt();
	cli();
}

__noreturn void arch_cpu_stop(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

bool arch_random(u64 *value)
{
	for (u32 try = 0; try < RANDOM_TRIES; try++) {
		if (features.rdseed && rdseed(value))
			return true;
		if (features.rdrand && rdrand(value))
			return true;
		pause();
	}
	*value = 0;
	return false;
}

void arch_cache_writeback_invalidate(void)
{
	wbinvd();
}
