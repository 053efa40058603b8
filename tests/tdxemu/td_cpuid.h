/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID of a TD: the module's table of rows, values computed at TDH.MNG.INIT, dynamic values at execution. The table
 * and its arithmetic are td_cpuid.c; what needs the CPU or a running TD is td_cpuid_exec.c.
 */
#ifndef TDXEMU_TD_CPUID_H
#define TDXEMU_TD_CPUID_H

#include "arch/x86/insn.h"
#include "tests/tdxemu/tdcall.h"

#define TD_CPUID_NO_SUBLEAF 0xffffffffu	/* the leaf has none: every ECX means the same */
#define TD_CPUID_CONFIG_ROWS 12
#define TD_CPUID_MAX_BASIC_LEAF 0x23

/* Rows that other files look into; the numbers are the module's own (CPUID_CONTROL). */
enum td_cpuid_row {
	TD_CPUID_1 = 0,
	TD_CPUID_4_0 = 1,
	TD_CPUID_4_3 = 4,
	TD_CPUID_7_0 = 5,
	TD_CPUID_7_1 = 6,
	TD_CPUID_A = 7,
	TD_CPUID_1C = 8,
	TD_CPUID_80000008 = 9,
	TD_CPUID_7_2 = 14,
	TD_CPUID_D_0 = 16,
	TD_CPUID_D_1 = 17,
	TD_CPUID_D_2 = 18,
	TD_CPUID_14_0 = 39,
	TD_CPUID_14_1 = 40,
	TD_CPUID_15 = 41,
	TD_CPUID_1D_0 = 43,
	TD_CPUID_1D_1 = 44,
	TD_CPUID_23_0 = 59,
	TD_CPUID_5 = 63,
	TD_CPUID_ROW_COUNT = 64,
};

/* The platform below a TD, so that the arithmetic can be tried with any. */
struct td_cpuid_platform {
	struct cpuid_regs (*read)(u32 leaf, u32 subleaf);	/* zeros for a leaf the CPU lacks */
	bool tsx_ctrl;	/* IA32_ARCH_CAPABILITIES.TSX_CTRL */
};

/** td_cpuid_config_count(), td_cpuid_config_row() - the list of configurable leaves in TD_PARAMS order (metadata) */
u32 td_cpuid_config_count(void);
void td_cpuid_config_row(u32 index, u32 *leaf, u32 *subleaf, struct td_cpuid_value *configurable);
/**
 * td_cpuid_build() - fill tdcs->cpuid from native values and the configuration
 * Needs tdcs->attributes, xfam and tsc_frequency. TDX_SUCCESS, OPERAND_INVALID with operand CPUID_CONFIG and *bad_leaf
 * (leaf | subleaf << 32), or INCORRECT_MSR_VALUE when TSX is asked for and the CPU cannot control it.
 */
u64 td_cpuid_build(struct tdcs *tdcs, const struct td_cpuid_value *config, u64 *bad_leaf);
/** td_cpuid_build_on() - the same on @platform */
u64 td_cpuid_build_on(const struct td_cpuid_platform *platform, struct tdcs *tdcs, const struct td_cpuid_value *config,
		      u64 *bad_leaf);
/** td_cpuid_find() - row of (@leaf, @subleaf), -1 if there is none or the module answers it with #VE */
int td_cpuid_find(u32 leaf, u32 subleaf);
/** td_cpuid_value() - stored value for TDH.MNG.RD of CPUID_VALUES; false: no such row */
bool td_cpuid_value(const struct tdcs *tdcs, u32 leaf, u32 subleaf, struct td_cpuid_value *value);
/** td_cpuid_exit() - the TD executed CPUID */
void td_cpuid_exit(struct td_run *run);
/** td_platform_fms() - CPUID(1).EAX as sampled */
u32 td_platform_fms(void);

#endif
