/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMX instructions need around them: regions, control values from capabilities, our own host state.
 * Callers: any core; vmx_write_host_state() with the VMCS current.
 * Manual: SDM volume 3, "VMX Capability Reporting Facility".
 */
#include "tests/tdxemu/vmx.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/desc.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/verdict.h"

void vmx_field_failed(u32 field, u64 value)
{
	verdict_stop("VMREAD or VMWRITE of field 0x%x (value 0x%lx) failed with error %lu", field, value,
		     vmx_current() == VMX_NO_LINK_POINTER ? 0 : vmread(VMCS_INSTRUCTION_ERROR));
}

void vmx_init_region(u64 hpa)
{
	u64 *page = phys(hpa);

	for (u32 i = 0; i < PAGE_SIZE / sizeof(*page); i++)
		page[i] = 0;
	page[0] = rdmsr(IA32_VMX_BASIC) & VMX_BASIC_REVISION_MASK;
}

u32 vmx_controls_optional(u32 capability_msr, u32 wanted, u32 optional, const char *what)
{
	u64 capability = rdmsr(capability_msr);
	u32 forced = (u32)capability;
	u32 allowed = (u32)(capability >> 32);

	if (wanted & ~allowed)
		verdict_stop("this CPU's VMX lacks bits 0x%x of the %s", wanted & ~allowed, what);
	return wanted | (optional & allowed) | forced;
}

u32 vmx_controls(u32 capability_msr, u32 wanted, const char *what)
{
	return vmx_controls_optional(capability_msr, wanted, 0, what);
}

void vmx_write_host_state(struct emu_cpu *cpu)
{
	struct desc_bases bases = desc_bases_of(cpu);
	u32 exit_allowed = (u32)(rdmsr(IA32_VMX_TRUE_EXIT_CTLS) >> 32);

	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS_SELECTOR, SELECTOR_CODE64);
	vmwrite(VMCS_HOST_SS_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_DS_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_ES_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_FS_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_GS_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_TR_SELECTOR, SELECTOR_TSS);
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, 0);
	vmwrite(VMCS_HOST_TR_BASE, bases.tss);
	vmwrite(VMCS_HOST_GDTR_BASE, bases.gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, bases.idt);
	vmwrite(VMCS_HOST_IA32_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_IA32_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_IA32_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_IA32_EFER, rdmsr(MSR_EFER));
	vmwrite(VMCS_HOST_IA32_PAT, PAT_RESET);
	if (exit_allowed & VMX_EXIT_LOAD_CET) {
		vmwrite(VMCS_HOST_IA32_S_CET, 0);
		vmwrite(VMCS_HOST_SSP, 0);
		vmwrite(VMCS_HOST_IA32_INTERRUPT_SSP_TABLE, 0);
	}
	if (exit_allowed & VMX_EXIT_LOAD_PKRS)
		vmwrite(VMCS_HOST_IA32_PKRS, 0);
}
