/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI bus 0 of a guest: host bridge 8086:29c0 at 00:00.0, functions with up to one 32-bit memory BAR and MSI-X, ECAM
 * and CF8/CFC. BARs may be programmed by the guest anywhere inside the PCI window; outside they decode nothing.
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
	u8 config[PCI_CONFIG_BYTES];	/* (l) also under the bus's configuration lock when written */
	u8 writable[PCI_CONFIG_BYTES];	/* (c) mask of bits the guest may change */
	u64 bar_bytes;	/* (c) power of two, 0: no BAR */
	const struct bus_ops *bar_ops;	/* (c) */
	void *device;	/* (c) */
	u8 capability_link, capability_end;	/* (c) the list's last pointer; where the next capability goes */
	u8 msix_capability;	/* (c) config offset, 0: none */
	u32 msix_count;	/* (c) */
	u32 msix_table[PCI_MSIX_MAX][4];	/* (l) address low, high, data, control */
	u64 msix_pending;	/* (l) PBA */
	struct spinlock lock;
	bool bar_mapped;	/* (l) of the bus's configuration lock */
	u64 bar_base;	/* (l) of the same */
};

struct pci_identity {
	u16 vendor, device;
	u16 subsystem_vendor, subsystem;
	u8 revision;
	u32 class_code;	/* base class, sub-class, interface: 24 bits */
};

/** pci_create() - host bridge, ECAM, CF8/CFC. pci_destroy(), also after a failure: the bus is no longer used */
int __must_check pci_create(struct guest *guest);
void pci_destroy(struct guest *guest);
/**
 * pci_prepare(), pci_set_bar(), pci_add_capability(), pci_msix_prepare() - fill a zeroed function before pci_add()
 * @bytes of a BAR: power of two, >= 4 KiB. A capability is two header bytes and read-only content; the result is its
 * offset. The MSI-X table and PBA lie in the BAR; its model passes their accesses on to pci_msix_*.
 */
void pci_prepare(struct pci_function *function, const struct pci_identity *identity);
void pci_set_bar(struct pci_function *function, u64 bytes, const struct bus_ops *ops, void *device);
u8 pci_add_capability(struct pci_function *function, u8 id, u32 bytes);
void pci_msix_prepare(struct pci_function *function, u32 count, u32 table_offset, u32 pba_offset);
/** pci_add() - attach a prepared function as device @slot, before any vCPU runs. -EINVAL: no slot; -EEXIST: taken */
int __must_check pci_add(struct guest *guest, u32 slot, struct pci_function *function);
/** pci_config_get(), pci_config_put() - field of @bytes at @offset, whether a guest may write it or not */
u32 pci_config_get(const struct pci_function *function, u32 offset, u32 bytes);
void pci_config_put(struct pci_function *function, u32 offset, u32 bytes, u32 value);

/** pci_msix_send() - raise entry @index: sent, or kept pending while masked. Any core; dropped while MSI-X is off */
void pci_msix_send(struct pci_function *function, u32 index);
/** pci_msix_deliver() - the guest changed a mask: send what was pending and may go now */
void pci_msix_deliver(struct pci_function *function);
/** pci_msix_table_read(), _write(), pci_msix_pba_read() - 4 or 8 aligned bytes; other accesses: all ones, ignored */
u64 pci_msix_table_read(struct pci_function *function, u64 offset, u32 bytes);
void pci_msix_table_write(struct pci_function *function, u64 offset, u32 bytes, u64 value);
u64 pci_msix_pba_read(struct pci_function *function, u64 offset, u32 bytes);

#endif
