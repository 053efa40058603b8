/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the TDX module demands of a CPU: the tables its initialisation checks, and the same tables applied to a value, so
 * that the CPU below can be taken for one that satisfies them.
 */
#ifndef TDXEMU_PLATFORM_DEMAND_H
#define TDXEMU_PLATFORM_DEMAND_H

#include "arch/x86/insn.h"
#include "include/cella/types.h"

/* IA32_ARCH_CAPABILITIES. */
#define ARCH_CAPABILITIES_DEMANDED 0x20fd6bull	/* bits 0, 1, 3, 5, 6, 8, 10 to 15, 21 */
#define ARCH_CAPABILITIES_FORBIDDEN BIT(2)

struct demand_msr {
	u32 msr;
	u64 ones, zeros;	/* bits that must be 1, must be 0 */
	u8 shift, bits;	/* a number in the MSR, none if @bits is 0 */
	u16 least, most;
};

struct demand_cpuid {
	u32 leaf, subleaf;	/* TD_CPUID_NO_SUBLEAF: none */
	struct cpuid_regs mask, value;	/* bits that must have a value */
	struct cpuid_regs same;	/* bits that must be equal on all LPs */
};

/** demand_vmx(), demand_vmx_l2() - the VMX capability MSRs in the order of the checks, for L1 and in addition for L2 */
const struct demand_msr *demand_vmx(u32 *count);
const struct demand_msr *demand_vmx_l2(u32 *count);
/** demand_perf_capabilities() - the one row that is not VMX and that the CPU below may miss */
const struct demand_msr *demand_perf_capabilities(void);
bool demand_met(const struct demand_msr *demand, u64 value);

#define DEMAND_CPUID_MAX 64
/** demand_cpuid() - all leaves in the order of the checks, at most DEMAND_CPUID_MAX */
const struct demand_cpuid *demand_cpuid(u32 *count);
bool demand_cpuid_met(const struct demand_cpuid *demand, const struct cpuid_regs *regs);

/** demand_assume_msr() - make *@value of @msr one that is accepted; false: no table names @msr */
bool demand_assume_msr(u32 msr, u64 *value);
void demand_assume_cpuid(u32 leaf, u32 subleaf, struct cpuid_regs *regs);

/* Rules beyond masks. */
#define DEMAND_MAX_LEAF 0x1f
#define DEMAND_MAX_EXTENDED_LEAF 0x80000008u
#define DEMAND_PERFMON_VERSION 5
#define DEMAND_FIXED_COUNTERS 7	/* at most */
#define DEMAND_LA57_BITS 57
#define DEMAND_LA48_BITS 48

#endif
