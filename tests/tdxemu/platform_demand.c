/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel's demands as tables.
 *
 * VMX controls: of such a capability MSR the low half has the bits the CPU forces to 1, the high half those it allows to
 * be 1. The module wants INIT to be allowed, VARIABLE to be free, and nothing outside INIT and UNKNOWN to be forced; that
 * makes bits that must be 1 above and bits that must be 0 below. User-wait is demanded only of CPUs with WAITPKG and
 * ENCLV exiting only where it is allowed, so neither is in a row (leaf_sys_init_check.c looks at the first).
 *
 * CPUID: the rows are the module's own list in its order. MAXPHYADDR is not among the masks: newer modules take any
 * width, and this one follows them, because the machine below cannot have 52 bits.
 *
 * Pure functions. Facts: tdx-host-system.md 1.2, 1.4.1, 1.5 and 12.1.
 */
#include "tests/tdxemu/platform_demand.h"

#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/td_cpuid.h"

#define ENCLV ((u32)VMX_PROC2_ENCLV_EXITING)
#define USER_WAIT ((u32)VMX_PROC2_USER_WAIT_PAUSE)

/* clang-format off */
#define CONTROLS(msr, init, variable, unknown) \
	{ msr, .ones = (u64)((init) | (variable)) << 32, .zeros = (u32)(~((init) | (unknown)) | (variable)) }
#define PROC2_CONTROLS(init, variable) \
	{ IA32_VMX_PROCBASED_CTLS2, .ones = (u64)(((init) & ~ENCLV) | ((variable) & ~USER_WAIT)) << 32, \
	  .zeros = (u32)(~(init) | (variable)) }
#define ALLOWED(msr, init, variable) { msr, .ones = (init) | (variable) }
/* clang-format on */

#define MISC_DEMANDED (VMX_MISC_STORE_LMA | VMX_MISC_ACTIVITY_HLT | VMX_MISC_ACTIVITY_SHUTDOWN | BIT(14) | BIT(29))
#define MISC_CR3_TARGETS_SHIFT 16
#define MISC_CR3_TARGETS_BITS 9
#define CR0_MAY_BE_FIXED 0x80000021ull	/* PG, NE, PE */
#define CR0_NE_PE 0x21ull
#define CR0_L2_FREE 0x5001eull	/* must be changeable; PE and PG are, in unrestricted guests */
#define CR4_MAY_BE_FIXED 0x2040ull	/* VMXE, MCE */
#define EPT_VPID_DEMANDED 0x10106334041ull

/* clang-format off */
static const struct demand_msr vmx_rows[] = {
	{ IA32_VMX_BASIC, .ones = VMX_BASIC_INS_OUTS_INFO | VMX_BASIC_TRUE_CONTROLS,
	  .shift = VMX_BASIC_REGION_BYTES_SHIFT, .bits = 13, .most = 2048 },
	CONTROLS(IA32_VMX_TRUE_PINBASED_CTLS, 0x00000029u, 0x00000080u, 0xffffff16u),
	CONTROLS(IA32_VMX_TRUE_PROCBASED_CTLS, 0x91220088u, 0x20400c00u, 0x04046173u),
	PROC2_CONTROLS(0x133cb3fau, 0xcc000400u),
	ALLOWED(IA32_VMX_PROCBASED_CTLS3, 0x80, 0x20),
	CONTROLS(IA32_VMX_TRUE_EXIT_CTLS, 0x1f3c8204u, 0x40001000u, 0x00036dfbu),
	CONTROLS(IA32_VMX_TRUE_ENTRY_CTLS, 0x003ec004u, 0x00402200u, 0xff8011fbu),
	{ IA32_VMX_MISC, .ones = MISC_DEMANDED, .shift = MISC_CR3_TARGETS_SHIFT, .bits = MISC_CR3_TARGETS_BITS,
	  .least = 4, .most = 511 },
	{ IA32_VMX_EPT_VPID_CAP, .ones = EPT_VPID_DEMANDED },
	{ IA32_VMX_CR0_FIXED0, .zeros = ~CR0_MAY_BE_FIXED },
	{ IA32_VMX_CR0_FIXED1, .ones = CR0_NE_PE },
	{ IA32_VMX_CR4_FIXED0, .zeros = ~CR4_MAY_BE_FIXED },
	{ IA32_VMX_CR4_FIXED1, .ones = CR4_MAY_BE_FIXED },
};

static const struct demand_msr vmx_l2_rows[] = {
	CONTROLS(IA32_VMX_TRUE_PINBASED_CTLS, 0x00000029u, 0u, 0xffffff16u),
	CONTROLS(IA32_VMX_TRUE_PROCBASED_CTLS, 0x91220088u, 0x68d81e04u, 0x04046173u),
	PROC2_CONTROLS(0x1338b3fau, 0x0c513e0cu),
	ALLOWED(IA32_VMX_PROCBASED_CTLS3, 0x80, 0x2e),
	{ IA32_VMX_CR0_FIXED0, .zeros = CR0_L2_FREE },
	{ IA32_VMX_CR0_FIXED1, .ones = CR0_L2_FREE },
};

static const struct demand_msr perf_capabilities = { IA32_PERF_CAPABILITIES, .ones = PERF_CAPABILITIES_FULL_WIDTH_WRITE };

#define NONE TD_CPUID_NO_SUBLEAF
#define ALL { ~0u, ~0u, ~0u, ~0u }
#define LEVEL { ~0u, ~0u, ~0u, 0 }	/* EDX is the APIC id */
#define STATE { ~0u, 0, ~0u, ~0u }	/* EBX follows XCR0 */
#define XSAVE(n) { 0xd, n, { 0 }, { 0 }, ALL }

/* leaf, sub-leaf, mask, value, equal on all LPs; registers in the order EAX, EBX, ECX, EDX */
static const struct demand_cpuid cpuid_rows[] = {
	{ 0x1, NONE, { 0, 0xff00, 0x47faa217, 0x1fa9fbff }, { 0, 0x800, 0x47faa217, 0x1fa9fbff },
	  { 0xf000c000, 0xffff, 0xf7ffff9f, 0xffffffff } },
	{ 0x4, 0, { 0, 0xfff, 0, 0 }, { 0, 0x3f, 0, 0 }, ALL },
	{ 0x4, 1, { 0, 0xfff, 0, 0 }, { 0, 0x3f, 0, 0 }, ALL },
	{ 0x4, 2, { 0, 0xfff, 0, 0 }, { 0, 0x3f, 0, 0 }, ALL },
	{ 0x4, 3, { 0xe0, 0xfff, 0, 0x1 }, { 0x60, 0x3f, 0, 0 }, ALL },
	{ 0x7, 0, { 0xffffffff, 0x219424c3, 0x99000000, 0xfc082600 }, { 0x2, 0x219424c3, 0x99000000, 0xfc080400 },
	  { 0xffffffff, 0xfffffffb, 0xbfc1ff6f, 0xffebffff } },
	{ 0x7, 1, { 0 }, { 0 }, ALL },
	{ 0xa, NONE, { 0xff00, 0, 0xffffff80, 0x8000 }, { 0x800, 0, 0, 0x8000 }, ALL },
	{ 0x1c, NONE, { 0 }, { 0 }, ALL },
	{ 0x80000008, NONE, { 0, 0x200, 0, 0 }, { 0, 0x200, 0, 0 }, ALL },
	{ 0x0, NONE, { 0, 0xffffffff, 0xffffffff, 0xffffffff }, { 0, 0x756e6547, 0x6c65746e, 0x49656e69 }, ALL },
	{ 0x4, 4, { 0x1f, 0, 0, 0 }, { 0, 0, 0, 0 }, ALL },
	{ 0x6, NONE, { 0x800000, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0x800000, 0, 0, 0 } },
	{ 0x7, 2, { 0, 0, 0, 0x17 }, { 0, 0, 0, 0x17 }, ALL },
	{ 0xd, 0, { 0x3, 0, 0, 0 }, { 0x3, 0, 0, 0 }, STATE },
	{ 0xd, 1, { 0xf, 0, 0x1800, 0 }, { 0xf, 0, 0x1800, 0 }, STATE },
	XSAVE(2), XSAVE(3), XSAVE(4), XSAVE(5),
	XSAVE(6), XSAVE(7), XSAVE(8), XSAVE(9),
	XSAVE(10), XSAVE(11), XSAVE(12), XSAVE(13),
	XSAVE(14), XSAVE(15), XSAVE(16), XSAVE(17),
	XSAVE(18),
	{ 0x14, 0, { 0xffffffff, 0, 0, 0 }, { 0x1, 0, 0, 0 }, ALL },
	{ 0x14, 1, { 0 }, { 0 }, ALL },
	{ 0x15, NONE, { 0 }, { 0 }, ALL },
	{ 0x19, NONE, { 0 }, { 0 }, { 0xffffffff, 0xfffffffe, 0xffffffff, 0xffffffff } },
	{ 0x1d, 0, { 0 }, { 0 }, ALL },
	{ 0x1d, 1, { 0 }, { 0 }, ALL },
	{ 0x1e, NONE, { 0 }, { 0 }, ALL },
	{ 0x1f, 0, { 0 }, { 0 }, LEVEL },
	{ 0x1f, 1, { 0 }, { 0 }, LEVEL },
	{ 0x1f, 2, { 0 }, { 0 }, LEVEL },
	{ 0x1f, 3, { 0 }, { 0 }, LEVEL },
	{ 0x1f, 4, { 0 }, { 0 }, LEVEL },
	{ 0x1f, 5, { 0, 0, 0xff00, 0 }, { 0, 0, 0, 0 }, LEVEL },
	{ 0x80000000, NONE, { 0 }, { 0 }, ALL },
	{ 0x80000001, NONE, { 0, 0, 0x121, 0x2c100800 }, { 0, 0, 0x121, 0x2c100800 }, ALL },
	{ 0x80000006, NONE, { 0, 0, 0xff, 0 }, { 0, 0, 0x40, 0 }, { 0, 0, 0xff, 0 } },
	{ 0x80000007, NONE, { 0, 0, 0, 0x100 }, { 0, 0, 0, 0x100 }, { 0, 0, 0, 0x100 } },
	{ 0x23, 0, { 0 }, { 0 }, ALL },
	{ 0x23, 1, { 0xffffff00, 0xfffffff0, 0, 0 }, { 0, 0, 0, 0 }, ALL },
	{ 0x23, 2, { 0 }, { 0 }, ALL },
	{ 0x23, 3, { 0 }, { 0 }, ALL },
	{ 0x5, NONE, { 0 }, { 0 }, ALL },
};
_Static_assert(ARRAY_SIZE(cpuid_rows) <= DEMAND_CPUID_MAX, "samples have room for every row");
/* clang-format on */

const struct demand_msr *demand_vmx(u32 *count)
{
	*count = ARRAY_SIZE(vmx_rows);
	return vmx_rows;
}

const struct demand_msr *demand_vmx_l2(u32 *count)
{
	*count = ARRAY_SIZE(vmx_l2_rows);
	return vmx_l2_rows;
}

const struct demand_msr *demand_perf_capabilities(void)
{
	return &perf_capabilities;
}

const struct demand_cpuid *demand_cpuid(u32 *count)
{
	*count = ARRAY_SIZE(cpuid_rows);
	return cpuid_rows;
}

static u64 field_mask(const struct demand_msr *demand)
{
	return (BIT(demand->bits) - 1) << demand->shift;
}

bool demand_met(const struct demand_msr *demand, u64 value)
{
	u64 number = (value & field_mask(demand)) >> demand->shift;

	return (value & demand->ones) == demand->ones && (value & demand->zeros) == 0 &&
	       (demand->bits == 0 || (number >= demand->least && number <= demand->most));
}

static bool register_met(u32 mask, u32 value, u32 reg)
{
	return (reg & mask) == value;
}

bool demand_cpuid_met(const struct demand_cpuid *demand, const struct cpuid_regs *regs)
{
	return register_met(demand->mask.eax, demand->value.eax, regs->eax) &&
	       register_met(demand->mask.ebx, demand->value.ebx, regs->ebx) &&
	       register_met(demand->mask.ecx, demand->value.ecx, regs->ecx) &&
	       register_met(demand->mask.edx, demand->value.edx, regs->edx);
}

/* ---- the CPU below, taken for one that has all this ---- */

static bool assume(const struct demand_msr *rows, u32 count, u32 msr, u64 *value)
{
	bool named = false;

	for (u32 i = 0; i < count; i++) {
		if (rows[i].msr != msr)
			continue;
		named = true;
		*value = (*value | rows[i].ones) & ~rows[i].zeros;
		if (!demand_met(&rows[i], *value))
			*value = (*value & ~field_mask(&rows[i])) | (u64)rows[i].most << rows[i].shift;
	}
	return named;
}

bool demand_assume_msr(u32 msr, u64 *value)
{
	bool l1 = assume(vmx_rows, ARRAY_SIZE(vmx_rows), msr, value);
	bool l2 = assume(vmx_l2_rows, ARRAY_SIZE(vmx_l2_rows), msr, value);

	return assume(&perf_capabilities, 1, msr, value) || l1 || l2;
}

static void assume_rules(u32 leaf, struct cpuid_regs *regs)
{
	switch (leaf) {
	case CPUID_VENDOR:
		regs->eax = MAX(regs->eax, (u32)DEMAND_MAX_LEAF);
		break;
	case CPUID_EXT_MAX:
		regs->eax = MAX(regs->eax, DEMAND_MAX_EXTENDED_LEAF);
		break;
	case CPUID_PERFMON:
		regs->eax = (regs->eax & ~CPUID_PERFMON_EAX_VERSION) |
			    MAX(regs->eax & CPUID_PERFMON_EAX_VERSION, (u32)DEMAND_PERFMON_VERSION);
		regs->edx = (regs->edx & ~CPUID_PERFMON_EDX_FIXED) |
			    MIN(regs->edx & CPUID_PERFMON_EDX_FIXED, (u32)DEMAND_FIXED_COUNTERS);
		break;
	case CPUID_LBR:
		if ((regs->eax & CPUID_LBR_EAX_DEPTHS) == 0)
			regs->eax |= 1;
		break;
	default:
		break;
	}
}

void demand_assume_cpuid(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	for (u32 i = 0; i < ARRAY_SIZE(cpuid_rows); i++) {
		const struct demand_cpuid *row = &cpuid_rows[i];

		if (row->leaf != leaf || (row->subleaf != NONE && row->subleaf != subleaf))
			continue;
		regs->eax = (regs->eax & ~row->mask.eax) | row->value.eax;
		regs->ebx = (regs->ebx & ~row->mask.ebx) | row->value.ebx;
		regs->ecx = (regs->ecx & ~row->mask.ecx) | row->value.ecx;
		regs->edx = (regs->edx & ~row->mask.edx) | row->value.edx;
		assume_rules(leaf, regs);
	}
}
