/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TD pool: host memory carved out once at bring-up, unmapped from Cella, and given to the module page by page.
 * pool_page_alloc() and pool_page_free() from any task, with plain locks held; the rest on the boot core, in task
 * context with interrupts on, one caller at a time.
 */
#ifndef TDX_POOL_H
#define TDX_POOL_H

#include "include/cella/types.h"
#include "kernel/page.h"
#include "tdx/tdmr.h"

/** pool_set_nodes() - bit per NUMA node that the pool may lie on; 0: all. Before pool_take() */
void pool_set_nodes(u64 nodes);
/**
 * pool_take() - plan, carve out and unmap pool and PAMTs
 * @wanted_bytes: 0 = as much as may be taken. Leaves the host a quarter of RAM, at least POOL_HOST_MINIMUM. @tdmrs:
 * TDX_MAX_TDMRS entries, complete on success. Less than wanted gives a warning; nothing at all is -ENOMEM with a
 * complaint in the doctor's list. On failure nothing is taken. Needs the CMRs of tdx_sysinfo().
 */
int __must_check pool_take(u64 wanted_bytes, const struct tdmr_limits *limits, struct tdx_tdmr_info *tdmrs, u32 *count);
/** pool_give_back() - map the pool again and return it to the host. No page of it is held by the module */
void pool_give_back(void);

/**
 * pool_page_alloc() - a page of the pool that the module can take, with its part of a dynamic PAMT if there is one
 * @level: TDX_LEVEL_4K or TDX_LEVEL_2M. -ENOMEM: the pool is exhausted, or has no 2 MiB page; -EBUSY,
 * -EIO: no PAMT for it
 */
int __must_check pool_page_alloc(enum tdx_level level, enum page_owner owner, u32 node, hpa_t *page);
/** pool_page_free() - the module has let go of it */
void pool_page_free(hpa_t page, enum tdx_level level, enum page_owner owner);
/** pool_region() - number of the 2 MiB region of the pool that @page lies in */
u64 pool_region(hpa_t page);

#define POOL_HOST_MINIMUM MIB(256)

#endif
