/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMX instructions, one inline each, and the few things that go with them. Used by the host's side (l1.c) and by
 * the TD's side (td_vmcs.c, td_enter.c).
 *
 * Rule for the current VMCS: outside TDH.VP.* leaves it is the host's. A leaf may load another one and need not load
 * the host's back: seamcall.c does so after every leaf.
 * Manual: SDM volume 3, "VMX Instruction Reference".
 */
#ifndef TDXEMU_VMX_H
#define TDXEMU_VMX_H

#include "include/cella/types.h"
#include "include/spec/tdx/vp_enter.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/cpu.h"

/** vmx_field_failed() - a VMREAD or VMWRITE failed: stop, naming the field. Only our own bug leads here */
__noreturn void vmx_field_failed(u32 field, u64 value);

/** vmread() - field @field of the current VMCS */
static inline u64 vmread(u32 field)
{
	u64 value;
	bool failed;

	asm volatile("vmread %[field], %[value]"
		     : [value] "=r"(value), "=@ccna"(failed)
		     : [field] "r"((u64)field)
		     : "memory");
	if (__builtin_expect(failed, 0))
		vmx_field_failed(field, 0);
	return value;
}

/** vmwrite() - @value to field @field of the current VMCS */
static inline void vmwrite(u32 field, u64 value)
{
	bool failed;

	asm volatile("vmwrite %[value], %[field]"
		     : "=@ccna"(failed)
		     : [field] "r"((u64)field), [value] "r"(value)
		     : "memory");
	if (__builtin_expect(failed, 0))
		vmx_field_failed(field, value);
}

/** vmx_on() - @region: HPA of this core's VMXON region with the revision id in it. False: VMfail */
static inline bool vmx_on(u64 region)
{
	bool failed;

	asm volatile("vmxon %[region]" : "=@ccna"(failed) : [region] "m"(region) : "memory");
	return !failed;
}

/** vmx_clear() - VMCLEAR: the VMCS's data is in memory, its launch state is clear, it is not current */
static inline bool vmx_clear(u64 vmcs)
{
	bool failed;

	asm volatile("vmclear %[vmcs]" : "=@ccna"(failed) : [vmcs] "m"(vmcs) : "memory");
	return !failed;
}

/** vmx_load() - VMPTRLD: make the VMCS at HPA @vmcs current. False: no revision id in it, or not clear elsewhere */
static inline bool vmx_load(u64 vmcs)
{
	bool failed;

	asm volatile("vmptrld %[vmcs]" : "=@ccna"(failed) : [vmcs] "m"(vmcs) : "memory");
	return !failed;
}

/** vmx_current() - VMPTRST: HPA of the current VMCS, all ones if none */
static inline u64 vmx_current(void)
{
	u64 vmcs;

	asm volatile("vmptrst %[vmcs]" : [vmcs] "=m"(vmcs) : : "cc", "memory");
	return vmcs;
}

/** vmx_invept() - @type: VMX_INVEPT_...; @eptp: EPT pointer for the single-context type, else 0 */
static inline void vmx_invept(u64 type, u64 eptp)
{
	struct {
		u64 eptp, zero;
	} operand = { eptp, 0 };

	asm volatile("invept %[operand], %[type]" : : [operand] "m"(operand), [type] "r"(type) : "cc", "memory");
}

/** vmx_invvpid() - @type: VMX_INVVPID_...; @vpid: 0 for the global type */
static inline void vmx_invvpid(u64 type, u16 vpid)
{
	struct {
		u64 vpid, address;
	} operand = { vpid, 0 };

	asm volatile("invvpid %[operand], %[type]" : : [operand] "m"(operand), [type] "r"(type) : "cc", "memory");
}

enum vmx_entry {
	VMX_LAUNCH,
	VMX_RESUME,
};

/**
 * vmx_run() - enter the guest of the current VMCS; returns after its next VM exit
 * @gpr: guest registers in enum gpr's order, loaded before and stored after; RSP's slot is left alone (it is a VMCS
 * field) Writes the fields HOST_RSP and HOST_RIP itself. Interrupts are off. False: VMfail, the guest did not run, see
 * VMCS_INSTRUCTION_ERROR. Implemented in vmx_run.S.
 */
bool vmx_run(u64 gpr[GPR_COUNT], enum vmx_entry entry);

/** vmx_init_region() - 4 KiB at @hpa zeroed, then this CPU's revision id: what VMXON and VMCLEAR+VMPTRLD want */
void vmx_init_region(u64 hpa);
/**
 * vmx_controls() - value for a control field: @wanted, plus what the CPU forces to 1
 * @capability_msr: IA32_VMX_TRUE_..., or IA32_VMX_PROCBASED_CTLS2. Bits of @wanted the CPU cannot give stop the machine
 * by name
 * @what.
 */
u32 vmx_controls(u32 capability_msr, u32 wanted, const char *what);
/** vmx_controls_optional() - the same, but bits of @optional that the CPU lacks are dropped */
u32 vmx_controls_optional(u32 capability_msr, u32 wanted, u32 optional, const char *what);
/**
 * vmx_write_host_state() - all host-state fields of the current VMCS for this core: our segments, tables, CR, EFER, PAT
 * For the host's VMCS and for every TD's. A VMCS that moves to another core needs it again.
 */
void vmx_write_host_state(struct emu_cpu *cpu);

/**
 * msr_read_safe(), msr_write_safe(), xcr_write_safe(), pmc_read_safe() - false: the CPU raised #GP. Implemented in
 * vmx_run.S; the only instructions of ours that may fault
 */
bool msr_read_safe(u32 msr, u64 *value);
bool msr_write_safe(u32 msr, u64 value);
bool xcr_write_safe(u32 xcr, u64 value);
bool pmc_read_safe(u32 counter, u64 *value);
/** nmi_unblock() - after an NMI exit the CPU blocks NMIs until an IRET: execute one */
void nmi_unblock(void);

#endif
