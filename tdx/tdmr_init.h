/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.SYS.TDMR.INIT of all TDMRs, on all cores at once. Boot core, task context with interrupts on; one caller. */
#ifndef TDX_TDMR_INIT_H
#define TDX_TDMR_INIT_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"

/**
 * tdmr_init_all() - until the module has initialised every page of @tdmrs
 * Interrupts are served meanwhile on every core. Logs the calls: all, on the longest core, and the least possible. On
 * failure the first cause is in the doctor's list; all cores have stopped.
 */
int __must_check tdmr_init_all(const struct tdx_tdmr_info *tdmrs, u32 count);

#endif
