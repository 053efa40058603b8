/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes typed for a guest until a device model hands them over. Bounded; what finds no room is lost. Caller's lock. */
#ifndef VMM_INPUT_RING_H
#define VMM_INPUT_RING_H

#include "include/cella/types.h"

#define INPUT_RING_BYTES 1024u	/* a power of two: positions wrap by arithmetic */

struct input_ring {
	u8 bytes[INPUT_RING_BYTES];
	u32 taken, put;	/* positions, ever growing */
};

static inline u32 input_ring_count(const struct input_ring *ring)
{
	return ring->put - ring->taken;
}

/** input_ring_put() - append one byte if there is room */
static inline void input_ring_put(struct input_ring *ring, u8 byte)
{
	if (input_ring_count(ring) < INPUT_RING_BYTES)
		ring->bytes[ring->put++ % INPUT_RING_BYTES] = byte;
}

/** input_ring_take() - the oldest byte; the ring is not empty */
static inline u8 input_ring_take(struct input_ring *ring)
{
	return ring->bytes[ring->taken++ % INPUT_RING_BYTES];
}

static inline void input_ring_clear(struct input_ring *ring)
{
	ring->taken = ring->put;
}

#endif
