/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket lock: cores get it in the order in which they asked. The holder is recorded, so that taking a lock twice on
 * one core, which would wait for ever, is named instead. Any core, any context.
 */
#include "kernel/lock.h"

#include "kernel/panic.h"
#include "kernel/percpu.h"

void spin_lock(struct spinlock *lock)
{
	struct percpu *cpu = cpu_this_or_null();
	u32 ticket;

	panic_if(cpu && __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == cpu, "lock %p taken twice by core %u",
		 (void *)lock, cpu->id);
	ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		arch_cpu_relax();
	__atomic_store_n(&lock->owner, cpu, __ATOMIC_RELAXED);
}

void spin_unlock(struct spinlock *lock)
{
	/* The owner goes first: after the release below, the lock's memory may be gone. */
	__atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

u64 spin_lock_irqsave(struct spinlock *lock)
{
	u64 saved = arch_irq_save();

	spin_lock(lock);
	return saved;
}

void spin_unlock_irqrestore(struct spinlock *lock, u64 saved)
{
	spin_unlock(lock);
	arch_irq_restore(saved);
}
