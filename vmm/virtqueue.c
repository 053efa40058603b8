/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues.
 *
 * The rings belong to the guest, which may rewrite them at any moment: an index, a head and each descriptor is fetched
 * once into our own memory and then checked; nothing is fetched twice. A chain ends after at most `size` descriptors,
 * so loops end too. Buffers are checked to be RAM here; that they are shared is found when they are copied. Positions
 * are 16-bit and wrap by arithmetic, the size is a power of two.
 *
 * With VIRTIO_F_EVENT_IDX, avail_event follows the index as we last saw it: every chain that a pop did not see brings a
 * kick. The bound on the chase: the driver may be `size` chains ahead of us, more breaks the protocol.
 * Caller holds the device's lock. VIRTIO 1.2, "Split Virtqueues".
 */
#include "vmm/virtqueue.h"

#include "include/cella/errno.h"
#include "include/spec/virtio.h"
#include "vmm/gmem.h"

#define CHAIN_MAX_BYTES GIB(4)	/* VIRTIO 1.2, "The Virtqueue Descriptor Table" */

void virtqueue_reset(struct virtqueue *queue)
{
	*queue = (struct virtqueue){
		.guest = queue->guest,
		.max_size = queue->max_size,
		.vector = VIRTIO_NO_VECTOR,
	};
}

/* ---- where things lie ---- */

static gpa_t ring_entry(const struct virtqueue *queue, gpa_t ring, u16 position, u64 entry_bytes)
{
	return gpa_add(ring, VIRTQ_RING_ENTRIES + (position & (queue->size - 1u)) * entry_bytes);
}

static u64 available_bytes(const struct virtqueue *queue)
{
	return VIRTQ_RING_ENTRIES + (u64)queue->size * VIRTQ_AVAILABLE_ENTRY_BYTES;
}

static u64 used_bytes(const struct virtqueue *queue)
{
	return VIRTQ_RING_ENTRIES + (u64)queue->size * VIRTQ_USED_ENTRY_BYTES;
}

static bool is_ring(const struct virtqueue *queue, gpa_t gpa, u64 bytes, u64 align)
{
	return IS_ALIGNED(gpa.raw, align) && gmem_is_ram(queue->guest, gpa, bytes);
}

int virtqueue_enable(struct virtqueue *queue, const char **what)
{
	u64 table_bytes;

	if (!queue->size)
		queue->size = queue->max_size;
	table_bytes = (u64)queue->size * sizeof(struct virtq_descriptor);
	*what = NULL;
	if (!is_ring(queue, queue->descriptors, table_bytes, VIRTQ_DESCRIPTOR_ALIGN))
		*what = "descriptor table misaligned or not in RAM";
	else if (!is_ring(queue, queue->available, available_bytes(queue) + VIRTQ_EVENT_BYTES, VIRTQ_AVAILABLE_ALIGN))
		*what = "available ring misaligned or not in RAM";
	else if (!is_ring(queue, queue->used, used_bytes(queue) + VIRTQ_EVENT_BYTES, VIRTQ_USED_ALIGN))
		*what = "used ring misaligned or not in RAM";
	if (*what)
		return -EINVAL;
	queue->enabled = true;
	return 0;
}

/* ---- taking chains ---- */

static int refuse(const char **what, const char *why)
{
	*what = why;
	return -EINVAL;
}

/* How many chains wait. */
static int count_waiting(struct virtqueue *queue, u16 *waiting, const char **what)
{
	u16 index;

	for (;;) {
		if (gmem_load_u16(queue->guest, gpa_add(queue->available, VIRTQ_RING_INDEX), &index))
			return refuse(what, "available ring is not shared RAM");
		*waiting = (u16)(index - queue->next_available);
		if (*waiting > queue->size)
			return refuse(what, "more chains available than the queue has entries");
		if (!queue->event_index || queue->kick_after == index)
			return 0;
		/* Ask for a kick, then look again: a chain that came before the driver could see the request. */
		queue->kick_after = index;
		if (gmem_store_u16(queue->guest, gpa_add(queue->used, used_bytes(queue)), index))
			return refuse(what, "used ring is not shared RAM");
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
}

/* Check one descriptor and append it to its half of the chain. */
static int append(struct virtqueue *queue, struct virtqueue_chain *chain, const struct virtq_descriptor *descriptor,
		  const char **what)
{
	struct virtqueue_segment segment = { GPA(descriptor->address), descriptor->bytes };

	if (descriptor->flags & VIRTQ_DESCRIPTOR_INDIRECT)
		return refuse(what, "indirect descriptor, which was not offered");
	if (!segment.bytes)
		return refuse(what, "empty descriptor");
	if (!gmem_is_ram(queue->guest, segment.gpa, segment.bytes))
		return refuse(what, "buffer outside RAM");
	if (chain->readable_bytes + chain->writable_bytes + segment.bytes > CHAIN_MAX_BYTES)
		return refuse(what, "chain of more than 4 GiB");
	if (chain->readable_count + chain->writable_count == VIRTQUEUE_MAX_SEGMENTS)
		return refuse(what, "chain of too many descriptors");
	if (descriptor->flags & VIRTQ_DESCRIPTOR_WRITE) {
		chain->writable[chain->writable_count++] = segment;
		chain->writable_bytes += segment.bytes;
		return 0;
	}
	if (chain->writable_count)
		return refuse(what, "readable descriptor behind a writable one");
	chain->readable[chain->readable_count++] = segment;
	chain->readable_bytes += segment.bytes;
	return 0;
}

static int walk(struct virtqueue *queue, struct virtqueue_chain *chain, const char **what)
{
	struct virtq_descriptor descriptor;
	u16 at = chain->head;

	for (u32 steps = 0; steps < queue->size; steps++) {
		gpa_t gpa = gpa_add(queue->descriptors, (u64)at * sizeof(descriptor));
		int error;

		if (gmem_read(queue->guest, gpa, &descriptor, sizeof(descriptor)))
			return refuse(what, "descriptor table is not shared RAM");
		error = append(queue, chain, &descriptor, what);
		if (error)
			return error;
		if (!(descriptor.flags & VIRTQ_DESCRIPTOR_NEXT))
			return 0;
		if (descriptor.next >= queue->size)
			return refuse(what, "next descriptor outside the table");
		at = descriptor.next;
	}
	return refuse(what, "chain is a loop");
}

int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain, const char **what)
{
	u16 waiting;
	gpa_t head;
	int error = count_waiting(queue, &waiting, what);

	if (error)
		return error;
	if (!waiting)
		return -EAGAIN;
	chain->readable_count = 0;
	chain->writable_count = 0;
	chain->readable_bytes = 0;
	chain->writable_bytes = 0;
	head = ring_entry(queue, queue->available, queue->next_available, VIRTQ_AVAILABLE_ENTRY_BYTES);
	if (gmem_load_u16(queue->guest, head, &chain->head))
		return refuse(what, "available ring is not shared RAM");
	if (chain->head >= queue->size)
		return refuse(what, "first descriptor outside the table");
	error = walk(queue, chain, what);
	if (error)
		return error;
	queue->next_available++;
	return 0;
}

/* ---- giving them back ---- */

int virtqueue_push(struct virtqueue *queue, u16 head, u32 written)
{
	struct virtq_used_entry entry = { .head = head, .written = written };
	gpa_t to = ring_entry(queue, queue->used, queue->next_used, VIRTQ_USED_ENTRY_BYTES);

	if (gmem_write(queue->guest, to, &entry, sizeof(entry)))
		return -EINVAL;
	/* The entry must be there before the index says so: the store releases. */
	queue->next_used++;
	return gmem_store_u16(queue->guest, gpa_add(queue->used, VIRTQ_RING_INDEX), queue->next_used);
}

bool virtqueue_wants_interrupt(struct virtqueue *queue)
{
	u16 before = queue->signalled_used, now = queue->next_used, word;

	queue->signalled_used = now;
	/* Our index must be visible before we look at what the driver waits for. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (queue->event_index) {
		if (gmem_load_u16(queue->guest, gpa_add(queue->available, available_bytes(queue)), &word))
			return false;
		/* Is used_event one of the positions in [before, now)? */
		return (u16)(now - word - 1) < (u16)(now - before);
	}
	if (gmem_load_u16(queue->guest, gpa_add(queue->available, VIRTQ_RING_FLAGS), &word))
		return false;
	return now != before && !(word & VIRTQ_AVAILABLE_NO_INTERRUPT);
}

/* ---- content ---- */

/* Exactly one of @to and @from is given: bytes out of the guest, or into it. */
static int copy(struct virtqueue *queue, const struct virtqueue_segment *segments, u64 offset, u8 *to, const u8 *from,
		u64 bytes)
{
	u64 done = 0;

	for (u32 i = 0; done < bytes; i++) {
		u64 piece;
		gpa_t gpa;
		int error;

		if (offset >= segments[i].bytes) {
			offset -= segments[i].bytes;
			continue;
		}
		gpa = gpa_add(segments[i].gpa, offset);
		piece = MIN(bytes - done, segments[i].bytes - offset);
		error = to ? gmem_read(queue->guest, gpa, to + done, piece) :
			     gmem_write(queue->guest, gpa, from + done, piece);
		if (error)
			return error;
		done += piece;
		offset = 0;
	}
	return 0;
}

int virtqueue_read(struct virtqueue *queue, const struct virtqueue_chain *chain, u64 offset, void *to, u64 bytes)
{
	if (offset > chain->readable_bytes || bytes > chain->readable_bytes - offset)
		return -EINVAL;
	return copy(queue, chain->readable, offset, to, NULL, bytes);
}

int virtqueue_write(struct virtqueue *queue, const struct virtqueue_chain *chain, u64 offset, const void *from,
		    u64 bytes)
{
	if (offset > chain->writable_bytes || bytes > chain->writable_bytes - offset)
		return -EINVAL;
	return copy(queue, chain->writable, offset, NULL, from, bytes);
}
