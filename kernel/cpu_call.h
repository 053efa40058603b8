/* SPDX-License-Identifier: BSD-2-Clause */
/* Run a function on one core or on all, wait, collect results. Callers: tasks, with interrupts on and no lock held. */
#ifndef KERNEL_CPU_CALL_H
#define KERNEL_CPU_CALL_H

#include "include/cella/types.h"

void cpu_call_init(void);
/**
 * cpu_call() - run fn(arg) on core @cpu in interrupt context and return what it returned
 * fn runs with interrupts off and must not wait for another core.
 */
int cpu_call(u32 cpu, int (*fn)(void *arg), void *arg);
/**
 * cpu_call_all() - the same on every core at once, this one included
 * @results: cpu_count() values, or NULL. Returns 0, or the first non-zero result by core number.
 */
int cpu_call_all(int (*fn)(void *arg), void *arg, int *results);

#endif
