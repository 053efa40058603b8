/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packages, cores and threads: CPUID leaves 1, 4, 0xB and 0x1F and MSR_CORE_THREAD_COUNT describe packages of equally many
 * cores, and a package is exactly what shares the last-level cache. APIC ids stay what they are: the package is an APIC id
 * shifted right.
 * Callers: platform.c. Facts: tdx-host-system.md 1.4.1; SDM volume 2A, "CPUID".
 */
#include "tests/tdxemu/platform_topology.h"

#include "include/spec/x86/cpuid.h"
#include "tests/tdxemu/verdict.h"

#define THREAD_SHIFT 0	/* x2APIC id above it: the core, which has one thread */
#define CORES_SHIFT 16	/* MSR_CORE_THREAD_COUNT: threads in 15:0, cores above */

static struct {
	u32 package_shift;	/* x2APIC id above it: the package */
	u32 cores_in_package;
} topology;

static u32 highest_apic_id(void)
{
	u32 highest = 0;

	for (u32 i = 0; i < emu_cpu_count(); i++)
		highest = MAX(highest, emu_cpu_at(i)->apic_id);
	return highest;
}

/* Bits that hold the numbers below @count. */
static u32 bits_for(u32 count)
{
	u32 bits = 0;

	while (1u << bits < count)
		bits++;
	return bits;
}

void topology_split(u32 packages)
{
	u32 ids = highest_apic_id() + 1;
	u32 share = ids / packages;

	if (packages == 1) {
		topology.package_shift = MAX(bits_for(ids), 1u);
		topology.cores_in_package = emu_cpu_count();
		return;
	}
	if (ids != emu_cpu_count() || ids % packages != 0 || (share & (share - 1)) != 0)
		verdict_stop("packages=%u: %u cores with APIC ids up to %u cannot be split so that an APIC id shifted "
			     "right is the package; each package needs the same power of two of them",
			     packages, emu_cpu_count(), ids - 1);
	topology.package_shift = bits_for(share);
	topology.cores_in_package = share;
}

u32 topology_package(const struct emu_cpu *cpu)
{
	return cpu->apic_id >> topology.package_shift;
}

u64 topology_core_thread_count(void)
{
	return topology.cores_in_package | (u64)(topology.cores_in_package >> THREAD_SHIFT) << CORES_SHIFT;
}

struct cpuid_regs topology_level(const struct emu_cpu *cpu, u32 subleaf)
{
	static const u32 types[] = { CPUID_TOPOLOGY_THREAD, CPUID_TOPOLOGY_CORE };
	struct cpuid_regs regs = { .ecx = subleaf & CPUID_TOPOLOGY_ECX_LEVEL, .edx = cpu->apic_id };

	if (subleaf >= ARRAY_SIZE(types))
		return regs;
	regs.ecx |= types[subleaf] << CPUID_TOPOLOGY_ECX_TYPE_SHIFT;
	regs.eax = subleaf == 0 ? THREAD_SHIFT : topology.package_shift;
	regs.ebx = subleaf == 0 ? 1u << THREAD_SHIFT : topology.cores_in_package;
	return regs;
}

static u32 put_field(u32 reg, u32 mask, u32 shift, u32 value)
{
	return (reg & ~mask) | ((value << shift) & mask);
}

void topology_change_cache(struct cpuid_regs *regs)
{
	u32 level = (regs->eax >> CPUID_4_EAX_LEVEL_SHIFT) & CPUID_4_EAX_LEVEL_MASK;
	u32 ids = 1u << topology.package_shift;

	if ((regs->eax & CPUID_4_EAX_TYPE_MASK) == 0)
		return;
	regs->eax = put_field(regs->eax, CPUID_4_EAX_CORES_MASK, CPUID_4_EAX_CORES_SHIFT,
			      (ids >> THREAD_SHIFT) - 1);
	if (level >= CPUID_4_LEVEL_L3)
		regs->eax = put_field(regs->eax, CPUID_4_EAX_SHARING_MASK, CPUID_4_EAX_SHARING_SHIFT, ids - 1);
	else
		regs->eax = put_field(regs->eax, CPUID_4_EAX_SHARING_MASK, CPUID_4_EAX_SHARING_SHIFT,
				      (1u << THREAD_SHIFT) - 1);
}

void topology_change_features(const struct emu_cpu *cpu, struct cpuid_regs *regs)
{
	u32 ids = 1u << topology.package_shift;

	regs->ebx = put_field(regs->ebx, CPUID_1_EBX_IDS_MASK, CPUID_1_EBX_IDS_SHIFT, ids);
	regs->ebx = put_field(regs->ebx, CPUID_1_EBX_APIC_ID_MASK, CPUID_1_EBX_APIC_ID_SHIFT, cpu->apic_id);
	regs->edx |= CPUID_1_EDX_HTT;
}
