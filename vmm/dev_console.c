/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console without VIRTIO_CONSOLE_F_MULTIPORT: hvc0 of a Linux guest.
 *
 * Output is consumed within the kick, because the driver waits for its buffer to come back. The terminal may make a
 * task wait, so the lock is dropped around each piece of output, and the core's other tasks get their turn; one task at
 * a time drains the queue, and a kick that finds it at work only buys another round. A kick pays for as many chains as
 * the queue has entries. A guest that is told to end, resets the device or breaks the protocol stops the drain between
 * two pieces.
 *
 * Input comes from the console task into a bounded ring and from there into whatever receive buffers the driver offers.
 * VIRTIO 1.2, "Console Device".
 */
#include "vmm/dev_console.h"

#include "include/cella/errno.h"
#include "include/spec/pci.h"
#include "include/spec/virtio.h"
#include "kernel/console.h"
#include "kernel/sched.h"
#include "vmm/guest.h"

#define QUEUE_COUNT 2
#define QUEUE_MAX_SIZE 64
/* Columns, rows, ports, emergency write: without their features they mean nothing, but drivers may want to see them. */
#define CONFIG_BYTES 12

_Static_assert(QUEUE_MAX_SIZE <= VIRTQUEUE_MAX_SEGMENTS, "any chain without a loop fits");

static struct dev_console *console_of(struct virtio_device *device)
{
	return container_of(device, struct dev_console, virtio);
}

/* ---- guest to host ---- */

/* May the drain that began in life @resets go on? */
static bool may_transmit(const struct dev_console *console, u64 resets)
{
	return console->resets == resets && virtio_is_running(&console->virtio) &&
	       !__atomic_load_n(&console->guest->stop_requested, __ATOMIC_SEQ_CST);
}

/* Hand the chain over piece by piece. False: the drain ends here. */
static bool output_chain(struct dev_console *console)
{
	struct virtio_device *device = &console->virtio;
	struct virtqueue *queue = &device->queues[VIRTIO_CONSOLE_TRANSMIT_QUEUE];
	const struct virtqueue_chain *chain = &console->transmit_chain;
	u64 resets = console->resets, piece;

	for (u64 done = 0; done < chain->readable_bytes; done += piece) {
		piece = MIN(chain->readable_bytes - done, DEV_CONSOLE_PIECE_BYTES);
		if (virtqueue_read(queue, chain, done, console->piece, piece)) {
			virtio_fail(device, "transmit buffer is not shared RAM");
			return false;
		}
		spin_unlock(&device->lock);
		console_guest_output(&console->guest->console, console->piece, piece);
		sched_poll();
		spin_lock(&device->lock);
		if (!may_transmit(console, resets))
			return false;
	}
	return true;
}

static void transmit_round(struct dev_console *console)
{
	struct virtio_device *device = &console->virtio;
	struct virtqueue *queue = &device->queues[VIRTIO_CONSOLE_TRANSMIT_QUEUE];
	const char *what = NULL;

	for (u32 chains = 0; chains < queue->size; chains++) {
		int error = virtqueue_pop(queue, &console->transmit_chain, &what);

		if (error == -EAGAIN)
			break;
		if (!error && console->transmit_chain.writable_count)
			what = "writable buffer in the transmit queue";
		if (what) {
			virtio_fail(device, what);
			return;
		}
		if (!output_chain(console))
			return;
		if (virtqueue_push(queue, console->transmit_chain.head, 0)) {
			virtio_fail(device, "used ring is not shared RAM");
			return;
		}
	}
	if (virtqueue_wants_interrupt(queue))
		virtio_interrupt(device, VIRTIO_CONSOLE_TRANSMIT_QUEUE);
}

static void transmit(struct dev_console *console)
{
	const struct virtqueue *queue = &console->virtio.queues[VIRTIO_CONSOLE_TRANSMIT_QUEUE];

	if (console->transmitting) {
		console->kicked_again = true;
		return;
	}
	console->transmitting = true;
	do {
		console->kicked_again = false;
		transmit_round(console);
	} while (console->kicked_again && queue->enabled && may_transmit(console, console->resets));
	console->transmitting = false;
}

/* ---- host to guest ---- */

/* Move what fits from the ring into the chain; -EINVAL: its memory is not shared RAM. */
static int fill_chain(struct dev_console *console, struct virtqueue *queue, const struct virtqueue_chain *chain)
{
	struct input_ring *input = &console->input;
	u32 bytes = (u32)MIN(input_ring_count(input), chain->writable_bytes);

	for (u32 done = 0; done < bytes;) {
		u32 at = input->taken % INPUT_RING_BYTES, piece = MIN(bytes - done, INPUT_RING_BYTES - at);
		int error = virtqueue_write(queue, chain, done, &input->bytes[at], piece);

		if (error)
			return error;
		input->taken += piece;
		done += piece;
	}
	return virtqueue_push(queue, chain->head, bytes);
}

static void receive(struct dev_console *console)
{
	struct virtio_device *device = &console->virtio;
	struct virtqueue *queue = &device->queues[VIRTIO_CONSOLE_RECEIVE_QUEUE];
	struct virtqueue_chain *chain = &console->receive_chain;
	const char *what = NULL;

	while (input_ring_count(&console->input)) {
		int error = virtqueue_pop(queue, chain, &what);

		if (error == -EAGAIN)
			break;
		if (!error && chain->readable_count)
			what = "readable buffer in the receive queue";
		else if (!error && fill_chain(console, queue, chain))
			what = "receive buffer or used ring is not shared RAM";
		if (what) {
			virtio_fail(device, what);
			return;
		}
	}
	if (virtqueue_wants_interrupt(queue))
		virtio_interrupt(device, VIRTIO_CONSOLE_RECEIVE_QUEUE);
}

bool dev_console_input(struct dev_console *console, const char *bytes, u64 count)
{
	struct virtio_device *device = &console->virtio;
	bool running;

	spin_lock(&device->lock);
	running = virtio_is_running(device) && device->queues[VIRTIO_CONSOLE_RECEIVE_QUEUE].enabled;
	for (u64 i = 0; running && i < count; i++)
		input_ring_put(&console->input, (u8)bytes[i]);
	if (running)
		receive(console);
	spin_unlock(&device->lock);
	return running;
}

/* ---- the device ---- */

static void notify(struct virtio_device *device, u32 index)
{
	if (index == VIRTIO_CONSOLE_TRANSMIT_QUEUE)
		transmit(console_of(device));
	else
		receive(console_of(device));
}

static void reset(struct virtio_device *device)
{
	struct dev_console *console = console_of(device);

	console->resets++;
	input_ring_clear(&console->input);
}

static const struct virtio_ops console_ops = { .notify = notify, .reset = reset };

int dev_console_create(struct dev_console *console, struct guest *guest, u32 slot)
{
	struct virtio_device *device = &console->virtio;

	console->guest = guest;
	device->ops = &console_ops;
	device->features_offered = BIT(VIRTIO_F_EVENT_IDX);
	device->config_bytes = CONFIG_BYTES;
	device->queue_count = QUEUE_COUNT;
	for (u32 i = 0; i < QUEUE_COUNT; i++)
		device->queues[i].max_size = QUEUE_MAX_SIZE;
	return virtio_create(device, guest, slot, VIRTIO_TYPE_CONSOLE, PCI_CLASS_COMMUNICATION_OTHER);
}
