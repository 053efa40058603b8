/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The platform that the software TDX machine stands for: MSRs, CPUID, topology and what firmware left behind, per
 * logical processor. One table, read by the host's RDMSR and CPUID and by the module's checks, so both see the same
 * deviations (platform_seed.c).
 */
#ifndef TDXEMU_PLATFORM_H
#define TDXEMU_PLATFORM_H

#include "arch/x86/insn.h"
#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "tests/tdxemu/cpu.h"

/*
 * Who reads. The module takes the CPU for one that has all that Intel demands of it (platform_demand.c); the host is
 * never shown an instruction that the CPU below lacks.
 */
enum platform_viewer {
	PLATFORM_HOST,
	PLATFORM_MODULE,
};

/* What SEAMOPS enumerates. SDM volume 3, "SEAMOPS": leaves SEAMREPORT, SEAMDB_GETREF, SEAMDB_REPORT. */
#define SEAMOPS_SEAMREPORT BIT(1)
#define SEAMOPS_SEAMDB_GETREF BIT(3)
#define SEAMOPS_SEAMDB_REPORT BIT(4)

/**
 * platform_prepare() - "packages=N" of the command line and the words of fault.c take effect
 * After fault_configure() and when all cores are in the table; gives each core its package. Boot core.
 */
void platform_prepare(const char *cmdline);

/**
 * platform_msr() - value of @msr on @cpu, which must be the running core
 * False: RDMSR gives #GP.
 */
bool platform_msr(const struct emu_cpu *cpu, u32 msr, enum platform_viewer viewer, u64 *value);
/** platform_msr_write() - WRMSR of the host; false: #GP */
bool platform_msr_write(const struct emu_cpu *cpu, u32 msr, u64 value);
/** platform_msr_exits() - must the host's accesses to @msr be intercepted? */
bool platform_msr_exits(u32 msr);
/** platform_cpuid() - a CPUID leaf on @cpu, which must be the running core. OSXSAVE and OSPKE are the CPU's own */
struct cpuid_regs platform_cpuid(const struct emu_cpu *cpu, u32 leaf, u32 subleaf, enum platform_viewer viewer);
/** platform_native_cpuid() - the CPU itself (cpu_face.c; unit tests have their own) */
struct cpuid_regs platform_native_cpuid(u32 leaf, u32 subleaf);
/** platform_tsc_hz() - TSC frequency as CPUID 0x15 presents it to the host */
u64 platform_tsc_hz(void);

/** platform_has_vmx() - does @cpu show VMX? Without it VMXON is an undefined opcode */
bool platform_has_vmx(const struct emu_cpu *cpu);
/** platform_seam_enabled() - did firmware set up SEAM on @cpu? If not, SEAMCALL is #GP */
bool platform_seam_enabled(const struct emu_cpu *cpu);
/** platform_lp_count() - logical processors that firmware counted; TDH.SYS.CONFIG waits for as many */
u32 platform_lp_count(void);
/** platform_seam_capabilities() - SEAMOPS_... that @cpu offers */
u64 platform_seam_capabilities(const struct emu_cpu *cpu);
/** platform_sigstruct_handoff() - handoff version in the signature structure the module was loaded with */
u16 platform_sigstruct_handoff(void);
/** platform_change_cmrs() - what firmware reports instead of the sane list @cmrs of *@count entries */
void platform_change_cmrs(struct tdx_cmr cmrs[TDX_MAX_CMRS], u32 *count);

#endif
