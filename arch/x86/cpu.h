/* SPDX-License-Identifier: BSD-2-Clause */
/* What this machine's processors can do. Found once on the boot core; constant afterwards. */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include "include/cella/types.h"

struct cpu_features {
	char vendor[16];
	u32 family_model_stepping;	/* CPUID(1).EAX */
	u32 physical_bits;	/* usable for addresses, KeyID bits taken off */
	bool x2apic, tsc_deadline, xsave, rdrand, rdseed, movdir64b, smep, smap, umip, pages_1g, invariant_tsc, vmx;
};

/** cpu_features() - after arch_cpu_init() on the boot core */
const struct cpu_features *cpu_features(void);
/** cpu_enable_features() - control registers of the running core as Cella wants them */
void cpu_enable_features(void);
/** cpu_package_of() - package number of an APIC id by the running core's topology leaf */
u32 cpu_package_of(u32 apic_id);

#endif
