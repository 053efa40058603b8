/* SPDX-License-Identifier: BSD-2-Clause */
/* Timeouts, per core, on the local APIC's deadline timer; and the monotonic clock. */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "include/cella/types.h"

#define NS_PER_MS 1000000ul
#define NS_PER_S 1000000000ul

struct timer {
	u64 deadline_ns;	/* (l) interrupts off on its core */
	void (*fire)(struct timer *timer);	/* (c) interrupt context of the core that armed it */
	struct timer *next;
	u32 cpu;	/* core it is armed on */
	bool armed;
};

/** time_start() - the clock runs from now on; at @tsc it stood at 0. main.c, when the frequency is known */
void time_start(u64 tsc);
/** time_ns() - since Cella's entry, monotonic, same on all cores; 0 before time_start() */
u64 time_ns(void);
/** time_tsc_to_ns(), time_ns_to_tsc() - by arch_tsc_hz(), exact, rounded down */
u64 time_tsc_to_ns(u64 tsc);
u64 time_ns_to_tsc(u64 ns);
/** time_udelay() - busy wait */
void time_udelay(u64 us);

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
/** timer_set() - arm on the running core for @deadline_ns (past: at once); re-arms an armed one of this core */
void timer_set(struct timer *timer, u64 deadline_ns);
/** timer_cancel() - disarm; on the core that armed it. After it returned, fire() does not run any more */
void timer_cancel(struct timer *timer);
/** timer_interrupt() - handler of VECTOR_TIMER, registered by main.c */
void timer_interrupt(void *arg);

#endif
