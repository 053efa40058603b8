/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all cores take part in: TDH.SYS.LP.INIT, caches written back, turns, and the hold in which a module is replaced.
 * Task context with interrupts on, one caller at a time.
 */
#ifndef TDX_CORES_H
#define TDX_CORES_H

#include "include/cella/types.h"

/** cores_turns_fn - run fn(arg) on every core, one after the other, interrupts off; the first non-zero result ends it */
typedef int cores_turns_fn(int (*fn)(void *arg), void *arg);

/** cores_in_turn() - while nobody is held; cores_in_turn_held() - from cores_hold()'s @lead */
cores_turns_fn cores_in_turn, cores_in_turn_held;
/**
 * cores_hold() - every other core waits with interrupts off, out of its TD, while @lead runs here the same way
 * -EBUSY: a core did not come within HOLD_NS; @lead has not run. Otherwise what @lead returned. @lead logs nothing.
 */
int __must_check cores_hold(int (*lead)(void *arg), void *arg);

/** cores_init() - TDH.SYS.LP.INIT wherever it was not done; a refusal is in the doctor's list */
int __must_check cores_init(void);
/** cores_init_this() - the same here, for cores_in_turn_held(); cores_explain() then says what was refused */
int cores_init_this(void *unused);
void cores_explain(void);
/** cores_forget() - a module was loaded, or disabled: no core is initialised */
void cores_forget(void);
/** cores_write_back() - WBINVD on all */
int __must_check cores_write_back(void);

#endif
