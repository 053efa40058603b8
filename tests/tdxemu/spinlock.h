/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own locks: short, never held across a VM entry, interrupts are always off in root. (The module's locks,
 * which a host can observe, are sharex.h.)
 */
#ifndef TDXEMU_SPINLOCK_H
#define TDXEMU_SPINLOCK_H

#include "include/cella/types.h"

struct spinlock {
	u8 held;
};

static inline void spin_lock(struct spinlock *lock)
{
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0)
			__builtin_ia32_pause();
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
