/* SPDX-License-Identifier: BSD-2-Clause */
/* COM1 of a guest: a 16550A without an interrupt line. */
#ifndef VMM_DEV_SERIAL_H
#define VMM_DEV_SERIAL_H

#include "include/cella/types.h"
#include "include/spec/uart.h"
#include "kernel/lock.h"
#include "vmm/input_ring.h"

struct guest;

struct dev_serial {
	struct guest *guest;	/* (c) */
	struct spinlock lock;
	struct input_ring input;	/* (l) typed, not yet read by the guest; stands for the receive FIFO */
	u8 written[UART_REGISTERS];	/* (l) what the guest wrote last to each register */
	u8 divisor[2];	/* (l) low, high */
	bool transmit_pending;	/* (l) "transmitter empty" has not been reported yet */
};

/** dev_serial_create() - @serial: zeroed. Put it on the guest's bus. Errors: bus_add() */
int __must_check dev_serial_create(struct dev_serial *serial, struct guest *guest);
/** dev_serial_input() - keystrokes; any task. What finds no room is lost */
void dev_serial_input(struct dev_serial *serial, const char *bytes, u64 count);

#endif
