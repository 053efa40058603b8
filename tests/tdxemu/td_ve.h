/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions that the module injects into a TD. */
#ifndef TDXEMU_TD_VE_H
#define TDXEMU_TD_VE_H

#include "tests/tdxemu/tdcall.h"

/** td_inject_ve() - fill the #VE area and queue vector 20, or #DF if the area still holds unread information */
void td_inject_ve(struct td_run *run, u32 reason, u64 qualification, u64 gla, u64 gpa);
void td_inject_gp(struct td_run *run);
void td_inject_ud(struct td_run *run);
/**
 * td_inject_pf() - #PF with @error_code for linear address @gla; over a queued #PF or #VE it becomes #DF
 * False: over a queued #DF, which is a triple fault: nothing was queued.
 */
bool td_inject_pf(struct td_run *run, u32 error_code, u64 gla);
/** td_requeue_event() - after an exit: the event that was being delivered is delivered again at the next entry */
void td_requeue_event(void);
/** td_advance() - over the instruction that exited: RIP, STI and MOV-SS blocking, pending single step */
void td_advance(struct td_run *run, u64 instruction_bytes);

#endif
