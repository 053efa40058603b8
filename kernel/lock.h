/* SPDX-License-Identifier: BSD-2-Clause */
/* Ticket lock with an interrupt-safe variant. Order of locks: docs/locks.md */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "include/cella/arch.h"
#include "include/cella/types.h"

struct spinlock {
	u32 next;	/* ticket to hand out */
	u32 serving;	/* ticket that owns the lock */
	void *owner;	/* struct percpu of the holder, to name a lock taken twice */
};

/** spin_lock() - wait for and take the lock. Only where no interrupt handler of this core takes it */
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);
/** spin_lock_irqsave() - the same with interrupts off; returns what spin_unlock_irqrestore() takes */
u64 spin_lock_irqsave(struct spinlock *lock);
void spin_unlock_irqrestore(struct spinlock *lock, u64 saved);

#endif
