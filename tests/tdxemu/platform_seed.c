/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row per violated fact: which word asks for it, on which cores, which bits change. The rows of the words that were
 * given are kept in a list; it is walked for every read, after everything else.
 * Callers: platform_seed_prepare() and ..._add_...() boot core; the rest any core.
 * Facts: tdx-host-system.md 1.1 to 1.7; tests/system/seeds.py says what a host should make of each word.
 */
#include "tests/tdxemu/platform_seed.h"

#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/verdict.h"

#define MAX_ACTIVE 16
#define EVERYTHING (~0ull)
/* clang-format off */
#define KEYID_SPLIT(shared, private) ((u64)(private) << 32 | (shared))
#define TME_KEYID_BITS ((u64)TME_ACTIVATE_KEYID_BITS_MASK << TME_ACTIVATE_KEYID_BITS_SHIFT | \
			(u64)TME_ACTIVATE_KEYID_BITS_MASK << TME_ACTIVATE_TDX_KEYID_BITS_SHIFT)
#define TME_ALGORITHMS (0xfull << TME_ACTIVATE_AES_XTS_SHIFT)
#define TME_CAPABILITY_SIZES (0xfull << TME_CAPABILITY_KEYID_BITS_SHIFT | 0x7fffull << TME_CAPABILITY_KEYS_SHIFT)
#define TME_BYPASS_ENABLE BIT(31)

/* "keyids-beyond-bits": more than 6 bits can number. "too-many-keyids": 12 bits, and 2048 KeyIDs beside KeyID 0. */
#define BEYOND_SIX_BITS 96
#define MANY_KEYID_BITS 12
#define MANY_TDX_KEYID_BITS 8
#define MANY_SHARED 15
#define MANY_PRIVATE (2048 - MANY_SHARED)

#define SMRR_IN_CMR_BASE 0x100000	/* the first convertible megabyte */
#define SMRR_IN_CMR_MASK 0xfff00000ull
#define SMRR_HOLE 0x00800000ull	/* a mask bit missing in the middle */
#define FOREIGN_TSC_ADJUST 0x1000
#define ENERGY_HINT_BIT 23	/* CPUID.6:EAX, must be 0 */
#define FOREIGN_APIC_ID 0x10000	/* in a package far beyond the eighth */

/* CPUID leaf 0 spells the vendor in EBX, EDX, ECX: "  Shanghai  ", a vendor with VMX. */
#define OTHER_VENDOR { .ebx = 0x68532020, .edx = 0x68676e61, .ecx = 0x20206961 }
#define ALL_OF_VENDOR { .ebx = ~0u, .edx = ~0u, .ecx = ~0u }
#define NEEDS_XSAVE (CPUID_1_ECX_XSAVE | CPUID_1_ECX_OSXSAVE | CPUID_1_ECX_AVX | CPUID_1_ECX_FMA | CPUID_1_ECX_F16C)

#define MSR(word, msr, bits...) { PLATFORM_##word, msr, msr, bits }
#define NO_MSRS(word, first, last) { PLATFORM_##word, first, last, .effect = SEED_FAULTS }
#define CPUID(word, leaf, subleaf, bits...) { PLATFORM_##word, leaf, subleaf, bits }

static const struct seed_msr msr_rows[] = {
	NO_MSRS(NO_VMX, IA32_FEATURE_CONTROL, IA32_FEATURE_CONTROL),
	NO_MSRS(NO_VMX, IA32_VMX_BASIC, IA32_VMX_EXIT_CTLS2),
	MSR(VMX_LOCKED_OFF, IA32_FEATURE_CONTROL, .clear = FEATURE_CONTROL_VMX_IN_SMX | FEATURE_CONTROL_VMX_OUTSIDE_SMX,
	    .set = FEATURE_CONTROL_LOCKED),
	MSR(LP_VMX_LOCKED_OFF, IA32_FEATURE_CONTROL,
	    .clear = FEATURE_CONTROL_VMX_IN_SMX | FEATURE_CONTROL_VMX_OUTSIDE_SMX, .set = FEATURE_CONTROL_LOCKED,
	    .cores = CORE_1),
	NO_MSRS(NO_TME, IA32_TME_CAPABILITY, IA32_TME_EXCLUDE_BASE),
	MSR(TME_OFF, IA32_TME_ACTIVATE, .clear = TME_ACTIVATE_ENABLED | TME_KEYID_BITS | TME_ALGORITHMS),
	MSR(TME_OFF, IA32_MKTME_KEYID_PARTITIONING, .clear = EVERYTHING),
	MSR(TME_UNLOCKED, IA32_TME_ACTIVATE, .clear = TME_ACTIVATE_LOCKED),
	MSR(TME_MT_OFF, IA32_TME_ACTIVATE, .clear = TME_KEYID_BITS | TME_ALGORITHMS),
	MSR(TME_MT_OFF, IA32_MKTME_KEYID_PARTITIONING, .clear = EVERYTHING),
	MSR(NO_AES_XTS, IA32_TME_CAPABILITY, .clear = TME_AES_XTS_128 | TME_AES_XTS_256),
	MSR(NO_AES_XTS, IA32_TME_ACTIVATE, .clear = TME_ALGORITHMS),
	MSR(AES_XTS_NOT_ACTIVATED, IA32_TME_ACTIVATE, .clear = TME_ALGORITHMS),
	NO_MSRS(NO_KEYID_MSR, IA32_MKTME_KEYID_PARTITIONING, IA32_MKTME_KEYID_PARTITIONING),
	MSR(NO_TDX, IA32_MKTME_KEYID_PARTITIONING, .clear = EVERYTHING, .set = KEYID_SPLIT(63, 0)),
	MSR(NO_TDX, IA32_TME_ACTIVATE,
	    .clear = (u64)TME_ACTIVATE_KEYID_BITS_MASK << TME_ACTIVATE_TDX_KEYID_BITS_SHIFT),
	MSR(NO_TDX, IA32_SEAMRR_BASE, .clear = EVERYTHING),
	MSR(NO_TDX, IA32_SEAMRR_MASK, .clear = EVERYTHING, .set = SEAMRR_MASK_LOCKED),
	MSR(ONE_KEYID, IA32_MKTME_KEYID_PARTITIONING, .clear = EVERYTHING, .set = KEYID_SPLIT(15, 1)),
	MSR(KEYIDS_BEYOND_BITS, IA32_MKTME_KEYID_PARTITIONING, .clear = EVERYTHING,
	    .set = KEYID_SPLIT(15, BEYOND_SIX_BITS)),
	MSR(NO_SEAMRR_CAPABILITY, IA32_MTRRCAP, .clear = MTRRCAP_SEAMRR),
	MSR(NO_SEAMRR, IA32_SEAMRR_BASE, .clear = EVERYTHING),
	MSR(NO_SEAMRR, IA32_SEAMRR_MASK, .clear = EVERYTHING, .set = SEAMRR_MASK_LOCKED),
	MSR(SEAMRR_UNLOCKED, IA32_SEAMRR_MASK, .clear = SEAMRR_MASK_LOCKED),
	MSR(SEAMRR_INVALID, IA32_SEAMRR_MASK, .clear = SEAMRR_MASK_VALID),
	MSR(NO_SMRR, IA32_MTRRCAP, .clear = MTRRCAP_SMRR | MTRRCAP_SMRR_LOCK),
	MSR(NO_SMRR_LOCK, IA32_MTRRCAP, .clear = MTRRCAP_SMRR_LOCK),
	MSR(XAPIC_UNLOCKED, IA32_XAPIC_DISABLE_STATUS, .clear = XAPIC_DISABLED),
	MSR(LIMIT_CPUID, IA32_MISC_ENABLE, .set = MISC_ENABLE_LIMIT_CPUID),
	MSR(ARCH_CAPABILITIES, IA32_ARCH_CAPABILITIES, .clear = ARCH_CAPABILITIES_RDCL_NO),
	MSR(ENERGY_FILTERING, IA32_MISC_PACKAGE_CTLS, .clear = MISC_PACKAGE_ENERGY_FILTERING),
	MSR(PERF_CAPABILITIES, IA32_PERF_CAPABILITIES, .clear = PERF_CAPABILITIES_FULL_WIDTH_WRITE),
	MSR(TSX_CTRL, IA32_ARCH_CAPABILITIES, .set = ARCH_CAPABILITIES_TSX_CTRL),
	NO_MSRS(TSX_CTRL, IA32_TSX_CTRL, IA32_TSX_CTRL),
	MSR(WBNOINVDP, IA32_WBNOINVDP, .clear = EVERYTHING, .set = 1),
	MSR(VMX_BASIC, IA32_VMX_BASIC, .clear = VMX_BASIC_INS_OUTS_INFO),
	MSR(VMX_EPT, IA32_VMX_EPT_VPID_CAP, .clear = VMX_EPT_CAP_EXECUTE_ONLY),
	MSR(TOO_MANY_KEYIDS, IA32_TME_CAPABILITY, .clear = TME_CAPABILITY_SIZES,
	    .set = (u64)MANY_KEYID_BITS << TME_CAPABILITY_KEYID_BITS_SHIFT |
		   (u64)(MANY_SHARED + MANY_PRIVATE) << TME_CAPABILITY_KEYS_SHIFT),
	MSR(TOO_MANY_KEYIDS, IA32_TME_ACTIVATE, .clear = TME_KEYID_BITS,
	    .set = (u64)MANY_KEYID_BITS << TME_ACTIVATE_KEYID_BITS_SHIFT |
		   (u64)MANY_TDX_KEYID_BITS << TME_ACTIVATE_TDX_KEYID_BITS_SHIFT),
	MSR(TOO_MANY_KEYIDS, IA32_MKTME_KEYID_PARTITIONING, .clear = EVERYTHING,
	    .set = KEYID_SPLIT(MANY_SHARED, MANY_PRIVATE)),
	MSR(SMRR_UNLOCKED, IA32_SMRR_PHYSMASK, .clear = SMRR_MASK_LOCKED),
	MSR(SMRR_SIZE, IA32_SMRR_PHYSMASK, .clear = SMRR_HOLE),
	MSR(SMRR_IN_CMR, IA32_SMRR_PHYSBASE, .clear = SMRR_ADDRESS, .set = SMRR_IN_CMR_BASE),
	MSR(SMRR_IN_CMR, IA32_SMRR_PHYSMASK, .clear = SMRR_ADDRESS, .set = SMRR_IN_CMR_MASK),
	MSR(LP_TSC_ADJUST, IA32_TSC_ADJUST, .set = FOREIGN_TSC_ADJUST, .cores = LAST_CORE),
	MSR(LP_TME, IA32_TME_ACTIVATE, .set = TME_BYPASS_ENABLE, .cores = LAST_CORE),
};

static const struct seed_cpuid cpuid_rows[] = {
	CPUID(NO_VMX, CPUID_FEATURES, SEED_ANY_SUBLEAF, .clear.ecx = CPUID_1_ECX_VMX),
	CPUID(NOT_INTEL, CPUID_VENDOR, SEED_ANY_SUBLEAF, .clear = ALL_OF_VENDOR, .set = OTHER_VENDOR),
	CPUID(NO_MOVDIR64B, CPUID_EXTENDED, 0, .clear.ecx = CPUID_7_ECX_MOVDIR64B),
	CPUID(NO_SELF_SNOOP, CPUID_FEATURES, SEED_ANY_SUBLEAF, .clear.edx = CPUID_1_EDX_SELF_SNOOP),
	CPUID(NO_XSAVE, CPUID_FEATURES, SEED_ANY_SUBLEAF, .clear.ecx = NEEDS_XSAVE),
	CPUID(NO_TME, CPUID_EXTENDED, 0, .clear.ecx = CPUID_7_ECX_TME),
	CPUID(CPUID_VALUE, CPUID_THERMAL, SEED_ANY_SUBLEAF, .set.eax = 1u << ENERGY_HINT_BIT),
	CPUID(CPUID_1F, CPUID_TOPOLOGY_V2, 1, .clear.ecx = CPUID_TOPOLOGY_ECX_TYPE,
	      .set.ecx = CPUID_TOPOLOGY_THREAD << CPUID_TOPOLOGY_ECX_TYPE_SHIFT),
	CPUID(WBINVD_SCOPE, CPUID_CACHE, 3, .set.eax = CPUID_4_EAX_SHARING_MASK),
	CPUID(LP_CPUID, CPUID_MONITOR, SEED_ANY_SUBLEAF, .set.eax = 1u << 31, .cores = LAST_CORE),
	CPUID(LP_PACKAGE, CPUID_TOPOLOGY_V2, SEED_ANY_SUBLEAF, .set.edx = FOREIGN_APIC_ID, .cores = LAST_CORE),
};
/* clang-format on */

static struct {
	u32 msr_count, cpuid_count;
	const struct seed_msr *msrs[MAX_ACTIVE];
	const struct seed_cpuid *cpuids[MAX_ACTIVE];
} active;

void platform_seed_add_msr(const struct seed_msr *row)
{
	if (active.msr_count == MAX_ACTIVE)
		verdict_stop("command line: platform= changes more than %u MSR ranges", MAX_ACTIVE);
	active.msrs[active.msr_count++] = row;
}

void platform_seed_add_cpuid(const struct seed_cpuid *row)
{
	if (active.cpuid_count == MAX_ACTIVE)
		verdict_stop("command line: platform= changes more than %u CPUID leaves", MAX_ACTIVE);
	active.cpuids[active.cpuid_count++] = row;
}

void platform_seed_prepare(void)
{
	active.msr_count = active.cpuid_count = 0;
	for (u32 i = 0; i < ARRAY_SIZE(msr_rows); i++)
		if (fault_platform(msr_rows[i].word))
			platform_seed_add_msr(&msr_rows[i]);
	for (u32 i = 0; i < ARRAY_SIZE(cpuid_rows); i++)
		if (fault_platform(cpuid_rows[i].word))
			platform_seed_add_cpuid(&cpuid_rows[i]);
}

static bool concerns(enum seed_cores cores, const struct emu_cpu *cpu)
{
	switch (cores) {
	case CORE_1:
		return cpu->index == 1;
	case LAST_CORE:
		return cpu->index == emu_cpu_count() - 1;
	case ALL_CORES:
	default:
		return true;
	}
}

bool platform_seed_names_msr(u32 msr)
{
	for (u32 i = 0; i < active.msr_count; i++)
		if (msr >= active.msrs[i]->first && msr <= active.msrs[i]->last)
			return true;
	return false;
}

bool platform_seed_msr(const struct emu_cpu *cpu, u32 msr, bool exists, u64 *value)
{
	for (u32 i = 0; i < active.msr_count; i++) {
		const struct seed_msr *row = active.msrs[i];

		if (msr < row->first || msr > row->last || !concerns(row->cores, cpu))
			continue;
		exists = row->effect != SEED_FAULTS;
		*value = (*value & ~row->clear) | row->set;
	}
	return exists;
}

void platform_seed_cpuid(const struct emu_cpu *cpu, u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	for (u32 i = 0; i < active.cpuid_count; i++) {
		const struct seed_cpuid *row = active.cpuids[i];

		if (leaf != row->leaf || (row->subleaf != SEED_ANY_SUBLEAF && row->subleaf != subleaf) ||
		    !concerns(row->cores, cpu))
			continue;
		regs->eax = (regs->eax & ~row->clear.eax) | row->set.eax;
		regs->ebx = (regs->ebx & ~row->clear.ebx) | row->set.ebx;
		regs->ecx = (regs->ecx & ~row->clear.ecx) | row->set.ecx;
		regs->edx = (regs->edx & ~row->clear.edx) | row->set.edx;
	}
}
