/* SPDX-License-Identifier: BSD-2-Clause */
/* Can this machine host TDs, before the module is asked? KeyID split, CPU features, VMX on every core. Boot core. */
#ifndef TDX_DETECT_H
#define TDX_DETECT_H

#include "include/cella/types.h"

struct platform_facts;

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
