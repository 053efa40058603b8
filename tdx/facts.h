/* SPDX-License-Identifier: BSD-2-Clause */
/* What was read of the machine before the module is asked: the input of tdx/detect.c. Boot core. */
#ifndef TDX_FACTS_H
#define TDX_FACTS_H

#include "include/cella/types.h"

/* clang-format off */
/* X(name, how it is called, leaf, register) */
#define FACT_CPUID_LIST(X) \
	X(CPUID_1_EAX, "CPUID.1:EAX", CPUID_FEATURES, eax) \
	X(CPUID_1_ECX, "CPUID.1:ECX", CPUID_FEATURES, ecx) \
	X(CPUID_1_EDX, "CPUID.1:EDX", CPUID_FEATURES, edx) \
	X(CPUID_7_ECX, "CPUID.7:ECX", CPUID_EXTENDED, ecx) \
	X(CPUID_80000008_EAX, "CPUID.0x80000008:EAX", CPUID_EXT_ADDRESS, eax)

#define FACT_MSR_LIST(X) \
	X(IA32_MISC_ENABLE) \
	X(IA32_TME_CAPABILITY) \
	X(IA32_TME_ACTIVATE) \
	X(IA32_MKTME_KEYID_PARTITIONING) \
	X(IA32_MTRRCAP) \
	X(IA32_SEAMRR_BASE) \
	X(IA32_SEAMRR_MASK) \
	X(IA32_XAPIC_DISABLE_STATUS) \
	X(IA32_VMX_BASIC)
/* clang-format on */

enum fact {
#define NAME(name, ...) FACT_##name,
	FACT_CPUID_LIST(NAME) FACT_MSR_LIST(NAME)
#undef NAME
	FACT_COUNT,
};

struct platform_facts {
	char vendor[13];
	u64 value[FACT_COUNT];	/* 0 when not readable */
	bool readable[FACT_COUNT];	/* false: #GP, or CPUID does not go so far */
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

#endif
