/* SPDX-License-Identifier: BSD-2-Clause */
/* Which core is in which package, and how CPUID tells it. */
#ifndef TDXEMU_PLATFORM_TOPOLOGY_H
#define TDXEMU_PLATFORM_TOPOLOGY_H

#include "arch/x86/insn.h"
#include "tests/tdxemu/cpu.h"

/**
 * topology_split() - the cores in the table, in @packages packages; stops the machine if their APIC ids do not allow it
 * One package: a processor has at least one bit of APIC id. Several: each has the same power of two of APIC ids. Boot core.
 */
void topology_split(u32 packages);
/** topology_package() - number of @cpu's package */
u32 topology_package(const struct emu_cpu *cpu);
/** topology_core_thread_count() - MSR_CORE_THREAD_COUNT */
u64 topology_core_thread_count(void);
/** topology_level() - CPUID leaves 0xB and 0x1F: threads of a core, cores of a package */
struct cpuid_regs topology_level(const struct emu_cpu *cpu, u32 subleaf);
/** topology_change_cache() - CPUID leaf 4: what the package's cores share is the last level, and only that */
void topology_change_cache(struct cpuid_regs *regs);
/** topology_change_features() - CPUID leaf 1: APIC id and how many of them a package has */
void topology_change_features(const struct emu_cpu *cpu, struct cpuid_regs *regs);

#endif
