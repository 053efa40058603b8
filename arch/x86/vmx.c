/* SPDX-License-Identifier: BSD-2-Clause */
/* See vmx.h. SDM volume 3, "Enabling and Entering VMX Operation". */
#include "arch/x86/vmx.h"

#include "arch/x86/cpu.h"
#include "arch/x86/extable.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "kernel/page.h"
#include "kernel/percpu.h"

#define INVEPT_ALL_CONTEXTS 2

static const char *refuse_by_firmware(void)
{
	u64 control;

	if (!rdmsr_safe(IA32_FEATURE_CONTROL, &control))
		return "IA32_FEATURE_CONTROL cannot be read";
	if (!(control & FEATURE_CONTROL_LOCKED)) {
		if (!wrmsr_safe(IA32_FEATURE_CONTROL,
				control | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_OUTSIDE_SMX))
			return "IA32_FEATURE_CONTROL is unlocked but cannot be written";
		return NULL;
	}
	if (!(control & FEATURE_CONTROL_VMX_OUTSIDE_SMX))
		return "firmware has locked VMX off: enable \"Intel Virtualization Technology (VT-x)\" in the firmware "
		       "setup";
	return NULL;
}

static const char *refuse_by_fixed_bits(void)
{
	u64 cr0 = read_cr0();
	u64 cr4 = read_cr4() | CR4_VMXE;

	if ((cr0 & rdmsr(IA32_VMX_CR0_FIXED0)) != rdmsr(IA32_VMX_CR0_FIXED0) || (cr0 & ~rdmsr(IA32_VMX_CR0_FIXED1)))
		return "CR0 has bits that VMX operation does not allow";
	if ((cr4 & rdmsr(IA32_VMX_CR4_FIXED0)) != rdmsr(IA32_VMX_CR4_FIXED0) || (cr4 & ~rdmsr(IA32_VMX_CR4_FIXED1)))
		return "CR4 has bits that VMX operation does not allow";
	return NULL;
}

static const char *enter(void)
{
	const char *why = refuse_by_firmware();
	u32 *region;
	u64 address;

	if (!why)
		why = refuse_by_fixed_bits();
	if (why)
		return why;
	region = page_zalloc(1, PAGE_KERNEL);
	if (!region)
		return "no page is left for the VMXON region";
	*region = (u32)rdmsr(IA32_VMX_BASIC) & VMX_BASIC_REVISION_MASK;
	write_cr4(read_cr4() | CR4_VMXE);
	address = hva_to_hpa(region).raw;
	if (!vmxon_safe(&address)) {
		write_cr4(read_cr4() & ~(u64)CR4_VMXE);
		page_zfree(region, 1, PAGE_KERNEL);
		return "VMXON was refused although feature control and control registers allow it";
	}
	return NULL;
}

int vmx_on(void *unused)
{
	struct percpu *cpu = arch_this_cpu();

	(void)unused;
	cpu->vmx_reason = cpu_features()->vmx ? enter() : "the processor has no VMX (CPUID.1:ECX.VMX is 0)";
	cpu->vmx = cpu->vmx_reason ? VMX_OFF : VMX_ON;
	return cpu->vmx_reason ? -ENODEV : 0;
}

int vmx_off(void *unused)
{
	struct percpu *cpu = arch_this_cpu();

	(void)unused;
	if (cpu->vmx == VMX_ON) {
		vmxoff();
		write_cr4(read_cr4() & ~(u64)CR4_VMXE);
		cpu->vmx = VMX_OFF;
		cpu->vmx_reason = "switched off for power-off";
	}
	return 0;
}

void invept_all(void)
{
	invept(INVEPT_ALL_CONTEXTS);
}
