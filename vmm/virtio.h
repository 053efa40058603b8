/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio 1.x over PCI: common configuration, feature negotiation, queue set-up, notification, MSI-X. Modern only;
 * VERSION_1 and ACCESS_PLATFORM are always offered and required. A driver that breaks the protocol gets DEVICE_NEEDS_RESET.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include "include/cella/types.h"
#include "vmm/dev_pci.h"
#include "vmm/virtqueue.h"

#define VIRTIO_MAX_QUEUES 8

struct virtio_device;

struct virtio_ops {
	/* The driver kicked queue @index. Called from the vCPU task that did it, device lock held. */
	void (*notify)(struct virtio_device *device, u32 index);
	u64 (*config_read)(struct virtio_device *device, u64 offset, u32 bytes);	/* may be NULL: no device configuration */
	void (*config_write)(struct virtio_device *device, u64 offset, u32 bytes, u64 value);
	void (*reset)(struct virtio_device *device);
};

struct virtio_device {
	struct pci_function pci;
	const struct virtio_ops *ops;	/* (c) */
	u64 features_offered;	/* (c) device's own bits; transport adds VERSION_1 and ACCESS_PLATFORM */
	u64 features_accepted;	/* (l) */
	u32 queue_count;	/* (c) */
	struct virtqueue queues[VIRTIO_MAX_QUEUES];	/* (l) */
	struct spinlock lock;
	u8 status;	/* (l) */
	u8 isr;	/* (l) */
	u16 config_vector;	/* (l) */
	u32 feature_select, driver_feature_select, queue_select;	/* (l) */
	u8 config_generation;	/* (l) */
	u64 protocol_errors;	/* (l) */
};

/** virtio_create() - @type: virtio device type; @class_code: PCI class << 8; attaches to @slot. Fill ops, features, queue_count first */
int __must_check virtio_create(struct virtio_device *device, struct guest *guest, u32 slot, u16 type, u32 class_code);
/** virtio_interrupt() - used buffers of queue @index, device lock held */
void virtio_interrupt(struct virtio_device *device, u32 index);
/** virtio_fail() - the driver broke the protocol: counted, logged once, DEVICE_NEEDS_RESET */
void virtio_fail(struct virtio_device *device, const char *what);

#endif
