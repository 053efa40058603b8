/* SPDX-License-Identifier: BSD-2-Clause */
/* VM exits of a TD: one table row per exit reason. */
#ifndef TDXEMU_TD_EXIT_H
#define TDXEMU_TD_EXIT_H

#include "tests/tdxemu/tdcall.h"

/** td_exit() - answer the exit in the current VMCS; false: the stay ends, run->exit_* say how */
bool td_exit(struct td_run *run);
/** td_leave_for_nmi() - the stay ends because of a physical NMI, as if the CPU had exited for it */
void td_leave_for_nmi(struct td_run *run);
/** td_exit_ept_violation(), td_exit_ept_misconfiguration() - exit reasons 48 and 49 (td_exit_ept.c) */
bool td_exit_ept_violation(struct td_run *run);
bool td_exit_ept_misconfiguration(struct td_run *run);

/** td_leave() - fill run->exit_*: @status, @reason as in RAX 31:0, the VMCS's exit qualification; always false */
bool td_leave(struct td_run *run, u64 status, u32 reason);
/** td_leave_disabled() - triple fault: this vCPU never runs again; always false */
bool td_leave_disabled(struct td_run *run);
/** td_leave_fatal() - no vCPU of the TD ever runs again; always false */
bool td_leave_fatal(struct td_run *run, u64 status, u32 reason);

#endif
