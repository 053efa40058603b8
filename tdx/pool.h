/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TD pool: host memory carved out once at bring-up, unmapped from Cella, and given to the module page by page.
 * Boot core, task context with interrupts on; one caller at a time.
 */
#ifndef TDX_POOL_H
#define TDX_POOL_H

#include "include/cella/types.h"
#include "tdx/tdmr.h"

/**
 * pool_take() - choose, carve out and unmap
 * @wanted_bytes: 0 = as much as may be taken. Leaves the host a quarter of RAM, at least POOL_HOST_MINIMUM, and the
 * PAMTs. Less than wanted gives a warning; nothing at all is -ENOMEM with a complaint in the doctor's list. On failure
 * nothing is taken. Needs the CMRs of tdx_sysinfo().
 */
int __must_check pool_take(u64 wanted_bytes, const struct tdmr_limits *limits);
/** pool_granules() - the GiBs of address space that the pool lies in, for tdmr_cover() */
const struct tdmr_granule *pool_granules(u32 *count);
/** pool_give_back() - map it again and return it to the host. No page of it is held by the module */
void pool_give_back(void);

#define POOL_HOST_MINIMUM MIB(256)

#endif
