/* SPDX-License-Identifier: BSD-2-Clause */
/* Console of the hypervisor: the 16550 behind arch/x86/console.h, with a transmit ring. */
#ifndef DRIVERS_UART16550_H
#define DRIVERS_UART16550_H

#include "drivers/chr.h"

/**
 * uart16550_init() - find the UART and switch its FIFOs on; the line's speed stays as the boot code set it
 * Returns it, or NULL when there is none. Boot core, once. Until uart16550_start() only writes send.
 */
struct chr *uart16550_init(void);
/** uart16550_room() - characters that fit into the transmit ring now */
u64 uart16550_room(void);
/** uart16550_start() - from now on timers of the running core drain the transmit ring and poll for input */
void uart16550_start(void);
/** uart16550_flush() - write out the ring, polled and without its lock: panic and power-off */
void uart16550_flush(void);

#endif
