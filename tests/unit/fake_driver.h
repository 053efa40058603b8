/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio driver for unit tests, acting on the guest of fake_guest.h: the accesses that Linux makes, in its order
 * (guest-boot reference, "virtio-pci (modern) in a TD"), and rings in guest memory. It checks nothing; tests do.
 */
#ifndef TESTS_UNIT_FAKE_DRIVER_H
#define TESTS_UNIT_FAKE_DRIVER_H

#include "include/cella/types.h"
#include "include/spec/virtio.h"

#define DRIVER_BAR 0xc0000000ull
#define DRIVER_COMMON (DRIVER_BAR + 0x0000)
#define DRIVER_NOTIFY (DRIVER_BAR + 0x1000)
#define DRIVER_ISR (DRIVER_BAR + 0x2000)
#define DRIVER_MSIX (DRIVER_BAR + 0x4000)
#define DRIVER_PBA (DRIVER_BAR + 0x5000)

#define DRIVER_FEATURES (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM))
#define DRIVER_VECTOR 0x40	/* interrupt vector of MSI-X entry 0; entry n has DRIVER_VECTOR + n */
#define DRIVER_MSI_ADDRESS 0xfee00000ull

/* Rings of queue @n: three pages each, from 4 KiB on; buffers are the tests' own, above. */
#define DRIVER_DESCRIPTORS(n) (0x1000ull + (n) * 0x3000)
#define DRIVER_AVAILABLE(n) (DRIVER_DESCRIPTORS(n) + 0x1000)
#define DRIVER_USED(n) (DRIVER_DESCRIPTORS(n) + 0x2000)
#define DRIVER_BUFFERS 0x10000ull

u64 common_read(u32 offset, u32 bytes);
void common_write(u32 offset, u32 bytes, u64 value);
/** driver_find() - place the BAR of device @slot at DRIVER_BAR, decode and bus mastering on */
void driver_find(u32 slot);
/** driver_negotiate() - reset, acknowledge, accept @features, FEATURES_OK; returns the status that reads back */
u8 driver_negotiate(u64 features);
/** driver_msix() - the MSI-X set-up of @count entries of device @slot */
void driver_msix(u32 slot, u32 count);
/** driver_queue() - select, size, addresses, vector @n + 1, enable */
void driver_queue(u32 n, u16 size);
/** driver_start() - all of it for device @slot with two queues of @size, up to DRIVER_OK */
void driver_start(u32 slot, u64 features, u16 size);
/** driver_descriptor() - write descriptor @index of queue @n */
void driver_descriptor(u32 n, u32 index, u64 gpa, u32 bytes, u16 flags, u16 next);
/** driver_offer() - put the chain that begins at @head into the available ring */
void driver_offer(u32 n, u16 size, u16 head);
void driver_kick(u32 n);
/** driver_used() - used index; driver_used_bytes() - length of the used entry at @position */
u16 driver_used(u32 n);
u32 driver_used_bytes(u32 n, u16 size, u16 position);

#endif
