/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exits of a TD for control registers. MOV to CR0 or CR4 exits when it changes a bit that is not the guest's; XSETBV
 * always. EFER.LME of a TD is always 1, so CR0.PG alone decides about IA-32e mode. Called on the core that runs the
 * TD, its VMCS current. Manual: tdx-guest-abi.md 7.1 to 7.3.
 */
#include "arch/x86/insn.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/td_cr.h"
#include "tests/tdxemu/td_guest.h"
#include "tests/tdxemu/td_ve.h"
#include "tests/tdxemu/vmx.h"

#define CR0_LMSW_WRITES (CR0_MP | CR0_EM | CR0_TS)
#define CR_NUMBER_0 0u
#define CR_NUMBER_4 4u

struct cr_fixed td_cr_fixed(void)
{
	return (struct cr_fixed){
		.cr0_zero = ~rdmsr(IA32_VMX_CR0_FIXED1),
		.cr0_one = rdmsr(IA32_VMX_CR0_FIXED0),
		.cr4_zero = ~rdmsr(IA32_VMX_CR4_FIXED1),
		.cr4_one = rdmsr(IA32_VMX_CR4_FIXED0),
	};
}

/* Paging goes on or off with this write: IA-32e mode follows. False: the CPU would raise #GP. */
static bool switch_paging(u64 value)
{
	u64 efer = vmread(VMCS_GUEST_IA32_EFER);
	u64 cr4 = vmread(VMCS_GUEST_CR4);
	u64 entry = vmread(VMCS_ENTRY_CONTROLS);

	if (((vmread(VMCS_GUEST_CR0) ^ value) & CR0_PG) == 0)
		return true;
	if ((value & CR0_PG) != 0) {
		if ((cr4 & CR4_PAE) == 0 || (vmread(VMCS_GUEST_CS_ACCESS) & VMX_ACCESS_LONG) != 0)
			return false;
		vmwrite(VMCS_GUEST_IA32_EFER, efer | EFER_LMA);
		vmwrite(VMCS_ENTRY_CONTROLS, entry | VMX_ENTRY_IA32E_GUEST);
		return true;
	}
	if ((cr4 & CR4_PCIDE) != 0 || td_guest_in_64bit_code())
		return false;
	vmwrite(VMCS_GUEST_IA32_EFER, efer & ~(u64)EFER_LMA);
	vmwrite(VMCS_ENTRY_CONTROLS, entry & ~VMX_ENTRY_IA32E_GUEST);
	return true;
}

static void write_cr0_of_guest(struct td_run *run, u64 value, u64 qualification)
{
	struct cr_fixed fixed = td_cr_fixed();
	enum cr_verdict verdict = td_cr0_check(&fixed, value, vmread(VMCS_GUEST_CR4));

	if (verdict == CR_VE) {
		td_inject_ve(run, VMX_REASON_CR_ACCESS, qualification, 0, 0);
		return;
	}
	if (verdict == CR_GP || !switch_paging(value)) {
		td_inject_gp(run);
		return;
	}
	vmwrite(VMCS_GUEST_CR0, (value & ~TD_CR0_RESERVED) | (vmread(VMCS_GUEST_CR0) & TD_CR0_RESERVED));
	td_advance(run, vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

static void write_cr4_of_guest(struct td_run *run, u64 value, u64 qualification)
{
	struct cr_fixed fixed = td_cr_fixed();

	if (td_cr4_check(&fixed, run->tdcs->attributes, run->tdcs->xfam, value, vmread(VMCS_GUEST_CR0)) == CR_GP)
		td_inject_gp(run);
	else
		td_inject_ve(run, VMX_REASON_CR_ACCESS, qualification, 0, 0);
}

static void lmsw(struct td_run *run, u64 qualification)
{
	u64 source = (qualification >> VMX_CR_QUAL_LMSW_SOURCE_SHIFT) & CR0_LMSW_WRITES;

	vmwrite(VMCS_GUEST_CR0, (vmread(VMCS_GUEST_CR0) & ~(u64)CR0_LMSW_WRITES) | source);
	td_advance(run, vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

bool td_cr_exit(struct td_run *run)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);
	u32 number = qualification & VMX_CR_QUAL_NUMBER_MASK;
	u64 type = qualification & VMX_CR_QUAL_TYPE_MASK;
	u64 value = td_guest_gpr(run, (u32)((qualification & VMX_CR_QUAL_GPR_MASK) >> VMX_CR_QUAL_GPR_SHIFT));

	if (!td_guest_in_64bit_code())
		value = (u32)value;
	if (type == VMX_CR_QUAL_LMSW)
		lmsw(run, qualification);
	else if (type == VMX_CR_QUAL_MOV_TO && number == CR_NUMBER_0)
		write_cr0_of_guest(run, value, qualification);
	else if (type == VMX_CR_QUAL_MOV_TO && number == CR_NUMBER_4)
		write_cr4_of_guest(run, value, qualification);
	else
		return false;
	return true;
}

void td_xsetbv_exit(struct td_run *run)
{
	struct cpuid_regs regs = cpuid(CPUID_XSAVE, 0);
	u64 supported = (u64)regs.edx << 32 | regs.eax;
	u64 value = (u64)(u32)run->gpr[GPR_RDX] << 32 | (u32)run->gpr[GPR_RAX];

	if ((u32)run->gpr[GPR_RCX] != 0 || !td_xcr0_is_valid(supported, run->tdcs->xfam, value) ||
	    !xcr_write_safe(0, value)) {
		td_inject_gp(run);
		return;
	}
	run->tdvps->xcr0 = value;
	td_advance(run, vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}
