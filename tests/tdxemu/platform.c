/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TDX server on top of the CPU below.
 *
 * A value is built in this order: the CPU's own (or a constant of the platform), the bits the platform adds, for the
 * module what Intel demands of every CPU with SEAM, and last the deviations that were asked for.
 *
 * CPUID: MAXPHYADDR includes the KeyID bits; the TSC leaf tells the measured frequency as a multiple of 25 MHz (a model's
 * fixed answer may be wrong); packages are platform_topology.c. Firmware's SMRAM is the one below 1 MiB, which is in no
 * CMR.
 *
 * Callers: see platform.h. Facts: tdx-host-system.md 1.2 to 1.7; SDM volume 4 and volume 2A, "CPUID".
 */
#include "tests/tdxemu/platform.h"

#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/clock.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/options.h"
#include "tests/tdxemu/platform_demand.h"
#include "tests/tdxemu/platform_seed.h"
#include "tests/tdxemu/platform_topology.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

/* clang-format off */
/* Of the KeyID bits the upper ones are reserved for TDX: 2^(6-2) = 16 shared KeyIDs. */
#define TDX_KEYID_BITS 2
#define TME_CAPABILITY (TME_AES_XTS_128 | (u64)PLATFORM_KEYID_BITS << TME_CAPABILITY_KEYID_BITS_SHIFT | \
			(u64)(PLATFORM_KEYIDS - 1) << TME_CAPABILITY_KEYS_SHIFT)
#define TME_ACTIVATE (TME_ACTIVATE_LOCKED | TME_ACTIVATE_ENABLED | \
		      (u64)PLATFORM_KEYID_BITS << TME_ACTIVATE_KEYID_BITS_SHIFT | \
		      (u64)TDX_KEYID_BITS << TME_ACTIVATE_TDX_KEYID_BITS_SHIFT | \
		      (u64)TME_AES_XTS_128 << TME_ACTIVATE_AES_XTS_SHIFT)
#define SEAMRR_MASK (((BIT(PLATFORM_MAXPA) - 1) & ~(u64)(EMU_BYTES - 1)) | SEAMRR_MASK_LOCKED | SEAMRR_MASK_VALID)
/* clang-format on */

#define SMRAM_BASE 0xa0000ull
#define SMRAM_MASK 0xfffe0000ull	/* 128 KiB */
#define SMRR_TYPE_WRITE_BACK 6
#define CACHE_SUB_BLOCKS 8	/* steps of IA32_WBINVDP */
#define CRYSTAL_RATIO_DENOMINATOR 1

enum msr_base {
	BASE_NATIVE,	/* the CPU's value, 0 if it lacks the MSR */
	BASE_PLATFORM,	/* nothing of the CPU */
};

enum msr_access {
	HOST_READS,
	SEAM_ONLY,	/* #GP outside SEAM mode */
};

struct msr_row {
	u32 msr;
	enum msr_base base;
	enum msr_access access;
	u64 set, clear;
	u64 (*more)(void);	/* further bits, found when read; may be NULL */
};

/* Owning core: firmware's work does not change while the host runs, and every SEAMCALL asks. */
static enum seam_state {
	SEAM_UNKNOWN,
	SEAM_OFF,
	SEAM_ON,
} seam_states[EMU_MAX_CPUS];

/* ---- MSRs ---- */

static u64 native_msr(u32 msr)
{
	u64 value;

	return msr_read_safe(msr, &value) ? value : 0;
}

static u64 xapic_disabled(void)
{
	return native_msr(IA32_APIC_BASE) & APIC_BASE_X2APIC ? XAPIC_DISABLED : 0;
}

/* clang-format off */
static const struct msr_row msr_rows[] = {
	{ IA32_APIC_BASE, BASE_NATIVE, HOST_READS, .set = 0 },
	{ MSR_CORE_THREAD_COUNT, BASE_PLATFORM, HOST_READS, .more = topology_core_thread_count },
	{ IA32_FEATURE_CONTROL, BASE_NATIVE, HOST_READS, .set = 0 },
	{ IA32_MKTME_KEYID_PARTITIONING, BASE_PLATFORM, HOST_READS,
	  .set = (u64)PLATFORM_TDX_KEYIDS << 32 | PLATFORM_MKTME_KEYIDS },
	{ IA32_WBINVDP, BASE_PLATFORM, SEAM_ONLY, .set = CACHE_SUB_BLOCKS },
	{ IA32_WBNOINVDP, BASE_PLATFORM, SEAM_ONLY, .set = CACHE_SUB_BLOCKS },
	{ IA32_INTR_PENDING, BASE_PLATFORM, SEAM_ONLY, .set = 0 },
	{ IA32_MISC_PACKAGE_CTLS, BASE_PLATFORM, HOST_READS, .set = MISC_PACKAGE_ENERGY_FILTERING },
	{ IA32_XAPIC_DISABLE_STATUS, BASE_PLATFORM, HOST_READS, .more = xapic_disabled },
	{ IA32_CORE_CAPABILITIES, BASE_NATIVE, HOST_READS, .set = 0 },
	{ IA32_MTRRCAP, BASE_NATIVE, HOST_READS, .set = MTRRCAP_SMRR | MTRRCAP_SMRR_LOCK | MTRRCAP_SEAMRR,
	  .clear = MTRRCAP_SMRR2 },
	{ IA32_ARCH_CAPABILITIES, BASE_NATIVE, HOST_READS, .set = ARCH_CAPABILITIES_DEMANDED,
	  .clear = ARCH_CAPABILITIES_FORBIDDEN },
	{ IA32_SMRR_PHYSBASE, BASE_PLATFORM, HOST_READS, .set = SMRAM_BASE | SMRR_TYPE_WRITE_BACK },
	{ IA32_SMRR_PHYSMASK, BASE_PLATFORM, HOST_READS, .set = SMRAM_MASK | SMRR_MASK_LOCKED | SMRR_MASK_VALID },
	{ IA32_VMX_BASIC, BASE_NATIVE, HOST_READS, .set = VMX_BASIC_SEAM },
	{ IA32_SGX_DEBUG_MODE, BASE_PLATFORM, HOST_READS, .set = 0 },
	{ IA32_TME_CAPABILITY, BASE_PLATFORM, HOST_READS, .set = TME_CAPABILITY },
	{ IA32_TME_ACTIVATE, BASE_PLATFORM, HOST_READS, .set = TME_ACTIVATE },
	{ IA32_TME_EXCLUDE_MASK, BASE_PLATFORM, HOST_READS, .set = 0 },
	{ IA32_TME_EXCLUDE_BASE, BASE_PLATFORM, HOST_READS, .set = 0 },
	{ IA32_SEAMRR_BASE, BASE_PLATFORM, HOST_READS, .set = EMU_BASE | SEAMRR_BASE_CONFIGURED },
	{ IA32_SEAMRR_MASK, BASE_PLATFORM, HOST_READS, .set = SEAMRR_MASK },
	{ IA32_SEAMEXTEND, BASE_PLATFORM, SEAM_ONLY, .set = 0 },
};
/* clang-format on */

static const struct msr_row *find_row(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(msr_rows); i++)
		if (msr_rows[i].msr == msr)
			return &msr_rows[i];
	return NULL;
}

bool platform_msr_exits(u32 msr)
{
	return find_row(msr) != NULL || platform_seed_names_msr(msr);
}

bool platform_msr(const struct emu_cpu *cpu, u32 msr, enum platform_viewer viewer, u64 *value)
{
	const struct msr_row *row = find_row(msr);
	bool exists = true;

	*value = 0;
	if (row != NULL && row->access == SEAM_ONLY && viewer == PLATFORM_HOST)
		return false;
	if (row == NULL || row->base == BASE_NATIVE)
		exists = msr_read_safe(msr, value);
	if (row != NULL) {
		exists = true;
		*value = (*value & ~row->clear) | row->set | (row->more != NULL ? row->more() : 0);
	}
	if (viewer == PLATFORM_MODULE)
		exists = demand_assume_msr(msr, value) || exists;
	return platform_seed_msr(cpu, msr, exists, value);
}

/* Once on, energy filtering stays on: attempts to clear it are ignored until reset. */
static bool write_misc_package_ctls(u64 value)
{
	return (value & ~MISC_PACKAGE_ENERGY_FILTERING) == 0;
}

/* Firmware locked the platform into x2APIC mode: leaving it is #GP. */
static bool write_apic_base(const struct emu_cpu *cpu, u64 value)
{
	u64 disabled;

	if (platform_msr(cpu, IA32_XAPIC_DISABLE_STATUS, PLATFORM_HOST, &disabled) &&
	    (disabled & XAPIC_DISABLED) != 0 && (value & APIC_BASE_X2APIC) == 0)
		return false;
	return msr_write_safe(IA32_APIC_BASE, value);
}

bool platform_msr_write(const struct emu_cpu *cpu, u32 msr, u64 value)
{
	u64 ignored = 0;

	if (!platform_seed_msr(cpu, msr, true, &ignored))
		return false;
	if (find_row(msr) == NULL)
		return msr_write_safe(msr, value);
	if (msr == IA32_APIC_BASE)
		return write_apic_base(cpu, value);
	return msr == IA32_MISC_PACKAGE_CTLS && write_misc_package_ctls(value);
}

/* ---- CPUID ---- */

static void change_leaf(const struct emu_cpu *cpu, u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	switch (leaf) {
	case CPUID_FEATURES:
		topology_change_features(cpu, regs);
		break;
	case CPUID_CACHE:
		topology_change_cache(regs);
		break;
	case CPUID_EXTENDED:
		if (subleaf != 0)
			break;
		regs->ecx |= CPUID_7_ECX_TME;
		regs->edx |= CPUID_7_EDX_ARCH_CAPABILITIES;
		break;
	case CPUID_TOPOLOGY:
	case CPUID_TOPOLOGY_V2:
		*regs = topology_level(cpu, subleaf);
		break;
	case CPUID_TSC:
		*regs = (struct cpuid_regs){ .eax = CRYSTAL_RATIO_DENOMINATOR,
					     .ebx = clock_crystal_multiple(),
					     .ecx = CLOCK_CRYSTAL_HZ };
		break;
	case CPUID_FREQUENCY:
		*regs = (struct cpuid_regs){ 0 };
		break;
	case CPUID_EXT_ADDRESS:
		regs->eax = (regs->eax & ~(u32)CPUID_EXT_ADDRESS_PA_MASK) | PLATFORM_MAXPA;
		break;
	default:
		break;
	}
}

/* The module takes a leaf above the reported maximum as all zero. */
static struct cpuid_regs read_native(u32 leaf, u32 subleaf, enum platform_viewer viewer)
{
	struct cpuid_regs none = { 0 };

	if (viewer == PLATFORM_MODULE && leaf > platform_native_cpuid(leaf & CPUID_EXT_MAX, 0).eax)
		return none;
	return platform_native_cpuid(leaf, subleaf);
}

struct cpuid_regs platform_cpuid(const struct emu_cpu *cpu, u32 leaf, u32 subleaf, enum platform_viewer viewer)
{
	struct cpuid_regs regs = read_native(leaf, subleaf, viewer);

	change_leaf(cpu, leaf, subleaf, &regs);
	if (viewer == PLATFORM_MODULE)
		demand_assume_cpuid(leaf, subleaf, &regs);
	platform_seed_cpuid(cpu, leaf, subleaf, &regs);
	return regs;
}

u64 platform_tsc_hz(void)
{
	return (u64)clock_crystal_multiple() * CLOCK_CRYSTAL_HZ;
}

void platform_prepare(const char *cmdline)
{
	char value[OPTION_BYTES];
	u64 packages = 1;

	if (option_value(cmdline, "packages", value) &&
	    (!option_number(value, &packages) || packages == 0 || packages > MODULE_MAX_PACKAGES))
		verdict_stop("command line: packages=%s is not a number from 1 to %u", value, MODULE_MAX_PACKAGES);
	topology_split((u32)packages);
	for (u32 i = 0; i < emu_cpu_count(); i++) {
		emu_cpu_at(i)->package = topology_package(emu_cpu_at(i));
		seam_states[i] = SEAM_UNKNOWN;
	}
	platform_seed_prepare();
}

/* ---- SEAM ---- */

static u64 msr_of(const struct emu_cpu *cpu, u32 msr)
{
	u64 value;

	return platform_msr(cpu, msr, PLATFORM_HOST, &value) ? value : 0;
}

bool platform_has_vmx(const struct emu_cpu *cpu)
{
	return (platform_cpuid(cpu, CPUID_FEATURES, 0, PLATFORM_HOST).ecx & CPUID_1_ECX_VMX) != 0;
}

static bool find_seam(const struct emu_cpu *cpu)
{
	u64 mask = msr_of(cpu, IA32_SEAMRR_MASK);

	return (msr_of(cpu, IA32_MTRRCAP) & MTRRCAP_SEAMRR) != 0 &&
	       (msr_of(cpu, IA32_SEAMRR_BASE) & SEAMRR_BASE_CONFIGURED) != 0 && (mask & SEAMRR_MASK_LOCKED) != 0 &&
	       (mask & SEAMRR_MASK_VALID) != 0 && msr_of(cpu, IA32_MKTME_KEYID_PARTITIONING) >> 32 != 0 &&
	       !fault_platform(PLATFORM_GP_FAULT);
}

bool platform_seam_enabled(const struct emu_cpu *cpu)
{
	enum seam_state *state = &seam_states[cpu->index];

	if (*state == SEAM_UNKNOWN)
		*state = find_seam(cpu) ? SEAM_ON : SEAM_OFF;
	return *state == SEAM_ON;
}

u32 platform_lp_count(void)
{
	bool one_more = fault_platform(PLATFORM_LP_UNCOUNTED) || fault_platform(PLATFORM_CORE_ABSENT);

	return emu_cpu_count() + (one_more ? 1 : 0);
}

u64 platform_seam_capabilities(const struct emu_cpu *cpu)
{
	u64 all = SEAMOPS_SEAMREPORT | SEAMOPS_SEAMDB_GETREF | SEAMOPS_SEAMDB_REPORT;

	if (fault_platform(PLATFORM_SEAM_CAPABILITIES))
		return all & ~SEAMOPS_SEAMDB_REPORT;
	if (fault_platform(PLATFORM_LP_SEAM_CAPABILITIES) && cpu->index == emu_cpu_count() - 1)
		return all & ~SEAMOPS_SEAMREPORT;
	return all;
}

u16 platform_sigstruct_handoff(void)
{
	return (u16)(module_image.record.module_hv + (fault_platform(PLATFORM_SIGSTRUCT) ? 1 : 0));
}

/* The last one's first page once more. */
void platform_change_cmrs(struct tdx_cmr cmrs[TDX_MAX_CMRS], u32 *count)
{
	u32 at = MIN(*count, TDX_MAX_CMRS - 1u);

	if (!fault_platform(PLATFORM_CMR_OVERLAP) || at == 0)
		return;
	cmrs[at] = (struct tdx_cmr){ .base = cmrs[at - 1].base, .bytes = PAGE_SIZE };
	*count = at + 1;
}
