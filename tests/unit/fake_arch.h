/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for unit tests: what include/cella/arch.h promises, on the development machine.
 *
 * Time stands still until a test moves it; one TSC tick is one nanosecond. Cores are numbers: fake_set_cpu() says which
 * one the test is. Tasks are real contexts with stacks of their own. RAM from 0 to FAKE_RAM_BYTES lies at
 * DIRECT_MAP_BASE and costs memory only where it is written.
 */
#ifndef TESTS_UNIT_FAKE_ARCH_H
#define TESTS_UNIT_FAKE_ARCH_H

#include <setjmp.h>

#include "include/cella/memory_map.h"
#include "include/cella/types.h"

#define FAKE_RAM_BYTES GIB(8)
#define FAKE_IMAGE_HPA MIB(16)
#define FAKE_IMAGE_BYTES MIB(1)

struct fake_arch {
	u64 tsc;	/* now */
	u64 timer_tsc[MAX_CPUS];	/* when the core's timer fires; 0: disarmed */
	bool irqs_enabled;
	u32 ipis[256];	/* sent, by vector */
	u32 eois;
	u32 cache_writebacks;
	u64 window_cleared_bytes;
	u64 unmapped_bytes;	/* taken out of the direct map and not back yet */
	int map_result;	/* what arch_direct_map_remove() answers */
	u32 stacks;	/* allocated and not freed */
	bool no_stack;	/* arch_stack_alloc() refuses */
	bool no_random;
	/* the last panic */
	char panic_text[256];
	jmp_buf *panic_to;	/* set by CHECK_PANICS */
};

extern struct fake_arch fake;

/**
 * fake_reset() - @cores cores with empty queues, time 1 s, all counters 0, stacks of left-over tasks
 * freed. First thing in a test that uses any of it
 */
void fake_reset(u32 cores);
/** fake_set_cpu() - the test is core @id from now on */
void fake_set_cpu(u32 id);
/** fake_advance() - time goes on by @ns; timers that fall due fire in between, at their time, on their core */
void fake_advance(u64 ns);
/** fake_run_ready() - run the ready tasks of all cores until none is left */
void fake_run_ready(void);
/** fake_run() - the same, and when none is ready time jumps to the next timer; ends when nothing can happen any more */
void fake_run(void);

/* No statement below changes a local variable that is read after the jump. */
#pragma GCC diagnostic ignored "-Wclobbered"

/** CHECK_PANICS() - the statement ends in panic(); the text is in fake.panic_text */
#define CHECK_PANICS(statement) \
	do { \
		jmp_buf jump; \
		volatile bool panicked = true; \
		fake.panic_to = &jump; \
		if (setjmp(jump) == 0) { \
			statement; \
			panicked = false; \
		} \
		fake.panic_to = NULL; \
		test_check(panicked, "panics: " #statement, __FILE__, __LINE__); \
	} while (0)

#endif
