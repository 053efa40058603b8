/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDVMCALLs in place of CPU instructions: CPUID, HLT, RDMSR, WRMSR.
 *
 * CPUID: the module answers nearly all leaves; what reaches the host is the hypervisor range, which carries the
 * signature that makes Linux keep the x2APIC on, with no paravirtual feature, and leaf 0xB, where OVMF's application
 * processors look for their id. MSRs: the local APIC is vapic.c's; a short table answers those that guests read at
 * boot, and writes are taken only where ignoring them is what the register allows. MTRR_DEF_TYPE reads 0 (MTRRs off),
 * or Linux would set CR0.CD. HLT: returning early is always legal. A vCPU whose APIC is off cannot be woken by an
 * interrupt (application processors that wait for a mailbox in private memory), so it is let out every few
 * milliseconds. Own task of the vCPU, outside the TD.
 *
 * GHCI, "TDG.VP.VMCALL<Instruction.CPUID>" and following; SDM, volume 4.
 */
#include "include/spec/tdx/ghci.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/cpuid.h"
#include "kernel/log.h"
#include "vmm/guest.h"
#include "vmm/tdvmcall.h"
#include "vmm/vapic.h"

#define HLT_POLL_NS (5 * NS_PER_MS)

struct msr_range {
	u32 first, last;
	u64 value;	/* what RDMSR answers */
	enum msr_write {
		MSR_WRITE_REFUSED,
		MSR_WRITE_IGNORED,
		MSR_WRITE_SAME,	/* only the value it has */
	} write;
};

static const struct msr_range msr_table[] = {
	{ 0x017, 0x017, 0, MSR_WRITE_REFUSED },	/* IA32_PLATFORM_ID */
	{ 0x03a, 0x03a, 1, MSR_WRITE_SAME },	/* IA32_FEATURE_CONTROL: locked, nothing enabled */
	{ 0x08b, 0x08b, 0x100000000ull, MSR_WRITE_IGNORED },	/* IA32_BIOS_SIGN_ID: microcode revision 1 */
	{ 0x0ce, 0x0ce, 0, MSR_WRITE_REFUSED },	/* MSR_PLATFORM_INFO */
	{ 0x0cf, 0x0cf, 0, MSR_WRITE_REFUSED },	/* IA32_CORE_CAPABILITIES */
	{ 0x0fe, 0x0fe, 0x508, MSR_WRITE_REFUSED },	/* IA32_MTRRCAP: 8 ranges, fixed ranges, write combining */
	{ 0x140, 0x140, 0, MSR_WRITE_SAME },	/* MSR_MISC_FEATURES_ENABLES */
	{ 0x179, 0x17a, 0, MSR_WRITE_SAME },	/* IA32_MCG_CAP, IA32_MCG_STATUS: no banks */
	{ 0x1a0, 0x1a0, 1, MSR_WRITE_IGNORED },	/* IA32_MISC_ENABLE: fast strings */
	{ 0x1fc, 0x1fc, 0, MSR_WRITE_IGNORED },	/* MSR_POWER_CTL */
	{ 0x200, 0x20f, 0, MSR_WRITE_SAME },	/* IA32_MTRR_PHYSBASE0 to PHYSMASK7 */
	{ 0x250, 0x250, 0, MSR_WRITE_SAME },	/* IA32_MTRR_FIX64K_00000 */
	{ 0x258, 0x259, 0, MSR_WRITE_SAME },	/* IA32_MTRR_FIX16K */
	{ 0x268, 0x26f, 0, MSR_WRITE_SAME },	/* IA32_MTRR_FIX4K */
	{ 0x2ff, 0x2ff, 0, MSR_WRITE_SAME },	/* IA32_MTRR_DEF_TYPE: off */
};

u64 call_cpuid(struct guest_vcpu *vcpu, struct vmcall *call)
{
	/* Guests pass whole 64-bit registers; the instruction looks at 32 bits. */
	u32 leaf = (u32)call->argument[0];
	bool base = leaf == HYPERVISOR_CPUID_BASE;

	tdvmcall_return(call, TDVMCALL_OUT_R12, base ? HYPERVISOR_CPUID_FEATURES : 0);
	tdvmcall_return(call, TDVMCALL_OUT_R13, base ? HYPERVISOR_SIGNATURE_EBX : 0);
	tdvmcall_return(call, TDVMCALL_OUT_R14, base ? HYPERVISOR_SIGNATURE_ECX : 0);
	tdvmcall_return(call, TDVMCALL_OUT_R15, base ? HYPERVISOR_SIGNATURE_EDX :
						leaf == CPUID_TOPOLOGY ? vcpu->vcpu.index : 0);
	return TDVMCALL_SUCCESS;
}

/* Something the guest would wake for: an NMI always, a vector unless it said that interrupts are blocked. */
static bool has_reason_to_run(struct guest_vcpu *vcpu, bool blocked)
{
	return guest_is_stopping(vcpu->guest) || __atomic_load_n(&vcpu->nmi_requested, __ATOMIC_SEQ_CST) ||
	       (!blocked && vcpu_has_interrupt(&vcpu->vcpu));
}

u64 call_hlt(struct guest_vcpu *vcpu, struct vmcall *call)
{
	bool blocked = call->argument[0] != 0;
	bool deaf = !(vcpu->vapic.regs[VAPIC_REGISTER(APIC_SVR)] & APIC_SVR_ENABLE);

	/* The event is a latch: what is posted between the look and the wait is not lost. */
	while (!has_reason_to_run(vcpu, blocked)) {
		if (!deaf)
			event_wait(&vcpu->wake);
		else if (!event_wait_until(&vcpu->wake, time_ns() + HLT_POLL_NS))
			break;
	}
	return TDVMCALL_SUCCESS;
}

static const struct msr_range *find_msr(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(msr_table); i++)
		if (msr >= msr_table[i].first && msr <= msr_table[i].last)
			return &msr_table[i];
	return NULL;
}

u64 call_rdmsr(struct guest_vcpu *vcpu, struct vmcall *call)
{
	u32 msr = (u32)call->argument[0];
	const struct msr_range *known;
	u64 value;

	if (!vapic_read(vcpu, msr, &value)) {
		known = find_msr(msr);
		if (!known) {
			log_debug("td", "%s vCPU %u: RDMSR 0x%x refused", vcpu->guest->config->name, vcpu->vcpu.index,
				  msr);
			return TDVMCALL_INVALID_OPERAND;
		}
		value = known->value;
	}
	tdvmcall_return(call, TDVMCALL_OUT_R11, value);
	return TDVMCALL_SUCCESS;
}

u64 call_wrmsr(struct guest_vcpu *vcpu, struct vmcall *call)
{
	u32 msr = (u32)call->argument[0];
	u64 value = call->argument[1];
	const struct msr_range *known;

	if (vapic_write(vcpu, msr, value))
		return TDVMCALL_SUCCESS;
	known = find_msr(msr);
	if (known && (known->write == MSR_WRITE_IGNORED || (known->write == MSR_WRITE_SAME && value == known->value)))
		return TDVMCALL_SUCCESS;
	log_debug("td", "%s vCPU %u: WRMSR 0x%x to 0x%lx refused", vcpu->guest->config->name, vcpu->vcpu.index, msr,
		  value);
	return TDVMCALL_INVALID_OPERAND;
}
