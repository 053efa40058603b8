/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI bus 0 of a guest: host bridge 8086:29c0 at 00:00.0, functions with up to one 32-bit memory BAR and MSI-X, ECAM and CF8/CFC.
 * BARs may be programmed by the guest anywhere inside the PCI window; outside they decode nothing.
 */
#ifndef VMM_DEV_PCI_H
#define VMM_DEV_PCI_H

#include "include/cella/types.h"
#include "kernel/lock.h"
#include "vmm/bus.h"

#define PCI_CONFIG_BYTES 256
#define PCI_MAX_FUNCTIONS 32	/* devices of bus 0, function 0 only */
#define PCI_MSIX_MAX 64

struct pci_function {
	struct guest *guest;	/* (c) */
	u8 config[PCI_CONFIG_BYTES];	/* (l) */
	u8 writable[PCI_CONFIG_BYTES];	/* (c) mask of bits the guest may change */
	u64 bar_bytes;	/* (c) power of two, 0: no BAR */
	const struct bus_ops *bar_ops;	/* (c) */
	void *device;	/* (c) */
	u8 msix_capability;	/* (c) config offset, 0: none */
	u32 msix_count;	/* (c) */
	u32 msix_table[PCI_MSIX_MAX][4];	/* (l) address low, high, data, control */
	u64 msix_pending;	/* (l) PBA */
	struct spinlock lock;
	bool bar_mapped;	/* (l) */
	u64 bar_base;	/* (l) */
};

/** pci_create() - host bridge, ECAM, CF8/CFC */
int __must_check pci_create(struct guest *guest);
void pci_destroy(struct guest *guest);
/** pci_add() - attach a prepared function as device @slot of bus 0 */
int __must_check pci_add(struct guest *guest, u32 slot, struct pci_function *function);
/** pci_msix_send() - raise entry @index: sent, or kept pending while masked */
void pci_msix_send(struct pci_function *function, u32 index);

#endif
