/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's loop: enter the TD, find out why it left, serve that, again. */
#ifndef VMM_RUN_H
#define VMM_RUN_H

#include "include/cella/types.h"

struct guest_vcpu;
struct td_exit;

/** run_vcpu() - the vCPU task's function. @arg: struct guest_vcpu. Returns when the guest ends */
void run_vcpu(void *arg);
/** run_handle_exit() - serve one exit; asks the guest to end when nothing else is possible. vCPU's own task */
void run_handle_exit(struct guest_vcpu *vcpu, const struct td_exit *exit);
/** run_exit_name() - of a VMX exit reason, for counters and dumps, or "unknown" */
const char *run_exit_name(u32 reason);

#endif
