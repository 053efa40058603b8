/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's look at the CPU and at what firmware did, in the manual's order; the first thing wrong is the answer.
 *
 * Facts come from platform.c as the module sees them; what is demanded is platform_demand.c; here are the order, the
 * statuses and the rules that are no masks. An MSR that does not exist is sampled as 0.
 * Callers: leaf_sys_init.c with the global lock held.
 * Manual: TDX Module ABI, "TDH.SYS.INIT Leaf", "TDH.SYS.LP.INIT Leaf"; tdx-host-system.md 1.4 to 1.7, 4.1, 4.2, 7.1.
 */
#include "tests/tdxemu/leaf_sys_init_check.h"

#include "include/spec/tdx/status.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/leaf_sys_init_firmware.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define TSC_HZ_LEAST 0x2540cull
#define PACKAGE_SHIFT_NONE 0xffffffffu

/* LP.INIT compares these in this order; those up to FIRST_AFTER_CPUID before CPUID. */
static const u32 compared_msrs[] = {
	IA32_CORE_CAPABILITIES,
	IA32_ARCH_CAPABILITIES,
	IA32_MISC_PACKAGE_CTLS,
	IA32_XAPIC_DISABLE_STATUS,
#define FIRST_AFTER_CPUID 4
	IA32_TSC_ADJUST,
	IA32_MTRRCAP,
	IA32_SMRR_PHYSBASE,
	IA32_SMRR_PHYSMASK,
	IA32_SMRR2_PHYSBASE,
	IA32_SMRR2_PHYSMASK,
	IA32_VMX_BASIC,
	IA32_VMX_TRUE_PINBASED_CTLS,
	IA32_VMX_TRUE_PROCBASED_CTLS,
	IA32_VMX_PROCBASED_CTLS2,
	IA32_VMX_PROCBASED_CTLS3,
	IA32_VMX_TRUE_EXIT_CTLS,
	IA32_VMX_TRUE_ENTRY_CTLS,
	IA32_VMX_MISC,
	IA32_VMX_EPT_VPID_CAP,
	IA32_VMX_CR0_FIXED0,
	IA32_VMX_CR0_FIXED1,
	IA32_VMX_CR4_FIXED0,
	IA32_VMX_CR4_FIXED1,
	IA32_PERF_CAPABILITIES,
	IA32_TME_CAPABILITY,
	IA32_TME_ACTIVATE,
	IA32_MKTME_KEYID_PARTITIONING,
	IA32_WBINVDP,
	IA32_WBNOINVDP,
};
_Static_assert(ARRAY_SIZE(compared_msrs) <= SYS_SAMPLE_MSRS, "struct sys_sample has room for every MSR");

static u64 msr(const struct emu_cpu *cpu, u32 number)
{
	u64 value;

	return platform_msr(cpu, number, PLATFORM_MODULE, &value) ? value : 0;
}

static u64 incorrect(u32 number)
{
	return TDX_INCORRECT_MSR_VALUE | number;
}

/* ---- MSRs ---- */

/*
 * TSX_CPUID_CLEAR would hide two CPUID bits, so it is off while CPUID is sampled. *@original: value to restore, all ones
 * if nothing was changed.
 */
static u64 begin_tsx(const struct emu_cpu *cpu, u64 *original)
{
	u64 value;

	*original = ~0ull;
	if ((msr(cpu, IA32_ARCH_CAPABILITIES) & ARCH_CAPABILITIES_TSX_CTRL) == 0)
		return TDX_SUCCESS;
	if (!platform_msr(cpu, IA32_TSX_CTRL, PLATFORM_MODULE, &value))
		return incorrect(IA32_TSX_CTRL);
	if ((value & TSX_CTRL_CPUID_CLEAR) != 0 &&
	    msr_write_safe(IA32_TSX_CTRL, value & ~(u64)TSX_CTRL_CPUID_CLEAR))
		*original = value;
	return TDX_SUCCESS;
}

static void end_tsx(u64 original)
{
	if (original != ~0ull)
		(void)msr_write_safe(IA32_TSX_CTRL, original);
}

static u64 check_msrs(const struct emu_cpu *cpu, u64 *tsx)
{
	u64 arch = msr(cpu, IA32_ARCH_CAPABILITIES);
	u64 status;

	*tsx = ~0ull;
	if ((arch & ARCH_CAPABILITIES_DEMANDED) != ARCH_CAPABILITIES_DEMANDED ||
	    (arch & ARCH_CAPABILITIES_FORBIDDEN) != 0)
		return incorrect(IA32_ARCH_CAPABILITIES);
	if (msr(cpu, IA32_XAPIC_DISABLE_STATUS) != XAPIC_DISABLED)
		return incorrect(IA32_XAPIC_DISABLE_STATUS);
	status = begin_tsx(cpu, tsx);
	if (status != TDX_SUCCESS)
		return status;
	if ((msr(cpu, IA32_MISC_PACKAGE_CTLS) & MISC_PACKAGE_ENERGY_FILTERING) == 0)
		return incorrect(IA32_MISC_PACKAGE_CTLS);
	if (!demand_met(demand_perf_capabilities(), msr(cpu, IA32_PERF_CAPABILITIES)))
		return incorrect(IA32_PERF_CAPABILITIES);
	return TDX_SUCCESS;
}

static u64 check_vmx_rows(const struct emu_cpu *cpu, const struct demand_msr *rows, u32 count, bool waitpkg)
{
	for (u32 i = 0; i < count; i++) {
		u64 value = msr(cpu, rows[i].msr);

		if (!demand_met(&rows[i], value))
			return incorrect(rows[i].msr);
		if (rows[i].msr == IA32_VMX_PROCBASED_CTLS2 && waitpkg &&
		    (value >> 32 & VMX_PROC2_USER_WAIT_PAUSE) == 0)
			return incorrect(rows[i].msr);
	}
	return TDX_SUCCESS;
}

static u64 check_vmx(const struct emu_cpu *cpu)
{
	bool waitpkg = (platform_cpuid(cpu, CPUID_EXTENDED, 0, PLATFORM_MODULE).ecx & CPUID_7_ECX_WAITPKG) != 0;
	u32 count, count_l2;
	const struct demand_msr *rows = demand_vmx(&count);
	const struct demand_msr *rows_l2 = demand_vmx_l2(&count_l2);
	u64 status = check_vmx_rows(cpu, rows, count, waitpkg);

	return status != TDX_SUCCESS ? status : check_vmx_rows(cpu, rows_l2, count_l2, waitpkg);
}

/* ---- CPUID ---- */

static u64 pair(u32 low, u32 high)
{
	return low | (u64)high << 32;
}

static u64 incorrect_cpuid(const struct demand_cpuid *row, struct sys_init_report *report)
{
	*report = (struct sys_init_report){
		.leaf = pair(row->leaf, row->subleaf),
		.mask_ab = pair(row->mask.eax, row->mask.ebx),
		.mask_cd = pair(row->mask.ecx, row->mask.edx),
		.value_ab = pair(row->value.eax, row->value.ebx),
		.value_cd = pair(row->value.ecx, row->value.edx),
	};
	return TDX_INCORRECT_CPUID_VALUE;
}

static u32 sharing_of(const struct cpuid_regs *regs)
{
	return (regs->eax & CPUID_4_EAX_SHARING_MASK) >> CPUID_4_EAX_SHARING_SHIFT;
}

static u32 level_type(const struct emu_cpu *cpu, u32 level)
{
	u32 ecx = platform_cpuid(cpu, CPUID_TOPOLOGY_V2, level, PLATFORM_MODULE).ecx;

	return (ecx & CPUID_TOPOLOGY_ECX_TYPE) >> CPUID_TOPOLOGY_ECX_TYPE_SHIFT;
}

/* Levels must ascend, start at 0 and know cores; the last one's shift separates packages, which share one L3. */
static u64 check_topology(const struct emu_cpu *cpu, struct sys_sample *sample)
{
	u32 previous = 0, type;
	bool cores = false;

	sample->package_shift = PACKAGE_SHIFT_NONE;
	for (u32 level = 0; (type = level_type(cpu, level)) != 0; level++) {
		if (type <= previous || type > CPUID_TOPOLOGY_DIE)
			return TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED;
		cores = cores || type == CPUID_TOPOLOGY_CORE;
		sample->package_shift =
			platform_cpuid(cpu, CPUID_TOPOLOGY_V2, level, PLATFORM_MODULE).eax & CPUID_TOPOLOGY_EAX_SHIFT;
		previous = type;
	}
	if (!cores)
		return TDX_CPUID_LEAF_NOT_SUPPORTED;
	/* A package of a single APIC id has nothing to share. */
	if (sample->package_shift == 0)
		return sample->l3_sharing == 0 ? TDX_SUCCESS : TDX_INVALID_WBINVD_SCOPE;
	return sample->l3_sharing >> (sample->package_shift - 1) == 1 ? TDX_SUCCESS : TDX_INVALID_WBINVD_SCOPE;
}

static bool address_width_right(const struct emu_cpu *cpu, const struct cpuid_regs *regs)
{
	bool la57 = (platform_cpuid(cpu, CPUID_EXTENDED, 0, PLATFORM_MODULE).ecx & CPUID_7_ECX_LA57) != 0;
	u32 bits = regs->eax >> CPUID_EXT_ADDRESS_LA_SHIFT & 0xff;

	return bits == (la57 ? DEMAND_LA57_BITS : DEMAND_LA48_BITS);
}

/* The rules of a leaf that are no masks. */
static u64 check_rules(const struct emu_cpu *cpu, struct sys_sample *sample, const struct demand_cpuid *row,
		       const struct cpuid_regs *regs, struct sys_init_report *report)
{
	switch (row->leaf) {
	case CPUID_CACHE:
		if (row->subleaf == CPUID_4_LEVEL_L3)
			sample->l3_sharing = sharing_of(regs);
		return TDX_SUCCESS;
	case CPUID_PERFMON:
		if ((regs->eax & CPUID_PERFMON_EAX_VERSION) < DEMAND_PERFMON_VERSION ||
		    (regs->edx & CPUID_PERFMON_EDX_FIXED) > DEMAND_FIXED_COUNTERS)
			return incorrect_cpuid(row, report);
		return TDX_SUCCESS;
	case CPUID_TSC:
		if (regs->ebx == 0)
			return TDX_CPUID_LEAF_NOT_SUPPORTED | CPUID_TSC;
		if (regs->eax == 0 || (u64)regs->ecx * regs->ebx / regs->eax < TSC_HZ_LEAST)
			verdict_stop("the module dies in TDH.SYS.INIT: TSC frequency in CPUID 0x15 too low");
		return TDX_SUCCESS;
	case CPUID_LBR:
		if ((regs->eax & CPUID_LBR_EAX_DEPTHS) == 0)
			verdict_stop("the module dies in TDH.SYS.INIT: CPUID 0x1C knows no LBR depth");
		return TDX_SUCCESS;
	case CPUID_TOPOLOGY_V2:
		return row->subleaf == 0 ? check_topology(cpu, sample) : TDX_SUCCESS;
	case CPUID_EXT_ADDRESS:
		return address_width_right(cpu, regs) ? TDX_SUCCESS : incorrect_cpuid(row, report);
	default:
		return TDX_SUCCESS;
	}
}

static u64 check_cpuid(const struct emu_cpu *cpu, struct sys_sample *sample, struct sys_init_report *report)
{
	u32 count;
	const struct demand_cpuid *rows = demand_cpuid(&count);

	if (msr(cpu, IA32_MISC_ENABLE) & MISC_ENABLE_LIMIT_CPUID)
		return TDX_LIMIT_CPUID_MAXVAL_SET;
	if (platform_cpuid(cpu, CPUID_VENDOR, 0, PLATFORM_MODULE).eax < DEMAND_MAX_LEAF)
		return TDX_CPUID_LEAF_NOT_SUPPORTED | DEMAND_MAX_LEAF;
	if (platform_cpuid(cpu, CPUID_EXT_MAX, 0, PLATFORM_MODULE).eax < DEMAND_MAX_EXTENDED_LEAF)
		return TDX_CPUID_LEAF_NOT_SUPPORTED | DEMAND_MAX_EXTENDED_LEAF;
	for (u32 i = 0; i < count; i++) {
		struct cpuid_regs *regs = &sample->cpuid[i];
		u64 status;

		*regs = platform_cpuid(cpu, rows[i].leaf, rows[i].subleaf, PLATFORM_MODULE);
		if (!demand_cpuid_met(&rows[i], regs))
			return incorrect_cpuid(&rows[i], report);
		status = check_rules(cpu, sample, &rows[i], regs, report);
		if (status != TDX_SUCCESS)
			return status;
	}
	return TDX_SUCCESS;
}

/* ---- the two leaves ---- */

static u64 check_with_tsx(const struct emu_cpu *cpu, struct sys_sample *sample, struct sys_init_report *report, u64 *tsx)
{
	u64 status = check_msrs(cpu, tsx);

	if (status == TDX_SUCCESS)
		status = check_cpuid(cpu, sample, report);
	if (status == TDX_SUCCESS)
		status = check_vmx(cpu);
	return status;
}

u64 sys_init_check(const struct emu_cpu *cpu, struct sys_sample *sample, struct sys_init_report *report)
{
	u64 tsx, status;

	for (u32 i = 0; i < ARRAY_SIZE(compared_msrs); i++)
		sample->msrs[i] = msr(cpu, compared_msrs[i]);
	sample->seam_capabilities = platform_seam_capabilities(cpu);
	status = check_with_tsx(cpu, sample, report, &tsx);
	end_tsx(tsx);
	return status != TDX_SUCCESS ? status : sys_init_check_firmware(cpu);
}

static u64 compare_msrs(const struct emu_cpu *cpu, const struct sys_sample *sample, u32 first, u32 end)
{
	for (u32 i = first; i < end; i++)
		if (msr(cpu, compared_msrs[i]) != sample->msrs[i])
			return TDX_INCONSISTENT_MSR | compared_msrs[i];
	return TDX_SUCCESS;
}

static u64 compare_cpuid(const struct emu_cpu *cpu, const struct sys_sample *sample, struct sys_init_report *report)
{
	u32 count;
	const struct demand_cpuid *rows = demand_cpuid(&count);

	for (u32 i = 0; i < count; i++) {
		struct cpuid_regs here = platform_cpuid(cpu, rows[i].leaf, rows[i].subleaf, PLATFORM_MODULE);
		const struct cpuid_regs *there = &sample->cpuid[i];
		const struct cpuid_regs *same = &rows[i].same;

		if (((here.eax ^ there->eax) & same->eax) == 0 && ((here.ebx ^ there->ebx) & same->ebx) == 0 &&
		    ((here.ecx ^ there->ecx) & same->ecx) == 0 && ((here.edx ^ there->edx) & same->edx) == 0)
			continue;
		*report = (struct sys_init_report){
			.leaf = pair(rows[i].leaf, rows[i].subleaf),
			.mask_ab = pair(same->eax, same->ebx),
			.mask_cd = pair(same->ecx, same->edx),
		};
		return TDX_INCONSISTENT_CPUID_FIELD;
	}
	return TDX_SUCCESS;
}

u64 sys_lp_init_check(const struct emu_cpu *cpu, const struct sys_sample *sample, struct sys_init_report *report,
		      u32 *package)
{
	u64 tsx, status;

	if (platform_seam_capabilities(cpu) != sample->seam_capabilities)
		return TDX_INCOMPATIBLE_SEAM_CAPABILITIES;
	status = compare_msrs(cpu, sample, 0, FIRST_AFTER_CPUID);
	if (status != TDX_SUCCESS)
		return status;
	if (msr(cpu, IA32_MISC_ENABLE) & MISC_ENABLE_LIMIT_CPUID)
		return TDX_LIMIT_CPUID_MAXVAL_SET;
	status = begin_tsx(cpu, &tsx);
	if (status == TDX_SUCCESS)
		status = compare_cpuid(cpu, sample, report);
	end_tsx(tsx);
	if (status != TDX_SUCCESS)
		return status;
	*package = platform_cpuid(cpu, CPUID_TOPOLOGY_V2, 0, PLATFORM_MODULE).edx >> sample->package_shift;
	if (*package >= MODULE_MAX_PACKAGES)
		return TDX_INVALID_PKG_ID | *package;
	return compare_msrs(cpu, sample, FIRST_AFTER_CPUID, ARRAY_SIZE(compared_msrs));
}
