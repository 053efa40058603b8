/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TDX module's life on this machine: from detection to READY, and its end. States as in the manual.
 * Boot core, task context with interrupts on; one caller at a time.
 */
#ifndef TDX_MODULE_H
#define TDX_MODULE_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"

enum tdx_module_state {
	TDX_MODULE_NONE,	/* not detected, or not tried; tdx_module_reason() says why */
	TDX_MODULE_INIT_PENDING,
	TDX_MODULE_INIT_DONE,
	TDX_MODULE_CONFIG_DONE,
	TDX_MODULE_READY,
	TDX_MODULE_SHUT_DOWN,
};

/**
 * tdx_bring_up() - detect, initialise on all cores, read metadata, TDMRs over the TD pool, PAMT, keys, TDMR init
 * @td_pool_bytes: wanted size of the TD pool, 0 = as much as leaves Cella a quarter of RAM, rounded to TDMR granules
 * Needs VMX on on all cores. 0: READY. Otherwise one clear sentence per cause is logged, everything taken is given back
 * (page books equal), and the caller goes on without TDX. Logs each step with its time. Registers the command `tdx`.
 */
int __must_check tdx_bring_up(u64 td_pool_bytes);
/** tdx_start() - tdx_bring_up() with the pool size of the first time: after a failure, or after tdx_stop() */
int tdx_start(void);
/**
 * tdx_stop() - TDH.SYS.DISABLE; TD pool and PAMTs given back, page books compared
 * -EBUSY while a TD exists; refused where the module has no such leaf. The reason is logged. tdx_start() undoes it.
 */
int tdx_stop(void);
/** tdx_module_replaced() - tdx/update.c: READY with another module, or SHUT_DOWN because that failed */
void tdx_module_replaced(enum tdx_module_state state);
/** tdx_shut_down() - no TD exists any more: module disabled where it can be, caches written back on all cores */
void tdx_shut_down(void);
enum tdx_module_state tdx_module_state(void);
/** tdx_module_reason() - the sentence why TDX is not READY, "" if it is */
const char *tdx_module_reason(void);

/** tdx_module_tdmrs() - the TDMRs handed to the module; *@count 0: none */
const struct tdx_tdmr_info *tdx_module_tdmrs(u32 *count);

/** tdx_pool_free_bytes(), tdx_pool_bytes() - of the TD pool */
u64 tdx_pool_free_bytes(void);
u64 tdx_pool_bytes(void);
/** tdx_tsc_frequency() - value for TD_PARAMS.TSC_FREQUENCY that equals the host's TSC as nearly as the module allows */
u16 tdx_tsc_frequency(void);

#endif
