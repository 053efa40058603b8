/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preconditions of TDX that show without a SEAMCALL. Each check that fails is one sentence for the operator, and all of
 * them are made, so that one visit to the firmware set-up is enough. Passing them proves nothing yet: buggy firmware
 * reports KeyIDs although TDX cannot work, and only TDH.SYS.INIT finds out.
 *
 * Manual: TDX Module Base, "Intel TDX Enumeration and Configuration"; Intel Architecture Memory Encryption
 * Technologies, "IA32_TME_ACTIVATE", "IA32_MKTME_KEYID_PARTITIONING".
 */
#include "tdx/detect.h"

#include "arch/x86/extable.h"
#include "arch/x86/insn.h"
#include "include/cella/errno.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/percpu.h"
#include "tdx/doctor.h"
#include "tdx/keyid.h"

enum { LEAST_PRIVATE_KEYIDS = 2 };	/* one for the module, one for a TD */

static void check_vmx(void)
{
	for (u32 cpu = 0; cpu < cpu_count(); cpu++) {
		const struct percpu *core = cpu_at(cpu);

		if (core->vmx == VMX_ON)
			continue;
		doctor_complain("vmx", "core %u (APIC id 0x%x) is not in VMX operation: %s; the firmware setting is \"Intel "
				"VMX\" or \"Intel Virtualization Technology\"", cpu, core->apic_id,
				core->vmx_reason ? core->vmx_reason : "VMX was not tried");
		return;	/* the other cores fail for the same reason */
	}
}

static void check_cpu(void)
{
	struct cpuid_regs features = cpuid(CPUID_FEATURES, 0);
	struct cpuid_regs extended = cpuid(CPUID_EXTENDED, 0);

	if (!(extended.ecx & CPUID_7_ECX_MOVDIR64B))
		doctor_complain("movdir64b", "this CPU has no MOVDIR64B, which clears memory that comes back from TDX: it is no "
				"TDX CPU");
	if (!(features.edx & CPUID_1_EDX_SELF_SNOOP))
		doctor_complain("self-snoop", "this CPU does not report self-snoop, which TDX needs");
	if (!(features.ecx & CPUID_1_ECX_XSAVE))
		doctor_complain("xsave", "this CPU does not report XSAVE, which TDX needs");
}

/* Number of bits that KeyIDs take from the physical address; 0 with a complaint. */
static u32 keyid_bits(void)
{
	u64 activate;
	u32 bits;

	if (!rdmsr_safe(IA32_TME_ACTIVATE, &activate)) {
		doctor_complain("tme-present", "this CPU has no memory encryption engine (MSR 0x%x is not there): TDX needs a CPU "
				"with TME-MT, or the firmware hides it", IA32_TME_ACTIVATE);
		return 0;
	}
	if (!(activate & TME_ACTIVATE_ENABLED)) {
		doctor_complain("tme-enabled", "memory encryption is off: enable \"Total Memory Encryption (TME)\" and \"TME "
				"Multi-Tenant (TME-MT)\" in the firmware set-up");
		return 0;
	}
	if (!(activate & TME_ACTIVATE_LOCKED)) {
		doctor_complain("tme-locked", "the firmware has not locked the memory encryption settings (MSR 0x%x): update the "
				"firmware", IA32_TME_ACTIVATE);
		return 0;
	}
	bits = (u32)(activate >> TME_ACTIVATE_KEYID_BITS_SHIFT) & TME_ACTIVATE_KEYID_BITS_MASK;
	if (!bits)
		doctor_complain("tme-mt", "memory encryption has only one key: enable \"TME Multi-Tenant (TME-MT)\" in the "
				"firmware set-up");
	return bits;
}

static void check_keyids(struct tdx_platform *platform)
{
	u32 address_bits = cpuid(CPUID_EXT_ADDRESS, 0).eax & CPUID_EXT_ADDRESS_PA_MASK;
	u32 bits = keyid_bits();
	u64 partitioning;
	u32 shared, private;

	if (!bits)
		return;
	if (!rdmsr_safe(IA32_MKTME_KEYID_PARTITIONING, &partitioning)) {
		doctor_complain("keyid-msr", "this CPU has no KeyIDs for TDX (MSR 0x%x is not there): enable \"Trust Domain "
				"Extensions (TDX)\" in the firmware set-up; TDX needs a CPU that has it",
				IA32_MKTME_KEYID_PARTITIONING);
		return;
	}
	shared = (u32)partitioning;
	private = (u32)(partitioning >> 32);
	if (private < LEAST_PRIVATE_KEYIDS) {
		doctor_complain("keyid-count", "the firmware has reserved %u KeyIDs for TDX, at least %u are needed: enable \"Trust "
				"Domain Extensions (TDX)\" and set \"TME-MT/TDX key split\" to a non-zero value",
				private, LEAST_PRIVATE_KEYIDS);
		return;
	}
	if ((u64)shared + private >= KEYID_LIMIT || shared + private >= 1u << bits || bits >= address_bits) {
		doctor_complain("keyid-range", "the firmware's KeyID split makes no sense: %u shared and %u private KeyIDs in %u bits "
				"of %u-bit addresses: update the firmware", shared, private, bits, address_bits);
		return;
	}
	platform->first_private_keyid = (u16)(shared + 1);
	platform->private_keyids = (u16)private;
	platform->keyid_address_bit = address_bits - bits;
}

int tdx_detect(struct tdx_platform *platform)
{
	struct tdx_platform found = { 0 };
	u32 complaints = doctor_count();

	check_vmx();
	check_cpu();
	check_keyids(&found);
	if (doctor_count() != complaints)
		return -ENODEV;
	*platform = found;
	return 0;
}
