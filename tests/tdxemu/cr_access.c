/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CR0.NE and CR4.VMXE must be 1 in non-root, so the CPU exits when the host moves another value than its shadow shows
 * for one of them. Such a MOV is carried out whole, with the checks and the mode switches that the instruction does.
 * Callers: exit handler of the core, host's VMCS current.
 * Manual: SDM volume 2B, "MOV-Move to/from Control Registers"; volume 3, "Initializing IA-32e Mode", "PAE Paging".
 */
#include "tests/tdxemu/cr_access.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define CR0_KNOWN                                                                                                      \
	((u64)(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD) | CR0_PG)
#define CR0_LMSW 0xfull
#define CR3_PCID_MASK 0xfffull
#define PAE_TABLE_MASK 0xffffffe0ull
#define PAE_POINTERS 4
#define PAE_PAGING_BITS (CR4_PSE | CR4_PGE | CR4_PAE | CR4_SMEP)

static u64 operand(const struct emu_cpu *cpu, u64 qualification)
{
	u64 gpr = (qualification & VMX_CR_QUAL_GPR_MASK) >> VMX_CR_QUAL_GPR_SHIFT;
	u64 value = gpr == GPR_RSP ? vmread(VMCS_GUEST_RSP) : cpu->gpr[gpr];

	return l1_in_64bit_code() ? value : (u32)value;
}

/* The four page-directory pointers that PAE paging keeps in the CPU. False: a table outside of the host's memory. */
static bool load_pae_pointers(void)
{
	u64 table = vmread(VMCS_GUEST_CR3) & PAE_TABLE_MASK;

	if (!host_view_is_shared(ALIGN_DOWN(table, PAGE_SIZE), PAGE_SIZE))
		return false;
	for (u32 i = 0; i < PAE_POINTERS; i++)
		vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, ((const u64 *)phys(table))[i]);
	return true;
}

static void set_long_mode(bool active)
{
	u64 efer = vmread(VMCS_GUEST_IA32_EFER);
	u64 entry = vmread(VMCS_ENTRY_CONTROLS);

	vmwrite(VMCS_GUEST_IA32_EFER, active ? efer | EFER_LMA : efer & ~(u64)EFER_LMA);
	vmwrite(VMCS_ENTRY_CONTROLS, active ? entry | VMX_ENTRY_IA32E_GUEST : entry & ~VMX_ENTRY_IA32E_GUEST);
}

static bool cr0_is_legal(u64 value, u64 cr4, u64 efer)
{
	if ((value & ~CR0_KNOWN) != 0 || ((value & CR0_PG) != 0 && (value & CR0_PE) == 0) ||
	    ((value & CR0_NW) != 0 && (value & CR0_CD) == 0) || ((value & CR0_WP) == 0 && (cr4 & CR4_CET) != 0))
		return false;
	if ((value & CR0_PG) == 0)
		return !l1_in_64bit_code() && (cr4 & CR4_PCIDE) == 0;
	/* Paging on with LME starts IA-32e mode: PAE needed, 16- and 32-bit code only. */
	return (efer & EFER_LME) == 0 || (efer & EFER_LMA) != 0 ||
	       ((cr4 & CR4_PAE) != 0 && (vmread(VMCS_GUEST_CS_ACCESS) & VMX_ACCESS_LONG) == 0);
}

static bool write_cr0_of_host(u64 value)
{
	u64 cr4 = vmread(VMCS_GUEST_CR4);
	u64 efer = vmread(VMCS_GUEST_IA32_EFER);
	bool was_paging = (vmread(VMCS_GUEST_CR0) & CR0_PG) != 0;
	bool paging = (value & CR0_PG) != 0;

	value |= CR0_ET;
	if (!cr0_is_legal(value, cr4, efer))
		return false;
	if (paging && !was_paging && (efer & EFER_LME) == 0 && (cr4 & CR4_PAE) != 0 && !load_pae_pointers())
		return false;
	if (paging && !was_paging && (efer & EFER_LME) != 0)
		set_long_mode(true);
	if (!paging && (efer & EFER_LMA) != 0)
		set_long_mode(false);
	vmwrite(VMCS_CR0_READ_SHADOW, value);
	vmwrite(VMCS_GUEST_CR0, value | CR0_NE);
	return true;
}

static bool cr4_is_legal(const struct emu_cpu *cpu, u64 value, u64 old, u64 efer)
{
	u64 turned_on = value & ~old;

	if ((value & ~rdmsr(IA32_VMX_CR4_FIXED1)) != 0 || (cpu->host_vmx_on && (value & CR4_VMXE) == 0))
		return false;
	if ((efer & EFER_LMA) != 0 && ((value & CR4_PAE) == 0 || ((value ^ old) & CR4_LA57) != 0))
		return false;
	if ((turned_on & CR4_PCIDE) != 0 &&
	    ((efer & EFER_LMA) == 0 || (vmread(VMCS_GUEST_CR3) & CR3_PCID_MASK) != 0))
		return false;
	return (value & CR4_CET) == 0 || (vmread(VMCS_GUEST_CR0) & CR0_WP) != 0;
}

static bool write_cr4_of_host(const struct emu_cpu *cpu, u64 value)
{
	u64 old = vmread(VMCS_GUEST_CR4);
	u64 efer = vmread(VMCS_GUEST_IA32_EFER);
	bool pae_paging = (vmread(VMCS_GUEST_CR0) & CR0_PG) != 0 && (efer & EFER_LMA) == 0 && (value & CR4_PAE) != 0;

	if (!cr4_is_legal(cpu, value, old, efer))
		return false;
	if (pae_paging && ((value ^ old) & PAE_PAGING_BITS) != 0 && !load_pae_pointers())
		return false;
	vmwrite(VMCS_CR4_READ_SHADOW, value);
	vmwrite(VMCS_GUEST_CR4, value | CR4_VMXE);
	return true;
}

void cr_access(struct emu_cpu *cpu)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);
	u64 number = qualification & VMX_CR_QUAL_NUMBER_MASK;
	u64 type = qualification & VMX_CR_QUAL_TYPE_MASK;
	bool done;

	if (number == 0 && type == VMX_CR_QUAL_MOV_TO)
		done = write_cr0_of_host(operand(cpu, qualification));
	else if (number == 0 && type == VMX_CR_QUAL_LMSW)
		done = write_cr0_of_host((vmread(VMCS_CR0_READ_SHADOW) & ~CR0_LMSW) |
					 ((qualification >> VMX_CR_QUAL_LMSW_SOURCE_SHIFT) & CR0_LMSW));
	else if (number == 4 && type == VMX_CR_QUAL_MOV_TO)
		done = write_cr4_of_host(cpu, operand(cpu, qualification));
	else
		verdict_stop("core %u: control-register exit with qualification 0x%lx is not expected", cpu->index,
			     qualification);
	if (!done) {
		l1_inject_gp();
		return;
	}
	vmx_invvpid(VMX_INVVPID_SINGLE_CONTEXT, L1_VPID);
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}
