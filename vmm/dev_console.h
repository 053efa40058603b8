/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console of a guest: one port, receive and transmit queue. */
#ifndef VMM_DEV_CONSOLE_H
#define VMM_DEV_CONSOLE_H

#include "include/cella/types.h"
#include "vmm/input_ring.h"
#include "vmm/virtio.h"

#define DEV_CONSOLE_PIECE_BYTES 512u	/* output that is handed over between two looks at the clock */

struct dev_console {
	struct virtio_device virtio;	/* its lock guards the rest, (l) */
	struct guest *guest;	/* (c) */
	struct input_ring input;	/* (l) typed, not yet in a buffer of the guest */
	bool transmitting;	/* (l) a task drains the transmit queue; it drops the lock now and then */
	bool kicked_again;	/* (l) and the driver kicked meanwhile */
	u64 resets;	/* (l) tells the draining task that its chain is gone */
	struct virtqueue_chain receive_chain;	/* (l) */
	struct virtqueue_chain transmit_chain;	/* (l) of the draining task */
	char piece[DEV_CONSOLE_PIECE_BYTES];	/* of the draining task */
};

/** dev_console_create() - @console: zeroed. Attach it as device @slot of the guest's PCI bus. Errors: pci_add() */
int __must_check dev_console_create(struct dev_console *console, struct guest *guest, u32 slot);
/** dev_console_input() - keystrokes; any task. False: no driver runs, nothing was taken. What finds no room is lost */
bool dev_console_input(struct dev_console *console, const char *bytes, u64 count);

#endif
