/* SPDX-License-Identifier: BSD-2-Clause */
/* CR0, CR4 and XCR0 of a TD: which bits are the module's, and what a write to them means. */
#ifndef TDXEMU_TD_CR_H
#define TDXEMU_TD_CR_H

#include "tests/tdxemu/tdcall.h"

#define TD_CR0_RESERVED 0x1ffaffc0ull	/* 28:19, 17, 15:6: a write leaves them as they are */

/* What the CPU's VMX fixes, from its capability MSRs. */
struct cr_fixed {
	u64 cr0_zero, cr0_one;	/* IA32_VMX_CR0_FIXED1 inverted: must be 0; IA32_VMX_CR0_FIXED0: must be 1 */
	u64 cr4_zero, cr4_one;
};

enum cr_verdict {
	CR_WRITE,
	CR_GP,
	CR_VE,
};

/** td_cr_fixed() - of the running core */
struct cr_fixed td_cr_fixed(void);
/** td_cr0_mask(), td_cr4_mask() - guest/host masks */
u64 td_cr0_mask(const struct cr_fixed *fixed);
u64 td_cr4_mask(const struct cr_fixed *fixed, u64 attributes, u64 xfam);
/** td_cr0_check(), td_cr4_check() - an exiting write of @value; the other register as it is now */
enum cr_verdict td_cr0_check(const struct cr_fixed *fixed, u64 value, u64 cr4);
enum cr_verdict td_cr4_check(const struct cr_fixed *fixed, u64 attributes, u64 xfam, u64 value, u64 cr0);
/** td_xcr0_is_valid() - may the guest load @value? @supported: XCR0 bits of the CPU */
bool td_xcr0_is_valid(u64 supported, u64 xfam, u64 value);

/** td_cr_exit() - exit reason 28; false: an exit that was never asked for */
bool td_cr_exit(struct td_run *run);
/** td_xsetbv_exit() - exit reason 55 */
void td_xsetbv_exit(struct td_run *run);

#endif
