/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID of a TD where it meets the CPU: native values for TDH.MNG.INIT, and the instruction itself. Every CPUID of a TD
 * exits; the stored row is returned with the few registers that depend on the vCPU's state filled in.
 * CPUID 0xD is executed live: XCR0 and IA32_XSS hold the TD's values while one of its exits is handled.
 * Called on the core that runs the TD, its VMCS current. Manual: tdx-guest-abi.md 5.1 and 5.4.
 */
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/td_guest.h"
#include "tests/tdxemu/td_ve.h"
#include "tests/tdxemu/vmx.h"

#define HYPERVISOR_LEAVES_FIRST 0x40000000u
#define HYPERVISOR_LEAVES_LAST 0x4fffffffu
#define FMS_RESERVED 0xf000c000u
#define LEAF_7_EDX_ARCH_CAPABILITIES (1u << 29)
#define LEAF_7_EBX_TSX 0x810u	/* HLE, RTM */
#define LEAF_80000001_EDX_SYSCALL (1u << 11)
#define CONTROL_SUPERVISOR_VE BIT(0)
#define CONTROL_USER_VE BIT(1)

static struct cpuid_regs read_native(u32 leaf, u32 subleaf)
{
	u32 range = leaf & CPUID_EXT_MAX;
	struct cpuid_regs regs = { 0 };

	if (leaf > cpuid(range, 0).eax)
		return regs;
	regs = cpuid(leaf, subleaf);
	/* IA32_ARCH_CAPABILITIES of a TD is ours, whether the CPU has it or not. */
	if (leaf == CPUID_EXTENDED && subleaf == 0)
		regs.edx |= LEAF_7_EDX_ARCH_CAPABILITIES;
	return regs;
}

u32 td_platform_fms(void)
{
	return cpuid(CPUID_FEATURES, 0).eax & ~FMS_RESERVED;
}

u64 td_cpuid_build(struct tdcs *tdcs, const struct td_cpuid_value *config, u64 *bad_leaf)
{
	u64 capabilities;
	const struct td_cpuid_platform platform = {
		.read = read_native,
		.tsx_ctrl = msr_read_safe(IA32_ARCH_CAPABILITIES, &capabilities) &&
			    (capabilities & ARCH_CAPABILITIES_TSX_CTRL) != 0,
	};

	return td_cpuid_build_on(&platform, tdcs, config, bad_leaf);
}

/* Leaves beyond the ends of the ranges read as the highest basic leaf. */
static u32 effective_leaf(u32 leaf)
{
	if (leaf >= HYPERVISOR_LEAVES_FIRST && leaf <= HYPERVISOR_LEAVES_LAST)
		return leaf;
	if (leaf > cpuid(CPUID_EXT_MAX, 0).eax || (leaf > TD_CPUID_MAX_BASIC_LEAF && leaf < CPUID_EXT_MAX))
		return TD_CPUID_MAX_BASIC_LEAF;
	return leaf;
}

/* Did the guest ask for #VE on this row at its privilege level? */
static bool guest_wants_ve(const struct tdvps *tdvps, u32 row)
{
	u8 control = tdvps->cpuid_control[row];

	if (td_guest_cpl() == 0)
		return tdvps->cpuid_supervisor_ve || (control & CONTROL_SUPERVISOR_VE) != 0;
	return tdvps->cpuid_user_ve || (control & CONTROL_USER_VE) != 0;
}

static void set_bit_by(u32 *reg, u32 bit, bool on)
{
	*reg = on ? *reg | bit : *reg & ~bit;
}

static void fill_dynamic(const struct td_run *run, u32 leaf, u32 subleaf, struct td_cpuid_value *value)
{
	u64 cr4 = vmread(VMCS_GUEST_CR4);
	u64 tsx_ctrl;

	switch (leaf) {
	case CPUID_FEATURES:
		value->ebx |= (run->tdvps->vcpu_index & 0xff) << CPUID_1_EBX_APIC_ID_SHIFT;
		set_bit_by(&value->ecx, CPUID_1_ECX_OSXSAVE, (cr4 & CR4_OSXSAVE) != 0);
		break;
	case CPUID_EXTENDED:
		if (subleaf != 0)
			break;
		set_bit_by(&value->ecx, CPUID_7_ECX_OSPKE, (cr4 & CR4_PKE) != 0);
		if ((value->ebx & LEAF_7_EBX_TSX) != 0 && msr_read_safe(IA32_TSX_CTRL, &tsx_ctrl) &&
		    (tsx_ctrl & TSX_CTRL_CPUID_CLEAR) != 0)
			value->ebx &= ~LEAF_7_EBX_TSX;
		break;
	case CPUID_XSAVE:
		if (subleaf <= 1)
			value->ebx = cpuid(CPUID_XSAVE, subleaf).ebx;
		break;
	case CPUID_EXT_FEATURES:
		set_bit_by(&value->edx, LEAF_80000001_EDX_SYSCALL, td_guest_in_64bit_code());
		break;
	default:
		break;
	}
}

void td_cpuid_exit(struct td_run *run)
{
	u32 leaf = effective_leaf((u32)run->gpr[GPR_RAX]);
	u32 subleaf = (u32)run->gpr[GPR_RCX];
	int row = td_cpuid_find(leaf, subleaf);
	struct td_cpuid_value value;

	if (row < 0 || guest_wants_ve(run->tdvps, (u32)row)) {
		td_inject_ve(run, VMX_REASON_CPUID, 0, 0, 0);
		return;
	}
	value = run->tdcs->cpuid[row];
	fill_dynamic(run, leaf, subleaf, &value);
	run->gpr[GPR_RAX] = value.eax;
	run->gpr[GPR_RBX] = value.ebx;
	run->gpr[GPR_RCX] = value.ecx;
	run->gpr[GPR_RDX] = value.edx;
	td_advance(run, vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}
