/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMX instructions of the host. A TDX host executes VMXON and VMXOFF for SEAMCALL's sake, INVEPT for its shared EPTs,
 * and may keep a current VMCS; it never needs VMLAUNCH here, because TDs run inside TDH.VP.ENTER. So VMX operation and
 * the current VMCS pointer are kept, guests of its own are refused by VMfailInvalid.
 *
 * The checks come in the order of the manual: #UD, #GP, VMfail.
 * Callers: exit handlers of the core, host's VMCS current.
 * Manual: SDM volume 3, "VMX Instruction Reference".
 */
#include "tests/tdxemu/nested.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/vmx.h"

#define ARITHMETIC_FLAGS ((u64)(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF))
#define SEGMENT_FS 4
#define ADDRESS_SIZE_16 0
#define ADDRESS_SIZE_32 1

enum vmx_result {
	VM_SUCCEED,
	VM_FAIL_INVALID,
	VM_FAIL_VALID,
};

static struct {
	u64 current_vmcs[EMU_MAX_CPUS];	/* (o) VMX_NO_LINK_POINTER: none */
	bool init_pending[EMU_MAX_CPUS];	/* (o) */
} nested;

static void finish(enum vmx_result result)
{
	u64 rflags = vmread(VMCS_GUEST_RFLAGS) & ~ARITHMETIC_FLAGS;

	if (result == VM_FAIL_INVALID)
		rflags |= RFLAGS_CF;
	else if (result == VM_FAIL_VALID)
		rflags |= RFLAGS_ZF;
	vmwrite(VMCS_GUEST_RFLAGS, rflags);
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

/* VMfail: with a current VMCS its error field would tell more, but the host cannot read that field here. */
static void fail(const struct emu_cpu *cpu)
{
	finish(nested.current_vmcs[cpu->index] == VMX_NO_LINK_POINTER ? VM_FAIL_INVALID : VM_FAIL_VALID);
}

static bool legal_mode(void)
{
	bool long_mode = (vmread(VMCS_GUEST_IA32_EFER) & EFER_LMA) != 0;

	return (vmread(VMCS_GUEST_CR0) & CR0_PE) != 0 && (vmread(VMCS_GUEST_RFLAGS) & RFLAGS_VM) == 0 &&
	       (!long_mode || l1_in_64bit_code());
}

/* In VMX operation at CPL 0? If not, the exception is queued. */
static bool in_operation(const struct emu_cpu *cpu)
{
	if (!cpu->host_vmx_on || !legal_mode()) {
		l1_inject(EXCEPTION_UD);
		return false;
	}
	if (l1_cpl() != 0) {
		l1_inject_gp();
		return false;
	}
	return true;
}

static u64 register_value(const struct emu_cpu *cpu, u64 number)
{
	return number == GPR_RSP ? vmread(VMCS_GUEST_RSP) : cpu->gpr[number];
}

/* Linear address of the memory operand of the instruction that exited. */
static u64 memory_operand(const struct emu_cpu *cpu)
{
	u32 info = (u32)vmread(VMCS_EXIT_INSTRUCTION_INFO);
	u32 size = (info & VMX_INSN_ADDRESS_SIZE_MASK) >> VMX_INSN_ADDRESS_SIZE_SHIFT;
	u32 segment = (info & VMX_INSN_SEGMENT_MASK) >> VMX_INSN_SEGMENT_SHIFT;
	u64 address = vmread(VMCS_EXIT_QUALIFICATION);

	if ((info & VMX_INSN_BASE_INVALID) == 0)
		address += register_value(cpu, (info & VMX_INSN_BASE_MASK) >> VMX_INSN_BASE_SHIFT);
	if ((info & VMX_INSN_INDEX_INVALID) == 0)
		address += register_value(cpu, (info & VMX_INSN_INDEX_MASK) >> VMX_INSN_INDEX_SHIFT)
			   << (info & VMX_INSN_SCALE_MASK);
	if (size == ADDRESS_SIZE_16)
		address &= 0xffff;
	else if (size == ADDRESS_SIZE_32)
		address &= 0xffffffffu;
	if (!l1_in_64bit_code())
		return (address + vmread(VMCS_GUEST_ES_BASE + 2 * segment)) & 0xffffffffu;
	return segment >= SEGMENT_FS ? address + vmread(VMCS_GUEST_ES_BASE + 2 * segment) : address;
}

static bool legal_region(u64 hpa)
{
	return IS_ALIGNED(hpa, PAGE_SIZE) && host_view_is_shared(hpa, PAGE_SIZE);
}

static u32 revision_of(u64 hpa)
{
	return *(const u32 *)phys(hpa);
}

static u32 revision(void)
{
	return (u32)(rdmsr(IA32_VMX_BASIC) & VMX_BASIC_REVISION_MASK);
}

void nested_vmxon(struct emu_cpu *cpu)
{
	u64 needed = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_OUTSIDE_SMX;
	u64 cr0_fixed = rdmsr(IA32_VMX_CR0_FIXED0);
	u64 control = 0, region;

	if (!platform_has_vmx(cpu) || !legal_mode() || (vmread(VMCS_CR4_READ_SHADOW) & CR4_VMXE) == 0) {
		l1_inject(EXCEPTION_UD);
		return;
	}
	if (cpu->host_vmx_on && l1_cpl() == 0) {
		fail(cpu);
		return;
	}
	if (l1_cpl() != 0 || (vmread(VMCS_CR0_READ_SHADOW) & cr0_fixed & CR0_NE) != (cr0_fixed & CR0_NE) ||
	    (vmread(VMCS_GUEST_CR0) & (CR0_PE | CR0_PG)) != (CR0_PE | (u64)CR0_PG) ||
	    !platform_msr(cpu, IA32_FEATURE_CONTROL, PLATFORM_HOST, &control) || (control & needed) != needed ||
	    !l1_read_u64(memory_operand(cpu), &region)) {
		l1_inject_gp();
		return;
	}
	if (!legal_region(region) || revision_of(region) != revision()) {
		finish(VM_FAIL_INVALID);
		return;
	}
	cpu->host_vmxon_hpa = region;
	nested.current_vmcs[cpu->index] = VMX_NO_LINK_POINTER;
	cpu->host_vmx_on = true;
	finish(VM_SUCCEED);
}

void nested_vmxoff(struct emu_cpu *cpu)
{
	if (!in_operation(cpu))
		return;
	cpu->host_vmx_on = false;
	finish(VM_SUCCEED);
	if (nested.init_pending[cpu->index]) {
		nested.init_pending[cpu->index] = false;
		l1_reset_by_init(cpu);
	}
}

void nested_vmclear(struct emu_cpu *cpu)
{
	u64 vmcs;

	if (!in_operation(cpu))
		return;
	if (!l1_read_u64(memory_operand(cpu), &vmcs)) {
		l1_inject_gp();
		return;
	}
	if (!legal_region(vmcs) || vmcs == cpu->host_vmxon_hpa) {
		fail(cpu);
		return;
	}
	if (nested.current_vmcs[cpu->index] == vmcs)
		nested.current_vmcs[cpu->index] = VMX_NO_LINK_POINTER;
	finish(VM_SUCCEED);
}

void nested_vmptrld(struct emu_cpu *cpu)
{
	u64 vmcs;

	if (!in_operation(cpu))
		return;
	if (!l1_read_u64(memory_operand(cpu), &vmcs)) {
		l1_inject_gp();
		return;
	}
	if (!legal_region(vmcs) || vmcs == cpu->host_vmxon_hpa || revision_of(vmcs) != revision()) {
		fail(cpu);
		return;
	}
	nested.current_vmcs[cpu->index] = vmcs;
	finish(VM_SUCCEED);
}

void nested_vmptrst(struct emu_cpu *cpu)
{
	if (!in_operation(cpu))
		return;
	if (l1_write_u64(memory_operand(cpu), nested.current_vmcs[cpu->index]))
		finish(VM_SUCCEED);
	else
		l1_inject_gp();
}

void nested_vmcall(struct emu_cpu *cpu)
{
	if (in_operation(cpu))
		fail(cpu);
}

void nested_no_vmcs(struct emu_cpu *cpu)
{
	if (in_operation(cpu))
		finish(VM_FAIL_INVALID);
}

/* Type operand of INVEPT and INVVPID. */
static u64 invalidation_type(const struct emu_cpu *cpu)
{
	u32 info = (u32)vmread(VMCS_EXIT_INSTRUCTION_INFO);

	return register_value(cpu, (info & VMX_INSN_REG2_MASK) >> VMX_INSN_REG2_SHIFT);
}

/*
 * The host names an EPT pointer or VPID of its own, which no CPU here uses: its shared EPT is walked under the TD's
 * merged root. So everything of this core is dropped.
 */
void nested_invept(struct emu_cpu *cpu)
{
	u64 type;

	if (!in_operation(cpu))
		return;
	type = invalidation_type(cpu);
	if (type != VMX_INVEPT_SINGLE_CONTEXT && type != VMX_INVEPT_GLOBAL) {
		fail(cpu);
		return;
	}
	vmx_invept(VMX_INVEPT_GLOBAL, 0);
	finish(VM_SUCCEED);
}

void nested_invvpid(struct emu_cpu *cpu)
{
	if (!in_operation(cpu))
		return;
	if (invalidation_type(cpu) > VMX_INVVPID_SINGLE_KEEP_GLOBAL) {
		fail(cpu);
		return;
	}
	vmx_invvpid(VMX_INVVPID_GLOBAL, 0);
	finish(VM_SUCCEED);
}

void nested_remember_init(struct emu_cpu *cpu)
{
	nested.init_pending[cpu->index] = true;
}
