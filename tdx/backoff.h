/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded repetition of a call that the TDX module refused for the moment. No lock of the module ever waits, so waiting
 * is the caller's work: pauses grow from one to BACKOFF_LONGEST, and after BACKOFF_ATTEMPTS the refusal is reported
 * upwards, where it stays what it is: transient.
 */
#ifndef TDX_BACKOFF_H
#define TDX_BACKOFF_H

#include "include/cella/arch.h"
#include "include/cella/types.h"
#include "tdx/status.h"

enum {
	BACKOFF_ATTEMPTS = 64,	/* a holder keeps a lock for the length of one SEAMCALL: microseconds */
	BACKOFF_LONGEST = 4096,	/* pauses between two attempts */
};

struct backoff {
	u32 attempts;	/* refusals so far */
};

/** backoff_wait() - pause before the next attempt; false: enough, give up. Any context; does not yield the core */
static inline bool backoff_wait(struct backoff *backoff)
{
	u32 pauses = backoff->attempts < 12 ? 1u << backoff->attempts : BACKOFF_LONGEST;

	if (++backoff->attempts >= BACKOFF_ATTEMPTS)
		return false;
	while (pauses--)
		arch_cpu_relax();
	return true;
}

/** RETRY_BUSY() - repeat a tdh_...() call while the module answers busy; its last status */
#define RETRY_BUSY(call) \
	({ \
		struct backoff retry_backoff_ = { 0 }; \
		tdx_status_t retry_status_; \
		do \
			retry_status_ = (call); \
		while (tdx_status_is_busy(retry_status_) && backoff_wait(&retry_backoff_)); \
		retry_status_; \
	})

#endif
