/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio 1.2 over PCI, split virtqueues, console. Virtual I/O Device (VIRTIO) Version 1.2, "Virtio Over PCI Bus",
 * "Split Virtqueues", "Console Device".
 */
#ifndef SPEC_VIRTIO_H
#define SPEC_VIRTIO_H

#define VIRTIO_PCI_VENDOR 0x1af4u
#define VIRTIO_PCI_DEVICE_BASE 0x1040u	/* + device type */
#define VIRTIO_PCI_REVISION 1

#define VIRTIO_TYPE_CONSOLE 3

/* Device status */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01
#define VIRTIO_STATUS_DRIVER 0x02
#define VIRTIO_STATUS_DRIVER_OK 0x04
#define VIRTIO_STATUS_FEATURES_OK 0x08
#define VIRTIO_STATUS_DEVICE_NEEDS_RESET 0x40
#define VIRTIO_STATUS_FAILED 0x80

/* Feature bits that every device may have */
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33

#define VIRTIO_NO_VECTOR 0xffffu

/* ISR status, cleared by reading */
#define VIRTIO_ISR_QUEUE 0x01
#define VIRTIO_ISR_CONFIG 0x02

/* PCI capabilities: u8 id, next, length, type, BAR, id, two of padding, u32 offset, u32 length */
#define VIRTIO_CAP_LENGTH 2
#define VIRTIO_CAP_TYPE 3
#define VIRTIO_CAP_BAR 4
#define VIRTIO_CAP_OFFSET 8
#define VIRTIO_CAP_REGION_LENGTH 12
#define VIRTIO_CAP_BYTES 16
#define VIRTIO_CAP_NOTIFY_MULTIPLIER 16	/* u32, of the notification capability */
#define VIRTIO_CAP_NOTIFY_BYTES 20

#define VIRTIO_CAP_COMMON 1
#define VIRTIO_CAP_NOTIFY 2
#define VIRTIO_CAP_ISR 3
#define VIRTIO_CAP_DEVICE 4

/* Common configuration: offset, width in the comment */
#define VIRTIO_COMMON_DEVICE_FEATURE_SELECT 0	/* u32 */
#define VIRTIO_COMMON_DEVICE_FEATURE 4	/* u32, read only */
#define VIRTIO_COMMON_DRIVER_FEATURE_SELECT 8	/* u32 */
#define VIRTIO_COMMON_DRIVER_FEATURE 12	/* u32 */
#define VIRTIO_COMMON_CONFIG_VECTOR 16	/* u16 */
#define VIRTIO_COMMON_QUEUE_COUNT 18	/* u16, read only */
#define VIRTIO_COMMON_STATUS 20	/* u8 */
#define VIRTIO_COMMON_CONFIG_GENERATION 21	/* u8, read only */
#define VIRTIO_COMMON_QUEUE_SELECT 22	/* u16 */
#define VIRTIO_COMMON_QUEUE_SIZE 24	/* u16 */
#define VIRTIO_COMMON_QUEUE_VECTOR 26	/* u16 */
#define VIRTIO_COMMON_QUEUE_ENABLE 28	/* u16 */
#define VIRTIO_COMMON_QUEUE_NOTIFY_OFFSET 30	/* u16, read only */
#define VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW 32	/* u32, high half at + 4 */
#define VIRTIO_COMMON_QUEUE_DESCRIPTORS_HIGH 36
#define VIRTIO_COMMON_QUEUE_AVAILABLE_LOW 40
#define VIRTIO_COMMON_QUEUE_AVAILABLE_HIGH 44
#define VIRTIO_COMMON_QUEUE_USED_LOW 48
#define VIRTIO_COMMON_QUEUE_USED_HIGH 52
#define VIRTIO_COMMON_BYTES 56

/* Split virtqueue in guest memory */
#define VIRTQ_DESCRIPTOR_ALIGN 16
#define VIRTQ_AVAILABLE_ALIGN 2
#define VIRTQ_USED_ALIGN 4
#define VIRTQ_RING_FLAGS 0	/* u16, of either ring */
#define VIRTQ_RING_INDEX 2	/* u16 */
#define VIRTQ_RING_ENTRIES 4
#define VIRTQ_AVAILABLE_ENTRY_BYTES 2
#define VIRTQ_USED_ENTRY_BYTES 8
#define VIRTQ_EVENT_BYTES 2	/* used_event, avail_event: behind the entries */
#define VIRTQ_AVAILABLE_NO_INTERRUPT 1	/* flag of the available ring */

#define VIRTQ_DESCRIPTOR_NEXT 1
#define VIRTQ_DESCRIPTOR_WRITE 2
#define VIRTQ_DESCRIPTOR_INDIRECT 4

/* Console: queues without VIRTIO_CONSOLE_F_MULTIPORT */
#define VIRTIO_CONSOLE_RECEIVE_QUEUE 0	/* host to guest */
#define VIRTIO_CONSOLE_TRANSMIT_QUEUE 1

#ifndef __ASSEMBLER__
#include "include/cella/types.h"

struct virtq_descriptor {
	u64 address;	/* GPA */
	u32 bytes;
	u16 flags;
	u16 next;
};
_Static_assert(sizeof(struct virtq_descriptor) == 16, "VIRTIO 1.2, The Virtqueue Descriptor Table");

struct virtq_used_entry {
	u32 head;	/* first descriptor of the chain */
	u32 written;	/* bytes the device stored */
};
_Static_assert(sizeof(struct virtq_used_entry) == VIRTQ_USED_ENTRY_BYTES, "VIRTIO 1.2, The Virtqueue Used Ring");
#endif

#endif
