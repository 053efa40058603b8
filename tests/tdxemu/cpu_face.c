/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU the host sees: the native one, with the TDX platform added.
 *
 * CPUID is executed natively and a few registers are changed: MAXPHYADDR includes the KeyID bits, the TSC leaf tells
 * the measured frequency as a multiple of 25 MHz (a model's fixed answer may be wrong), leaf 0x1F (which a TDX platform
 * always has) repeats leaf 0xB where it is missing, two bits mirror the host's CR4 because
 * CPUID in root reflects ours. MSRs: a table; all others are native and do not exit. An MSR outside the bitmap's ranges
 * always exits and is passed to the CPU.
 * Callers: exit handlers on any core, host's VMCS current.
 * Facts: tdx-host-system reference, "Enumeration on the platform"; SDM volume 4.
 */
#include "tests/tdxemu/cpu_face.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/clock.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

/* IA32_ARCH_CAPABILITIES: bits the module demands and forbids. */
#define ARCH_CAPABILITIES_DEMANDED 0x20fd6bull	/* bits 0, 1, 3, 5, 6, 8, 10 to 15, 21 */
#define ARCH_CAPABILITIES_FORBIDDEN BIT(2)
#define CPUID_7_EDX_ARCH_CAPABILITIES (1u << 29)

#define TME_CAPABILITY_KEYID_BITS_SHIFT 32
#define TME_CAPABILITY_KEYS_SHIFT 36
#define TME_ACTIVATE_ALGORITHMS_SHIFT 48
/* Of the KeyID bits the upper ones are reserved for TDX: 2^(6-2) = 16 shared KeyIDs. */
#define PLATFORM_TDX_KEYID_BITS 2
#define MISC_PACKAGE_ENERGY_FILTERING 1
#define XAPIC_DISABLED 1
#define CRYSTAL_RATIO_DENOMINATOR 1

#define MSR_BITMAP_READ_LOW 0
#define MSR_BITMAP_READ_HIGH 1024
#define MSR_BITMAP_WRITE_LOW 2048
#define MSR_BITMAP_WRITE_HIGH 3072
#define MSR_BITMAP_BITS 0x2000u

/* ---- CPUID ---- */

static void change_leaf(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	u64 cr4 = vmread(VMCS_GUEST_CR4);

	switch (leaf) {
	case CPUID_FEATURES:
		regs->ecx &= ~CPUID_1_ECX_OSXSAVE;
		if (cr4 & CR4_OSXSAVE)
			regs->ecx |= CPUID_1_ECX_OSXSAVE;
		break;
	case CPUID_EXTENDED:
		if (subleaf != 0)
			break;
		regs->ecx &= ~CPUID_7_ECX_OSPKE;
		if (cr4 & CR4_PKE)
			regs->ecx |= CPUID_7_ECX_OSPKE;
		regs->edx |= CPUID_7_EDX_ARCH_CAPABILITIES;
		break;
	case CPUID_TOPOLOGY_V2:
		if ((cpuid(CPUID_TOPOLOGY_V2, 0).ecx & CPUID_TOPOLOGY_ECX_TYPE) == 0)
			*regs = cpuid(CPUID_TOPOLOGY, subleaf);
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

void cpu_face_cpuid(struct emu_cpu *cpu)
{
	u32 leaf = (u32)cpu->gpr[GPR_RAX];
	u32 subleaf = (u32)cpu->gpr[GPR_RCX];
	struct cpuid_regs regs = cpuid(leaf, subleaf);

	change_leaf(leaf, subleaf, &regs);
	cpu->gpr[GPR_RAX] = regs.eax;
	cpu->gpr[GPR_RBX] = regs.ebx;
	cpu->gpr[GPR_RCX] = regs.ecx;
	cpu->gpr[GPR_RDX] = regs.edx;
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

u64 platform_tsc_hz(void)
{
	return (u64)clock_crystal_multiple() * CLOCK_CRYSTAL_HZ;
}

/* ---- MSRs; false: #GP ---- */

static bool read_keyid_partitioning(u64 *value)
{
	u64 private = fault_platform(PLATFORM_ONE_KEYID) ? 1 : PLATFORM_TDX_KEYIDS;

	*value = private << 32 | PLATFORM_MKTME_KEYIDS;
	return !fault_platform(PLATFORM_NO_TDX);
}

static bool read_misc_package_ctls(u64 *value)
{
	*value = MISC_PACKAGE_ENERGY_FILTERING;
	return true;
}

static bool read_xapic_disable_status(u64 *value)
{
	*value = (rdmsr(IA32_APIC_BASE) & APIC_BASE_X2APIC) != 0 ? XAPIC_DISABLED : 0;
	return true;
}

static bool read_core_capabilities(u64 *value)
{
	if (!msr_read_safe(IA32_CORE_CAPABILITIES, value))
		*value = 0;
	return true;
}

static bool read_mtrrcap(u64 *value)
{
	*value = rdmsr(IA32_MTRRCAP) | MTRRCAP_SMRR | MTRRCAP_SMRR_LOCK | MTRRCAP_SEAMRR;
	return true;
}

static bool read_arch_capabilities(u64 *value)
{
	if (!msr_read_safe(IA32_ARCH_CAPABILITIES, value))
		*value = 0;
	*value = (*value | ARCH_CAPABILITIES_DEMANDED) & ~ARCH_CAPABILITIES_FORBIDDEN;
	return true;
}

static bool read_tme_capability(u64 *value)
{
	*value = TME_AES_XTS_128 | (u64)PLATFORM_KEYID_BITS << TME_CAPABILITY_KEYID_BITS_SHIFT |
		 (u64)(PLATFORM_KEYIDS - 1) << TME_CAPABILITY_KEYS_SHIFT;
	return true;
}

static bool read_tme_activate(u64 *value)
{
	*value = TME_ACTIVATE_LOCKED | TME_ACTIVATE_ENABLED |
		 (u64)PLATFORM_KEYID_BITS << TME_ACTIVATE_KEYID_BITS_SHIFT |
		 (u64)TME_AES_XTS_128 << TME_ACTIVATE_ALGORITHMS_SHIFT;
	if (!fault_platform(PLATFORM_NO_TDX))
		*value |= (u64)PLATFORM_TDX_KEYID_BITS << TME_ACTIVATE_TDX_KEYID_BITS_SHIFT;
	return true;
}

static bool seam_range_exists(void)
{
	return !fault_platform(PLATFORM_NO_TDX) && !fault_platform(PLATFORM_NO_SEAMRR);
}

static bool read_seamrr_base(u64 *value)
{
	*value = seam_range_exists() ? EMU_BASE | SEAMRR_BASE_CONFIGURED : 0;
	return true;
}

static bool read_seamrr_mask(u64 *value)
{
	u64 mask = (BIT(PLATFORM_MAXPA) - 1) & ~(u64)(EMU_BYTES - 1);

	*value = seam_range_exists() ? mask | SEAMRR_MASK_LOCKED | SEAMRR_MASK_VALID : SEAMRR_MASK_LOCKED;
	return true;
}

static bool read_vmx_basic(u64 *value)
{
	*value = rdmsr(IA32_VMX_BASIC) | BIT(VMX_BASIC_SEAMRET_KEEPS_VMCS_BIT);
	return true;
}

static bool read_apic_base(u64 *value)
{
	*value = rdmsr(IA32_APIC_BASE);
	return true;
}

/* Firmware locked the platform into x2APIC mode (IA32_XAPIC_DISABLE_STATUS): leaving it is #GP. */
static bool write_apic_base(u64 value)
{
	if ((rdmsr(IA32_APIC_BASE) & APIC_BASE_X2APIC) != 0 && (value & APIC_BASE_X2APIC) == 0)
		return false;
	return msr_write_safe(IA32_APIC_BASE, value);
}

struct msr_row {
	u32 msr;
	bool (*read)(u64 *value);	/* NULL: #GP */
	bool (*write)(u64 value);	/* NULL: #GP */
};

/* clang-format off */
static const struct msr_row msr_rows[] = {
	{ IA32_APIC_BASE, read_apic_base, write_apic_base },
	{ IA32_MKTME_KEYID_PARTITIONING, read_keyid_partitioning, NULL },
	{ IA32_WBINVDP, NULL, NULL },
	{ IA32_WBNOINVDP, NULL, NULL },
	{ IA32_MISC_PACKAGE_CTLS, read_misc_package_ctls, NULL },
	{ IA32_XAPIC_DISABLE_STATUS, read_xapic_disable_status, NULL },
	{ IA32_CORE_CAPABILITIES, read_core_capabilities, NULL },
	{ IA32_MTRRCAP, read_mtrrcap, NULL },
	{ IA32_ARCH_CAPABILITIES, read_arch_capabilities, NULL },
	{ IA32_VMX_BASIC, read_vmx_basic, NULL },
	{ IA32_TME_CAPABILITY, read_tme_capability, NULL },
	{ IA32_TME_ACTIVATE, read_tme_activate, NULL },
	{ IA32_SEAMRR_BASE, read_seamrr_base, NULL },
	{ IA32_SEAMRR_MASK, read_seamrr_mask, NULL },
	{ IA32_SEAMEXTEND, NULL, NULL },
};
/* clang-format on */

static const struct msr_row *find_row(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(msr_rows); i++)
		if (msr_rows[i].msr == msr)
			return &msr_rows[i];
	return NULL;
}

static void set_bit(u8 *bitmap, u32 bit)
{
	bitmap[bit / 8] |= (u8)(1 << (bit % 8));
}

void cpu_face_fill_msr_bitmap(u8 *bitmap)
{
	for (u32 i = 0; i < ARRAY_SIZE(msr_rows); i++) {
		u32 msr = msr_rows[i].msr;

		if (msr < MSR_BITMAP_BITS) {
			set_bit(bitmap + MSR_BITMAP_READ_LOW, msr);
			set_bit(bitmap + MSR_BITMAP_WRITE_LOW, msr);
		} else if (msr - MSR_HIGH_FIRST < MSR_BITMAP_BITS) {
			set_bit(bitmap + MSR_BITMAP_READ_HIGH, msr - MSR_HIGH_FIRST);
			set_bit(bitmap + MSR_BITMAP_WRITE_HIGH, msr - MSR_HIGH_FIRST);
		}
	}
}

void cpu_face_rdmsr(struct emu_cpu *cpu)
{
	u32 msr = (u32)cpu->gpr[GPR_RCX];
	const struct msr_row *row = find_row(msr);
	bool done = false;
	u64 value = 0;

	if (row == NULL)
		done = msr_read_safe(msr, &value);
	else if (row->read != NULL)
		done = row->read(&value);
	if (!done) {
		l1_inject_gp();
		return;
	}
	cpu->gpr[GPR_RAX] = (u32)value;
	cpu->gpr[GPR_RDX] = value >> 32;
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

void cpu_face_wrmsr(struct emu_cpu *cpu)
{
	u32 msr = (u32)cpu->gpr[GPR_RCX];
	u64 value = cpu->gpr[GPR_RDX] << 32 | (u32)cpu->gpr[GPR_RAX];
	const struct msr_row *row = find_row(msr);
	bool done = false;

	if (row == NULL)
		done = msr_write_safe(msr, value);
	else if (row->write != NULL)
		done = row->write(value);
	if (done)
		l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
	else
		l1_inject_gp();
}
