/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio 1.x over PCI: common configuration, feature negotiation, queue set-up, notification, MSI-X. Modern only;
 * VERSION_1 and ACCESS_PLATFORM are always offered and required. A driver that breaks the protocol gets
 * DEVICE_NEEDS_RESET.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include "include/cella/types.h"
#include "vmm/dev_pci.h"
#include "vmm/virtqueue.h"

#define VIRTIO_MAX_QUEUES 8

struct virtio_device;

struct virtio_ops {
	/*
	 * The driver kicked queue @index, which is enabled. Called from the vCPU task that did it, device lock held.
	 * The model may drop and retake the lock; then the device may have been reset meanwhile.
	 */
	void (*notify)(struct virtio_device *device, u32 index);
	/* The driver reset the device, device lock held: forget what its queues held. */
	void (*reset)(struct virtio_device *device);
};

struct virtio_device {
	struct pci_function pci;
	const struct virtio_ops *ops;	/* (c) */
	u64 features_offered;	/* (c) device's own bits; transport adds VERSION_1 and ACCESS_PLATFORM */
	u64 features_accepted;	/* (l) */
	u32 queue_count;	/* (c) */
	struct virtqueue queues[VIRTIO_MAX_QUEUES];	/* (l) */
	u32 config_bytes;	/* (c) of the device configuration, which reads 0; 0: none */
	struct spinlock lock;
	u8 status;	/* (l) */
	u8 isr;	/* (l) */
	u16 config_vector;	/* (l) */
	u32 feature_select, driver_feature_select, queue_select;	/* (l) */
	u64 protocol_errors;	/* (l) */
};

/**
 * virtio_create() - make a zeroed device a PCI function and attach it to @slot
 * @type: virtio device type; @class_code: base class, sub-class, interface. Fill ops, features, config_bytes,
 * queue_count and each queue's max_size (power of two) first. Keeper task, before any vCPU runs. Errors: pci_add()
 */
int __must_check virtio_create(struct virtio_device *device, struct guest *guest, u32 slot, u16 type, u32 class_code);
/** virtio_is_running() - the driver is ready and has not broken the protocol; device lock held */
bool virtio_is_running(const struct virtio_device *device);
/** virtio_interrupt() - used buffers of queue @index, device lock held. Ask virtqueue_wants_interrupt() first */
void virtio_interrupt(struct virtio_device *device, u32 index);
/** virtio_fail() - the driver broke the protocol: counted, logged once, DEVICE_NEEDS_RESET; device lock held */
void virtio_fail(struct virtio_device *device, const char *what);

#endif
