/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID of a TD: the module's table of rows, values computed at TDH.MNG.INIT, dynamic values at execution. */
#ifndef TDXEMU_TD_CPUID_H
#define TDXEMU_TD_CPUID_H

#include "tests/tdxemu/tdcall.h"

/** td_cpuid_config_count(), td_cpuid_config_row() - the list of configurable leaves in TD_PARAMS order (metadata) */
u32 td_cpuid_config_count(void);
void td_cpuid_config_row(u32 index, u32 *leaf, u32 *subleaf, struct td_cpuid_value *configurable);
/**
 * td_cpuid_build() - fill tdcs->cpuid from native values and the configuration
 * TDX_SUCCESS, or OPERAND_INVALID with operand CPUID_CONFIG and *bad_leaf (leaf | subleaf << 32)
 */
u64 td_cpuid_build(struct tdcs *tdcs, const struct td_cpuid_value *config, u64 *bad_leaf);
/** td_cpuid_value() - stored value for TDH.MNG.RD of CPUID_VALUES; false: no such row */
bool td_cpuid_value(const struct tdcs *tdcs, u32 leaf, u32 subleaf, struct td_cpuid_value *value);
/** td_cpuid_exit() - the TD executed CPUID */
void td_cpuid_exit(struct td_run *run);
/** td_platform_fms() - CPUID(1).EAX as sampled */
u32 td_platform_fms(void);

#endif
