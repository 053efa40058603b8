/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues in memory that the guest may change at any moment: every descriptor is copied once and checked,
 * chains are bounded by the queue size, indices wrap by arithmetic. Rings and buffers are GPAs of shared RAM.
 */
#ifndef VMM_VIRTQUEUE_H
#define VMM_VIRTQUEUE_H

#include "include/cella/types.h"

struct guest;

#define VIRTQUEUE_MAX_SIZE 256
#define VIRTQUEUE_MAX_SEGMENTS 64

struct virtqueue {
	struct guest *guest;
	u16 size;	/* 0 until the driver chose */
	u16 max_size;
	bool enabled;
	u16 vector;	/* MSI-X entry, 0xffff: none */
	gpa_t descriptors, available, used;
	u16 next_available;	/* our position */
	u16 next_used;
	bool event_index;	/* VIRTIO_F_EVENT_IDX accepted */
	u16 kick_after;	/* avail_event as we published it: the driver kicks when it adds a chain at this position */
	u16 signalled_used;	/* next_used when the driver was last asked whether it wants an interrupt */
};

struct virtqueue_segment {
	gpa_t gpa;
	u32 bytes;
};

/* One chain, copied and checked: readable segments first, then writable ones. */
struct virtqueue_chain {
	u16 head;
	u32 readable_count, writable_count;
	u64 readable_bytes, writable_bytes;
	struct virtqueue_segment readable[VIRTQUEUE_MAX_SEGMENTS];
	struct virtqueue_segment writable[VIRTQUEUE_MAX_SEGMENTS];
};

/* All of these: the owner of the queue, one task at a time (the device's lock). guest and max_size survive a reset. */
void virtqueue_reset(struct virtqueue *queue);
/** virtqueue_enable() - the driver is done with size and addresses. -EINVAL: misaligned, or not in RAM (why: *what) */
int __must_check virtqueue_enable(struct virtqueue *queue, const char **what);
/**
 * virtqueue_pop() - next chain. 0: got one; -EAGAIN: empty; -EINVAL: the driver broke the protocol (why: *what)
 * A chain has at most VIRTQUEUE_MAX_SEGMENTS descriptors and 4 GiB. Chains added after a pop come with a kick of their
 * own, so a model may stop after the queue's size of chains.
 */
int __must_check virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain, const char **what);
/** virtqueue_push() - chain done, @written bytes were stored; -EINVAL: the used ring is not shared RAM */
int __must_check virtqueue_push(struct virtqueue *queue, u16 head, u32 written);
/** virtqueue_wants_interrupt() - after pushes: does the driver want one? */
bool virtqueue_wants_interrupt(struct virtqueue *queue);
/**
 * virtqueue_read(), virtqueue_write() - copy from the readable, to the writable part of a chain at @offset
 * -EINVAL: beyond its end, or not shared RAM (any more)
 */
int __must_check virtqueue_read(struct virtqueue *queue, const struct virtqueue_chain *chain, u64 offset, void *to,
				u64 bytes);
int __must_check virtqueue_write(struct virtqueue *queue, const struct virtqueue_chain *chain, u64 offset,
				 const void *from, u64 bytes);

#endif
