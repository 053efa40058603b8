/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake module's dynamic PAMT: which 2 MiB regions have a page pair, and what is refused without one. */
#ifndef TESTS_UNIT_FAKE_PAMT_PAIR_H
#define TESTS_UNIT_FAKE_PAMT_PAIR_H

#include "include/cella/types.h"
#include "tdx/seamcall.h"

/** fake_pamt_pair_reset() - static PAMT, no pairs; fake_pamt_pair_enable() - as by R8 of TDH.SYS.CONFIG */
void fake_pamt_pair_reset(void);
void fake_pamt_pair_enable(void);
/** fake_pamt_pair_enabled() - did the host ask for it? fake_pamt_pairs() - regions that have one now */
bool fake_pamt_pair_enabled(void);
u64 fake_pamt_pairs(void);
/** fake_pamt_pair_leaf() - before a leaf: true, *@status is its answer. fake_pamt_pair_done() - after it */
bool fake_pamt_pair_leaf(u32 leaf, struct seamcall_regs *regs, u64 *status);
void fake_pamt_pair_done(u32 leaf, u64 status);

#endif
