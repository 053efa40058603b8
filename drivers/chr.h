/* SPDX-License-Identifier: BSD-2-Clause */
/* Character backend: what a serial line offers to whoever reads and writes it. */
#ifndef DRIVERS_CHR_H
#define DRIVERS_CHR_H

#include "include/cella/types.h"

struct chr {
	const char *name;
	/**
	 * write() - take @bytes characters for transmission, in order
	 * Any core, any context, interrupts off or on; never waits longer than a bound the driver names. What finds no room
	 * is dropped and counted.
	 */
	void (*write)(struct chr *chr, const char *text, u64 bytes);
	/* input() - set by the reader before start; interrupt context, must not block */
	void (*input)(const char *text, u64 bytes);
	u64 dropped;	/* characters that found no room */
};

#endif
