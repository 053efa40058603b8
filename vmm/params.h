/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a TD is: ATTRIBUTES, XFAM, CPUID, TSC, EPTP. Pure: from the module's fixed masks, the machine's CPUID and the
 * guest's configuration to TD_PARAMS. Manual: TDX Module ABI, "TD_PARAMS".
 */
#ifndef VMM_PARAMS_H
#define VMM_PARAMS_H

#include "include/cella/types.h"
#include "include/spec/tdx/td_params.h"
#include "tdx/sysinfo.h"
#include "vmm/config.h"
#include "vmm/refuse.h"


struct params_input {
	const struct tdx_sysinfo *sysinfo;
	const struct guest_config *config;
	u16 tsc_frequency;	/* units of 25 MHz */
	void (*cpuid)(u32 leaf, u32 subleaf, struct td_cpuid_value *value);	/* the machine's CPUID */
};

/** params_fill() - @params: zeroed. -EINVAL: the configuration asks for what there is not; sentence in @error */
int __must_check params_fill(struct td_params *params, const struct params_input *in, char error[REFUSAL_BYTES]);

#endif
