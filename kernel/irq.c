/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt vectors and their handlers: one table for all cores. An entry is written under the lock and never changes
 * again, handler last, so that irq_dispatch() reads it without a lock.
 */
#include "kernel/irq.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/percpu.h"

#define VECTOR_COUNT 256
#define UNEXPECTED_LOGGED 8	/* log lines about unexpected interrupts, then they are only counted */

static struct {
	struct spinlock lock;
	struct {
		void (*handler)(void *arg);
		void *arg;
	} vectors[VECTOR_COUNT];
	u64 unexpected;	/* atomic */
} irq;

int irq_register(u8 vector, void (*handler)(void *arg), void *arg)
{
	u64 saved = spin_lock_irqsave(&irq.lock);
	bool taken = irq.vectors[vector].handler != NULL;

	if (!taken) {
		irq.vectors[vector].arg = arg;
		__atomic_store_n(&irq.vectors[vector].handler, handler, __ATOMIC_RELEASE);
	}
	spin_unlock_irqrestore(&irq.lock, saved);
	return taken ? -EEXIST : 0;
}

static void count_unexpected(u8 vector)
{
	u64 before = __atomic_fetch_add(&irq.unexpected, 1, __ATOMIC_RELAXED);

	if (before < UNEXPECTED_LOGGED)
		log_warn("irq", "core %u: interrupt with vector 0x%x has no handler", arch_this_cpu()->id, vector);
}

void irq_dispatch(u8 vector)
{
	struct percpu *cpu = arch_this_cpu();
	void (*handler)(void *arg);

	if (vector == VECTOR_SPURIOUS)
		return;	/* the local APIC expects no end of interrupt for it */
	cpu->irq_depth++;
	handler = __atomic_load_n(&irq.vectors[vector].handler, __ATOMIC_ACQUIRE);
	if (handler)
		handler(irq.vectors[vector].arg);
	else if (vector != VECTOR_POSTED)
		count_unexpected(vector);
	arch_eoi();
	cpu->irq_depth--;
}

u64 irq_unexpected(void)
{
	return __atomic_load_n(&irq.unexpected, __ATOMIC_RELAXED);
}
