/* SPDX-License-Identifier: BSD-2-Clause */
/* The TSC's frequency, measured once, and short waits. */
#ifndef TDXEMU_CLOCK_H
#define TDXEMU_CLOCK_H

#include "include/cella/types.h"

#define CLOCK_CRYSTAL_HZ 25000000u	/* TDX counts in units of a 25 MHz crystal */

/**
 * clock_init() - measure against the PIT; boot core, takes 20 ms. Stops the machine if the PIT or the TSC stands
 * still
 */
void clock_init(void);
/** clock_crystal_multiple() - TSC frequency as a multiple of 25 MHz, rounded, at least 1 */
u32 clock_crystal_multiple(void);
/** clock_wait_us() - spin; any core */
void clock_wait_us(u64 us);

#endif
