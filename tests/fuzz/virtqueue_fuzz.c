/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target: a virtqueue whose rings, descriptors and private pages are the fuzzer's. Whatever they are, a chain
 * that comes out is within bounds, its content can be touched without touching anything else, and every call ends.
 *
 * Input: queue size, flags, three ring addresses, then guest memory from GPA 0 on.
 */
#include <string.h>

#include "include/cella/errno.h"
#include "include/spec/virtio.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"
#include "vmm/virtqueue.h"

#define CALLS 64
#define BUFFER_BYTES 512

struct fuzz_header {
	u8 size_shift, event_index;
	u16 descriptors, available, used;	/* in units of 4 bytes */
	u32 private_pages;	/* bit per page of the first 128 KiB */
};

static struct virtqueue queue;
static struct virtqueue_chain chain;

static void check_chain(void)
{
	u64 readable = 0, writable = 0;

	CLAIM(chain.head < queue.size);
	CLAIM(chain.readable_count + chain.writable_count > 0);
	CLAIM(chain.readable_count + chain.writable_count <= VIRTQUEUE_MAX_SEGMENTS);
	CLAIM(chain.readable_count + chain.writable_count <= queue.size);
	for (u32 i = 0; i < chain.readable_count; i++) {
		CLAIM(gmem_is_ram(&fake.guest, chain.readable[i].gpa, chain.readable[i].bytes));
		readable += chain.readable[i].bytes;
	}
	for (u32 i = 0; i < chain.writable_count; i++) {
		CLAIM(gmem_is_ram(&fake.guest, chain.writable[i].gpa, chain.writable[i].bytes));
		writable += chain.writable[i].bytes;
	}
	CLAIM(readable == chain.readable_bytes && writable == chain.writable_bytes);
	CLAIM(readable + writable <= GIB(4));
}

/* Content at both ends and in the middle; then the chain goes back. */
static bool use_chain(void)
{
	static u8 buffer[BUFFER_BYTES];
	u64 middle = chain.readable_bytes / 2;
	u64 piece = MIN(chain.readable_bytes - middle, BUFFER_BYTES);

	if (virtqueue_read(&queue, &chain, middle, buffer, piece))
		return false;
	CLAIM(virtqueue_read(&queue, &chain, chain.readable_bytes, buffer, 1) == -EINVAL);
	CLAIM(virtqueue_write(&queue, &chain, chain.writable_bytes, buffer, 1) == -EINVAL);
	if (virtqueue_write(&queue, &chain, 0, buffer, MIN(chain.writable_bytes, BUFFER_BYTES)))
		return false;
	return virtqueue_push(&queue, chain.head, (u32)piece) == 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	struct fuzz_header header;
	const char *what = NULL;

	if (bytes < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	bytes -= sizeof(header);
	fake_reset();
	memcpy(fake.ram, data, MIN(bytes, FAKE_RAM_BYTES));
	for (u32 i = 0; i < 32; i++)
		fake.is_private[i] = header.private_pages >> i & 1;
	queue = (struct virtqueue){ .guest = &fake.guest, .max_size = VIRTQUEUE_MAX_SIZE };
	virtqueue_reset(&queue);
	queue.size = (u16)(1u << header.size_shift % 9);
	queue.event_index = header.event_index & 1;
	queue.descriptors = GPA((u64)header.descriptors * 4);
	queue.available = GPA((u64)header.available * 4);
	queue.used = GPA((u64)header.used * 4);
	if (virtqueue_enable(&queue, &what)) {
		CLAIM(what);
		return 0;
	}
	for (u32 i = 0; i < CALLS; i++) {
		int error = virtqueue_pop(&queue, &chain, &what);

		CLAIM(fake.loads <= (i + 1) * (2ull * VIRTQUEUE_MAX_SIZE + BUFFER_BYTES));
		if (error == -EINVAL)
			CLAIM(what);
		if (error)
			break;
		check_chain();
		if (!use_chain())
			break;
		virtqueue_wants_interrupt(&queue);
	}
	return 0;
}
