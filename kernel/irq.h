/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt vectors and their handlers. Exceptions are arch/x86/trap.c's. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "include/cella/types.h"

enum irq_vector {
	VECTOR_TIMER = 0xe0,
	VECTOR_CPU_CALL = 0xe1,	/* cpu_call.c has work for this core */
	VECTOR_RESCHED = 0xe2,	/* look at the run queue; also the kick that ends a stay in a TD */
	VECTOR_POSTED = 0xe3,	/* posted-interrupt notification: taken by the CPU inside a TD, ignored in the host */
	VECTOR_TLB = 0xe4,	/* arch/x86/paging.c */
	VECTOR_SPURIOUS = 0xff,
};

/** irq_register() - @handler runs with interrupts off on the core that got @vector. -EEXIST: taken */
int __must_check irq_register(u8 vector, void (*handler)(void *arg), void *arg);
/**
 * irq_dispatch() - run the handler of @vector and signal end of interrupt. Called by the trap path, and by the vCPU
 * loop for a vector that the TDX module has already taken from the local APIC. Interrupts off.
 */
void irq_dispatch(u8 vector);
/** irq_unexpected() - how many interrupts had no handler (all cores) */
u64 irq_unexpected(void);

#endif
