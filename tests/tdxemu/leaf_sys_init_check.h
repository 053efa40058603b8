/* SPDX-License-Identifier: BSD-2-Clause */
/* What TDH.SYS.INIT and TDH.SYS.LP.INIT look at: one LP's MSRs and CPUID, sampled once and compared on every other LP. */
#ifndef TDXEMU_LEAF_SYS_INIT_CHECK_H
#define TDXEMU_LEAF_SYS_INIT_CHECK_H

#include "tests/tdxemu/cpu.h"
#include "tests/tdxemu/platform_demand.h"

#define SYS_SAMPLE_MSRS 32

struct sys_sample {
	u64 msrs[SYS_SAMPLE_MSRS];	/* in the order of compared_msrs in leaf_sys_init_check.c */
	struct cpuid_regs cpuid[DEMAND_CPUID_MAX];	/* in the order of demand_cpuid() */
	u64 seam_capabilities;
	u32 package_shift;	/* x2APIC id above it: the package */
	u32 l3_sharing;	/* CPUID.4.3:EAX[25:14] */
};

/* Output registers of a CPUID refusal, zero otherwise. */
struct sys_init_report {
	u64 leaf;	/* and sub-leaf in 63:32 */
	u64 mask_ab, mask_cd, value_ab, value_cd;	/* EAX and ECX low, EBX and EDX high */
};

/** sys_init_check() - steps 5 to 12 of TDH.SYS.INIT on @cpu; fills @sample even when it refuses */
u64 sys_init_check(const struct emu_cpu *cpu, struct sys_sample *sample, struct sys_init_report *report);
/** sys_lp_init_check() - steps 5 to 12 of TDH.SYS.LP.INIT on @cpu against @sample; writes the LP's package */
u64 sys_lp_init_check(const struct emu_cpu *cpu, const struct sys_sample *sample, struct sys_init_report *report,
		      u32 *package);

#endif
