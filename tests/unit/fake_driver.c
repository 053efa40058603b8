/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_driver.h. */
#include "tests/unit/fake_driver.h"

#include "include/spec/pci.h"
#include "tests/unit/fake_guest.h"

u64 common_read(u32 offset, u32 bytes)
{
	return mmio_read(DRIVER_COMMON + offset, bytes);
}

void common_write(u32 offset, u32 bytes, u64 value)
{
	mmio_write(DRIVER_COMMON + offset, bytes, value);
}

void driver_find(u32 slot)
{
	ecam_write(slot, PCI_BAR0, 4, (u32)DRIVER_BAR);
	ecam_write(slot, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
}

static void add_status(u8 bits)
{
	common_write(VIRTIO_COMMON_STATUS, 1, common_read(VIRTIO_COMMON_STATUS, 1) | bits);
}

u8 driver_negotiate(u64 features)
{
	common_write(VIRTIO_COMMON_STATUS, 1, 0);
	while (common_read(VIRTIO_COMMON_STATUS, 1))
		;
	add_status(VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(VIRTIO_STATUS_DRIVER);
	for (u32 word = 0; word < 4; word++) {
		common_write(VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, word);
		common_read(VIRTIO_COMMON_DEVICE_FEATURE, 4);
	}
	for (u32 word = 0; word < 4; word++) {
		common_write(VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, word);
		common_write(VIRTIO_COMMON_DRIVER_FEATURE, 4, word < 2 ? (u32)(features >> (32 * word)) : 0);
	}
	add_status(VIRTIO_STATUS_FEATURES_OK);
	return (u8)common_read(VIRTIO_COMMON_STATUS, 1);
}

static u32 find_msix(u32 slot)
{
	u32 at = ecam_read(slot, PCI_CAPABILITIES, 1);

	while (at && ecam_read(slot, at, 1) != PCI_CAPABILITY_MSIX)
		at = ecam_read(slot, at + 1, 1);
	return at;
}

void driver_msix(u32 slot, u32 count)
{
	u32 control = find_msix(slot) + PCI_MSIX_CONTROL;

	ecam_write(slot, control, 2, PCI_MSIX_CONTROL_ENABLE | PCI_MSIX_CONTROL_FUNCTION_MASK);
	for (u32 i = 0; i < count; i++) {
		u64 entry = DRIVER_MSIX + i * PCI_MSIX_ENTRY_BYTES;

		mmio_write(entry + 0, 4, DRIVER_MSI_ADDRESS);
		mmio_write(entry + 4, 4, 0);
		mmio_write(entry + 8, 4, DRIVER_VECTOR + i);
		mmio_read(entry + 8, 4);
		mmio_write(entry + 12, 4, PCI_MSIX_ENTRY_MASKED);
	}
	ecam_write(slot, control, 2, PCI_MSIX_CONTROL_ENABLE);
	for (u32 i = 0; i < count; i++)
		mmio_write(DRIVER_MSIX + i * PCI_MSIX_ENTRY_BYTES + 12, 4, 0);
}

static void set_address(u32 offset, u64 gpa)
{
	common_write(offset, 4, (u32)gpa);
	common_write(offset + 4, 4, gpa >> 32);
}

void driver_queue(u32 n, u16 size)
{
	common_write(VIRTIO_COMMON_QUEUE_SELECT, 2, n);
	common_write(VIRTIO_COMMON_QUEUE_SIZE, 2, size);
	set_address(VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW, DRIVER_DESCRIPTORS(n));
	set_address(VIRTIO_COMMON_QUEUE_AVAILABLE_LOW, DRIVER_AVAILABLE(n));
	set_address(VIRTIO_COMMON_QUEUE_USED_LOW, DRIVER_USED(n));
	common_write(VIRTIO_COMMON_QUEUE_VECTOR, 2, n + 1);
	common_write(VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
}

void driver_start(u32 slot, u64 features, u16 size)
{
	driver_find(slot);
	driver_negotiate(features);
	driver_msix(slot, 3);
	common_write(VIRTIO_COMMON_CONFIG_VECTOR, 2, 0);
	for (u32 n = 0; n < 2; n++)
		driver_queue(n, size);
	add_status(VIRTIO_STATUS_DRIVER_OK);
}

void driver_descriptor(u32 n, u32 index, u64 gpa, u32 bytes, u16 flags, u16 next)
{
	u64 at = DRIVER_DESCRIPTORS(n) + index * sizeof(struct virtq_descriptor);

	ram_put(at, gpa, 8);
	ram_put(at + 8, bytes, 4);
	ram_put(at + 12, flags, 2);
	ram_put(at + 14, next, 2);
}

void driver_offer(u32 n, u16 size, u16 head)
{
	u16 index = (u16)ram_get(DRIVER_AVAILABLE(n) + VIRTQ_RING_INDEX, 2);

	ram_put(DRIVER_AVAILABLE(n) + VIRTQ_RING_ENTRIES + 2ull * (index % size), head, 2);
	ram_put(DRIVER_AVAILABLE(n) + VIRTQ_RING_INDEX, (u16)(index + 1), 2);
}

void driver_kick(u32 n)
{
	mmio_write(DRIVER_NOTIFY + 4ull * n, 2, n);
}

u16 driver_used(u32 n)
{
	return (u16)ram_get(DRIVER_USED(n) + VIRTQ_RING_INDEX, 2);
}

u32 driver_used_bytes(u32 n, u16 size, u16 position)
{
	return (u32)ram_get(DRIVER_USED(n) + VIRTQ_RING_ENTRIES + 8ull * (position % size) + 4, 4);
}
