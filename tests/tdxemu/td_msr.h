/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs of a TD: the module's table, the bitmap made of it, the exits it causes. */
#ifndef TDXEMU_TD_MSR_H
#define TDXEMU_TD_MSR_H

#include "tests/tdxemu/tdcall.h"

enum msr_action {
	MSR_NATIVE,	/* no exit */
	MSR_VE,
	MSR_GP,
	MSR_READ_ONE,	/* the value 1 */
	MSR_READ_ZERO,
	MSR_ARCH_CAPABILITIES,
	MSR_MISC_ENABLE,
	MSR_DEBUGCTL,
	MSR_XSS,
	MSR_EFER_WRITE,
	MSR_PERF_CAPABILITIES,	/* native value without PEBS_OUTPUT_PT_AVAIL */
};

enum msr_access {
	MSR_READ,
	MSR_WRITE,
};

/** td_msr_action() - what @access to @msr means in this TD; needs attributes, xfam and cpuid of @tdcs */
enum msr_action td_msr_action(const struct tdcs *tdcs, u32 msr, enum msr_access access);
/** td_msr_fill_bitmap() - clear the bits of native accesses in the 4 KiB @bitmap, which is all ones before */
void td_msr_fill_bitmap(const struct tdcs *tdcs, u8 *bitmap);
/** td_msr_build_bitmap() - the same for the TD's bitmap page, from TDH.MNG.INIT after td_cpuid_build() */
void td_msr_build_bitmap(struct tdr *tdr, struct tdcs *tdcs);
/** td_msr_exit() - exit reasons 31 and 32 */
void td_msr_exit(struct td_run *run, enum msr_access access);

#endif
