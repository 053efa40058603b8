/* SPDX-License-Identifier: BSD-2-Clause */
/* Can this machine host TDs, before the module is asked? facts.c reads it, detect.c judges. Boot core. */
#ifndef TDX_DETECT_H
#define TDX_DETECT_H

#include "arch/x86/insn.h"
#include "include/cella/types.h"

/* What was read of the machine before the module is asked. */
struct platform_facts {
	const char *vendor;
	struct cpuid_regs features, extended;	/* CPUID 1 and 7, all zero where CPUID does not go so far */
	u32 address_bits;	/* with those of KeyIDs */
	bool (*read_msr)(u32 msr, u64 *value);	/* false: #GP, the value is then 0 */
	const char *vmx_reason;	/* why a core is not in VMX operation, NULL: all are */
	u32 vmx_core, vmx_apic_id;	/* which */
	u32 cores_listed, cores_started;	/* by the MADT; by Cella */
	u32 cores_beyond_limit;	/* listed, more than Cella takes */
	u32 absent_apic_id;	/* of one that is listed and did not start */
	u32 hotplug_cores;	/* that the MADT allows to come later, in a package where no core runs */
	bool x2apic_opt_out;	/* DMAR */
	u64 hotplug_bytes;	/* memory that the SRAT calls hot-pluggable or non-volatile */
	bool fixed_memory;	/* there is free RAM that it does not */
};

struct tdx_platform {
	u16 first_private_keyid;
	u16 private_keyids;
	u32 keyid_address_bit;	/* lowest bit of the KeyID in a physical address */
};

/**
 * tdx_detect() - read the machine and check every precondition that can be seen without a SEAMCALL
 * @platform: written on success only. -ENODEV: at least one precondition fails. Each one, also those that hold, is a row
 * of the doctor's.
 */
int __must_check tdx_detect(struct tdx_platform *platform);
/** detect_judge() - the same on facts that were read before; pure but for the doctor's rows */
int __must_check detect_judge(const struct platform_facts *facts, struct tdx_platform *platform);

#endif
