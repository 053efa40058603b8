/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common configuration structure of a virtio device: status, features, queue set-up.
 *
 * The driver writes addresses, sizes and bits in any order it likes; each register takes what it may hold, and the
 * whole is checked when it takes effect: features at FEATURES_OK, a queue at its enable bit. What a device may refuse
 * by the protocol (features, vectors) is refused quietly, and the driver learns by reading back; a broken rule is
 * virtio_fail()'s.
 *
 * Device lock held, in all of this. VIRTIO 1.2, "Device Initialization", "Common configuration structure layout".
 */
#include "vmm/virtio_common.h"

#include "include/spec/virtio.h"

#define FEATURES_OF_TRANSPORT (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM))
#define FEATURE_WORDS 2

/* What the driver may set; DEVICE_NEEDS_RESET is the device's. */
#define STATUS_OF_DRIVER \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FEATURES_OK | \
	 VIRTIO_STATUS_FAILED)

/* ---- status and features ---- */

static void reset(struct virtio_device *device)
{
	device->status = 0;
	device->isr = 0;
	device->features_accepted = 0;
	device->feature_select = 0;
	device->driver_feature_select = 0;
	device->queue_select = 0;
	device->config_vector = VIRTIO_NO_VECTOR;
	for (u32 i = 0; i < device->queue_count; i++)
		virtqueue_reset(&device->queues[i]);
	device->ops->reset(device);
}

static u64 offered(const struct virtio_device *device)
{
	return device->features_offered | FEATURES_OF_TRANSPORT;
}

static bool features_fit(const struct virtio_device *device)
{
	return !(device->features_accepted & ~offered(device)) &&
	       (device->features_accepted & FEATURES_OF_TRANSPORT) == FEATURES_OF_TRANSPORT;
}

static void status_write(struct virtio_device *device, u8 value)
{
	u8 added = value & (u8)~device->status & STATUS_OF_DRIVER;

	if (value == 0) {
		reset(device);
		return;
	}
	if (device->status & ~value & STATUS_OF_DRIVER) {
		virtio_fail(device, "a status bit was cleared without a reset");
		return;
	}
	/* Features that do not fit: the bit stays clear, which is how the driver learns. */
	if ((added & VIRTIO_STATUS_FEATURES_OK) && !features_fit(device))
		added &= (u8)~VIRTIO_STATUS_FEATURES_OK;
	if ((added & VIRTIO_STATUS_DRIVER_OK) && !((device->status | added) & VIRTIO_STATUS_FEATURES_OK)) {
		virtio_fail(device, "DRIVER_OK before FEATURES_OK");
		return;
	}
	device->status |= added;
	for (u32 i = 0; (added & VIRTIO_STATUS_FEATURES_OK) && i < device->queue_count; i++)
		device->queues[i].event_index = (device->features_accepted & BIT(VIRTIO_F_EVENT_IDX)) != 0;
}

/* ---- registers of the selected queue ---- */

/* NULL: the driver selected a queue that the device does not have. */
static struct virtqueue *selected_queue(struct virtio_device *device)
{
	return device->queue_select < device->queue_count ? &device->queues[device->queue_select] : NULL;
}

/* One half of the address of a ring or table. */
static u32 *address_half(struct virtqueue *queue, u64 offset)
{
	gpa_t *addresses[] = { &queue->descriptors, &queue->available, &queue->used };
	u64 half = (offset - VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW) / sizeof(u32);

	return (u32 *)(void *)addresses[half / 2] + half % 2;
}

static u64 queue_read(const struct virtio_device *device, struct virtqueue *queue, u64 offset)
{
	switch (offset) {
	case VIRTIO_COMMON_QUEUE_SIZE:
		return queue->size ? queue->size : queue->max_size;
	case VIRTIO_COMMON_QUEUE_VECTOR:
		return queue->vector;
	case VIRTIO_COMMON_QUEUE_ENABLE:
		return queue->enabled;
	case VIRTIO_COMMON_QUEUE_NOTIFY_OFFSET:
		return device->queue_select;
	default:
		return *address_half(queue, offset);
	}
}

/* A vector that the table does not have reads back as none, which is how the driver learns. */
static u16 checked_vector(const struct virtio_device *device, u64 value)
{
	return value < device->pci.msix_count ? (u16)value : VIRTIO_NO_VECTOR;
}

static void queue_enable(struct virtio_device *device, struct virtqueue *queue, u64 value)
{
	const char *what;

	if (value != 1)
		virtio_fail(device, "queue enable written with another value than 1");
	else if (!(device->status & VIRTIO_STATUS_FEATURES_OK))
		virtio_fail(device, "queue enabled before FEATURES_OK");
	else if (virtqueue_enable(queue, &what))
		virtio_fail(device, what);
}

static void queue_size(struct virtio_device *device, struct virtqueue *queue, u64 value)
{
	if (value == 0 || value > queue->max_size || (value & (value - 1)))
		virtio_fail(device, "queue size is zero, too large, or not a power of two");
	else
		queue->size = (u16)value;
}

static void queue_write(struct virtio_device *device, struct virtqueue *queue, u64 offset, u64 value)
{
	/* A driver takes the vector away from a live queue, too. */
	if (offset == VIRTIO_COMMON_QUEUE_VECTOR)
		queue->vector = checked_vector(device, value);
	else if (offset == VIRTIO_COMMON_QUEUE_NOTIFY_OFFSET)
		return;
	else if (queue->enabled)
		virtio_fail(device, "an enabled queue was set up again");
	else if (offset == VIRTIO_COMMON_QUEUE_SIZE)
		queue_size(device, queue, value);
	else if (offset == VIRTIO_COMMON_QUEUE_ENABLE)
		queue_enable(device, queue, value);
	else
		*address_half(queue, offset) = (u32)value;
}

/* ---- all registers ---- */

/* The only width in which a register may be accessed; 0: no register starts here. */
static u32 register_width(u64 offset)
{
	if (offset == VIRTIO_COMMON_STATUS || offset == VIRTIO_COMMON_CONFIG_GENERATION)
		return 1;
	if (offset >= VIRTIO_COMMON_BYTES)
		return 0;
	if (offset >= VIRTIO_COMMON_CONFIG_VECTOR && offset < VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW)
		return IS_ALIGNED(offset, 2) ? 2 : 0;
	return IS_ALIGNED(offset, 4) ? 4 : 0;
}

static u32 feature_word(u64 features, u32 select)
{
	return select < FEATURE_WORDS ? (u32)(features >> (32 * select)) : 0;
}

static u64 read_register(struct virtio_device *device, u64 offset)
{
	struct virtqueue *queue;

	switch (offset) {
	case VIRTIO_COMMON_DEVICE_FEATURE_SELECT:
		return device->feature_select;
	case VIRTIO_COMMON_DEVICE_FEATURE:
		return feature_word(offered(device), device->feature_select);
	case VIRTIO_COMMON_DRIVER_FEATURE_SELECT:
		return device->driver_feature_select;
	case VIRTIO_COMMON_DRIVER_FEATURE:
		return feature_word(device->features_accepted, device->driver_feature_select);
	case VIRTIO_COMMON_CONFIG_VECTOR:
		return device->config_vector;
	case VIRTIO_COMMON_QUEUE_COUNT:
		return device->queue_count;
	case VIRTIO_COMMON_STATUS:
		return device->status;
	case VIRTIO_COMMON_CONFIG_GENERATION:
		return 0;	/* no device changes its configuration by itself */
	case VIRTIO_COMMON_QUEUE_SELECT:
		return device->queue_select;
	default:
		/* Size 0 is how a queue is absent, and the other registers of an absent queue read like it. */
		queue = selected_queue(device);
		return queue ? queue_read(device, queue, offset) : 0;
	}
}

static void features_write(struct virtio_device *device, u32 word)
{
	u32 shift = 32 * device->driver_feature_select;

	/* Nothing is offered in the words behind the second; after FEATURES_OK the choice is final. */
	if (device->driver_feature_select >= FEATURE_WORDS || (device->status & VIRTIO_STATUS_FEATURES_OK))
		return;
	device->features_accepted = (device->features_accepted & ~(0xffffffffull << shift)) | (u64)word << shift;
}

static void write_register(struct virtio_device *device, u64 offset, u64 value)
{
	struct virtqueue *queue;

	switch (offset) {
	case VIRTIO_COMMON_DEVICE_FEATURE_SELECT:
		device->feature_select = (u32)value;
		break;
	case VIRTIO_COMMON_DRIVER_FEATURE_SELECT:
		device->driver_feature_select = (u32)value;
		break;
	case VIRTIO_COMMON_DRIVER_FEATURE:
		features_write(device, (u32)value);
		break;
	case VIRTIO_COMMON_CONFIG_VECTOR:
		device->config_vector = checked_vector(device, value);
		break;
	case VIRTIO_COMMON_STATUS:
		status_write(device, (u8)value);
		break;
	case VIRTIO_COMMON_QUEUE_SELECT:
		device->queue_select = (u32)value;
		break;
	default:
		queue = selected_queue(device);
		if (queue && offset > VIRTIO_COMMON_QUEUE_SELECT)
			queue_write(device, queue, offset, value);
		break;
	}
}

u64 virtio_common_read(struct virtio_device *device, u64 offset, u32 bytes)
{
	return bytes == register_width(offset) ? read_register(device, offset) : BUS_ALL_ONES;
}

void virtio_common_write(struct virtio_device *device, u64 offset, u32 bytes, u64 value)
{
	if (bytes == register_width(offset))
		write_register(device, offset, value);
}
