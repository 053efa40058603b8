/* SPDX-License-Identifier: BSD-2-Clause */
/* End of the line for our own broken invariants: stop all cores, say why, show the call chain. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "include/cella/types.h"

/**
 * panic() - never for what a guest, a device or a config file did; an unsupported machine is refused by a log sentence
 */
__noreturn void panic(const char *format, ...) __printf(1, 2);
/**
 * panic_set_flush() - @flush brings out, polled, what the console driver still holds; called once, other cores stopped
 */
void panic_set_flush(void (*flush)(void));
#define panic_if(condition, ...) \
	do { \
		if (condition) \
			panic(__VA_ARGS__); \
	} while (0)

#endif
