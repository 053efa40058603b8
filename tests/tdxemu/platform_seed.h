/* SPDX-License-Identifier: BSD-2-Clause */
/* Deviations of MSRs and CPUID from a sane TDX platform, by word of the command line (fault.h). */
#ifndef TDXEMU_PLATFORM_SEED_H
#define TDXEMU_PLATFORM_SEED_H

#include "arch/x86/insn.h"
#include "tests/tdxemu/cpu.h"
#include "tests/tdxemu/fault.h"

enum seed_cores {
	ALL_CORES,
	CORE_1,
	LAST_CORE,
};

enum seed_effect {
	SEED_BITS,	/* bits change */
	SEED_FAULTS,	/* the MSR does not exist */
};

struct seed_msr {
	enum platform_word word;
	u32 first, last;	/* MSRs, inclusive */
	u64 clear, set;	/* cleared first */
	enum seed_cores cores;
	enum seed_effect effect;
};

#define SEED_ANY_SUBLEAF 0xffffffffu

struct seed_cpuid {
	enum platform_word word;
	u32 leaf, subleaf;
	struct cpuid_regs clear, set;	/* cleared first */
	enum seed_cores cores;
};

/** platform_seed_prepare() - the words of fault.c take effect, and only they. Boot core */
void platform_seed_prepare(void);
/** platform_seed_add_msr(), platform_seed_add_cpuid() - one row more, until the next platform_seed_prepare() */
void platform_seed_add_msr(const struct seed_msr *row);
void platform_seed_add_cpuid(const struct seed_cpuid *row);

/** platform_seed_names_msr() - does any row in effect name @msr? */
bool platform_seed_names_msr(u32 msr);
/** platform_seed_msr() - change *@value; returns whether the MSR exists, as @exists says without any row */
bool platform_seed_msr(const struct emu_cpu *cpu, u32 msr, bool exists, u64 *value);
void platform_seed_cpuid(const struct emu_cpu *cpu, u32 leaf, u32 subleaf, struct cpuid_regs *regs);

#endif
