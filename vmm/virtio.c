/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio 1.x over PCI, modern only: the function, its BAR, notifications and interrupts.
 *
 * One memory BAR, a page per region, so that an access's page says which structure it means; the common configuration
 * is virtio_common.c's. A driver that breaks a rule of the protocol gets DEVICE_NEEDS_RESET and no service until it
 * resets the device. Accesses of another width than the register's read all ones and change nothing.
 *
 * virtio_device.lock guards everything but the MSI-X table, which has the function's lock (taken inside). vCPU tasks.
 * VIRTIO 1.2, "Virtio Over PCI Bus"; guest-boot reference, "virtio-pci (modern) in a TD".
 */
#include "vmm/virtio.h"

#include "include/spec/pci.h"
#include "include/spec/virtio.h"
#include "kernel/log.h"
#include "vmm/guest.h"
#include "vmm/virtio_common.h"

/* Layout of the BAR: a page each. */
#define BAR_BYTES 0x8000
#define REGION_SHIFT PAGE_SHIFT
enum bar_region {
	REGION_COMMON,
	REGION_NOTIFY,
	REGION_ISR,
	REGION_DEVICE,
	REGION_MSIX_TABLE,
	REGION_PBA,
};
#define REGION_OFFSET(region) ((u32)(region) << REGION_SHIFT)

#define NOTIFY_MULTIPLIER 4	/* bytes of the notify region per queue */
#define NOTIFY_WIDTH 2
#define ISR_BYTES 1

/* ---- interrupts and errors ---- */

bool virtio_is_running(const struct virtio_device *device)
{
	u8 all = VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FAILED | VIRTIO_STATUS_DEVICE_NEEDS_RESET;

	return (device->status & all) == VIRTIO_STATUS_DRIVER_OK;
}

static void raise_interrupt(struct virtio_device *device, u8 isr, u16 vector)
{
	device->isr |= isr;
	if (vector != VIRTIO_NO_VECTOR)
		pci_msix_send(&device->pci, vector);
}

void virtio_interrupt(struct virtio_device *device, u32 index)
{
	raise_interrupt(device, VIRTIO_ISR_QUEUE, device->queues[index].vector);
}

void virtio_fail(struct virtio_device *device, const char *what)
{
	const char *guest = device->pci.guest->config->name;
	u32 type = pci_config_get(&device->pci, PCI_DEVICE_ID, 2) - VIRTIO_PCI_DEVICE_BASE;

	if (device->protocol_errors++ == 0)
		log_warn("virtio", "%s: driver of device type %u broke the protocol: %s", guest, type, what);
	device->status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
	if (device->status & VIRTIO_STATUS_DRIVER_OK)
		raise_interrupt(device, VIRTIO_ISR_CONFIG, device->config_vector);
}

/* ---- the BAR ---- */

static void notify(struct virtio_device *device, u64 offset, u32 bytes)
{
	u64 index = offset / NOTIFY_MULTIPLIER;

	/* Kicks before DRIVER_OK and after a protocol error mean nothing. */
	if (bytes == NOTIFY_WIDTH && index < device->queue_count && device->queues[index].enabled &&
	    virtio_is_running(device))
		device->ops->notify(device, (u32)index);
}

static u64 isr_read(struct virtio_device *device)
{
	u8 isr = device->isr;

	device->isr = 0;
	return isr;
}

static bool in_device_config(const struct virtio_device *device, u64 offset, u32 bytes)
{
	return bytes <= device->config_bytes && offset <= device->config_bytes - bytes;
}

/* Device lock held. */
static u64 region_read(struct virtio_device *device, enum bar_region region, u64 offset, u32 bytes)
{
	if (region == REGION_COMMON)
		return virtio_common_read(device, offset, bytes);
	if (region == REGION_ISR && offset < ISR_BYTES && bytes == ISR_BYTES)
		return isr_read(device);
	if (region == REGION_DEVICE && in_device_config(device, offset, bytes))
		return 0;
	return BUS_ALL_ONES;
}

static u64 bar_read(void *opaque, u64 offset, u32 bytes)
{
	struct virtio_device *device = opaque;
	enum bar_region region = (enum bar_region)(offset >> REGION_SHIFT);
	u64 within = offset - REGION_OFFSET(region), value;

	if (region == REGION_MSIX_TABLE)
		return pci_msix_table_read(&device->pci, within, bytes);
	if (region == REGION_PBA)
		return pci_msix_pba_read(&device->pci, within, bytes);
	spin_lock(&device->lock);
	value = region_read(device, region, within, bytes);
	spin_unlock(&device->lock);
	return value;
}

static void bar_write(void *opaque, u64 offset, u32 bytes, u64 value)
{
	struct virtio_device *device = opaque;
	enum bar_region region = (enum bar_region)(offset >> REGION_SHIFT);
	u64 within = offset - REGION_OFFSET(region);

	if (region == REGION_MSIX_TABLE) {
		pci_msix_table_write(&device->pci, within, bytes, value);
		return;
	}
	spin_lock(&device->lock);
	if (region == REGION_COMMON)
		virtio_common_write(device, within, bytes, value);
	else if (region == REGION_NOTIFY)
		notify(device, within, bytes);
	spin_unlock(&device->lock);
}

static const struct bus_ops bar_ops = { .read = bar_read, .write = bar_write };

/* ---- creation ---- */

/* A capability that names one structure of the BAR; returns its config offset. */
static u8 add_capability(struct pci_function *function, u8 type, enum bar_region region, u32 region_bytes, u32 bytes)
{
	u8 at = pci_add_capability(function, PCI_CAPABILITY_VENDOR, bytes);

	pci_config_put(function, at + VIRTIO_CAP_LENGTH, 1, bytes);
	pci_config_put(function, at + VIRTIO_CAP_TYPE, 1, type);
	pci_config_put(function, at + VIRTIO_CAP_BAR, 1, 0);
	pci_config_put(function, at + VIRTIO_CAP_OFFSET, 4, REGION_OFFSET(region));
	pci_config_put(function, at + VIRTIO_CAP_REGION_LENGTH, 4, region_bytes);
	return at;
}

int virtio_create(struct virtio_device *device, struct guest *guest, u32 slot, u16 type, u32 class_code)
{
	struct pci_function *function = &device->pci;
	struct pci_identity identity = {
		.vendor = VIRTIO_PCI_VENDOR,
		.device = (u16)(VIRTIO_PCI_DEVICE_BASE + type),
		.subsystem_vendor = VIRTIO_PCI_VENDOR,
		.subsystem = (u16)(VIRTIO_PCI_DEVICE_BASE + type),
		.revision = VIRTIO_PCI_REVISION,
		.class_code = class_code,
	};
	u8 at;

	pci_prepare(function, &identity);
	pci_set_bar(function, BAR_BYTES, &bar_ops, device);
	add_capability(function, VIRTIO_CAP_COMMON, REGION_COMMON, VIRTIO_COMMON_BYTES, VIRTIO_CAP_BYTES);
	at = add_capability(function, VIRTIO_CAP_NOTIFY, REGION_NOTIFY, device->queue_count * NOTIFY_MULTIPLIER,
			    VIRTIO_CAP_NOTIFY_BYTES);
	pci_config_put(function, at + VIRTIO_CAP_NOTIFY_MULTIPLIER, 4, NOTIFY_MULTIPLIER);
	add_capability(function, VIRTIO_CAP_ISR, REGION_ISR, ISR_BYTES, VIRTIO_CAP_BYTES);
	if (device->config_bytes)
		add_capability(function, VIRTIO_CAP_DEVICE, REGION_DEVICE, device->config_bytes, VIRTIO_CAP_BYTES);
	/* One vector per queue and one for configuration changes. */
	pci_msix_prepare(function, device->queue_count + 1, REGION_OFFSET(REGION_MSIX_TABLE),
			 REGION_OFFSET(REGION_PBA));
	device->config_vector = VIRTIO_NO_VECTOR;
	for (u32 i = 0; i < device->queue_count; i++) {
		device->queues[i].guest = guest;
		virtqueue_reset(&device->queues[i]);
	}
	return pci_add(guest, slot, function);
}
