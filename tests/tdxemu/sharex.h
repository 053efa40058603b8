/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's try-locks: shared or exclusive, never waiting. One u16: bit 0 exclusive, 15:2 readers (bit 1 is the
 * host-priority flag of the real module; guests never lose against the host here, so it stays 0).
 */
#ifndef TDXEMU_SHAREX_H
#define TDXEMU_SHAREX_H

#include "include/cella/types.h"

#define SHAREX_EXCLUSIVE 1u
#define SHAREX_READER 4u

enum lock_mode {
	LOCK_SHARED,
	LOCK_EXCLUSIVE,
};

static inline bool sharex_try(u16 *lock, enum lock_mode mode)
{
	u16 old = __atomic_load_n(lock, __ATOMIC_RELAXED);

	for (;;) {
		u16 wanted;

		if (mode == LOCK_EXCLUSIVE) {
			if (old != 0)
				return false;
			wanted = SHAREX_EXCLUSIVE;
		} else {
			if (old & SHAREX_EXCLUSIVE)
				return false;
			wanted = (u16)(old + SHAREX_READER);
		}
		if (__atomic_compare_exchange_n(lock, &old, wanted, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	}
}

static inline void sharex_release(u16 *lock, enum lock_mode mode)
{
	__atomic_fetch_sub(lock, mode == LOCK_EXCLUSIVE ? SHAREX_EXCLUSIVE : SHAREX_READER, __ATOMIC_RELEASE);
}

#endif
