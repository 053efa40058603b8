/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the split virtqueues, most of them with a driver that means harm. */
#include <string.h>

#include "include/cella/errno.h"
#include "tests/unit/fake_driver.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"
#include "vmm/virtqueue.h"

#define SIZE 8
#define WRITE VIRTQ_DESCRIPTOR_WRITE
#define NEXT VIRTQ_DESCRIPTOR_NEXT

static struct virtqueue queue;
static struct virtqueue_chain chain;
static const char *what;

static void begin_sized(u16 size)
{
	fake_reset();
	memset(&queue, 0, sizeof(queue));
	queue.guest = &fake.guest;
	queue.max_size = 256;
	virtqueue_reset(&queue);
	queue.size = size;
	queue.descriptors = GPA(DRIVER_DESCRIPTORS(0));
	queue.available = GPA(DRIVER_AVAILABLE(0));
	queue.used = GPA(DRIVER_USED(0));
	CHECK_EQ(virtqueue_enable(&queue, &what), 0);
}

static void begin(void)
{
	begin_sized(SIZE);
}

static void offer(u16 head)
{
	driver_offer(0, queue.size, head);
}

static void refused(const char *why)
{
	u16 before = queue.next_available;

	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), (u64)-EINVAL);
	CHECK_STR(what, why);
	CHECK_EQ(queue.next_available, before);
}

TEST(an_empty_queue_has_no_chain)
{
	begin();
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), (u64)-EAGAIN);
}

TEST(a_chain_is_readable_segments_then_writable_ones)
{
	begin();
	driver_descriptor(0, 3, 0x10000, 16, NEXT, 1);
	driver_descriptor(0, 1, 0x11000, 4, NEXT, 7);
	driver_descriptor(0, 7, 0x12000, 100, WRITE, 0);
	offer(3);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	CHECK_EQ(chain.head, 3);
	CHECK_EQ(chain.readable_count, 2);
	CHECK_EQ(chain.readable_bytes, 20);
	CHECK_EQ(chain.readable[1].gpa.raw, 0x11000);
	CHECK_EQ(chain.writable_count, 1);
	CHECK_EQ(chain.writable_bytes, 100);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), (u64)-EAGAIN);
}

TEST(content_is_copied_across_segments_and_not_beyond)
{
	static const char text[] = "abcdefghij";
	char back[16] = { 0 };

	begin();
	memcpy(fake.ram + 0x10ffe, "abcd", 4);
	memcpy(fake.ram + 0x12000, "efghij", 6);
	driver_descriptor(0, 0, 0x10ffe, 4, NEXT, 1);
	driver_descriptor(0, 1, 0x12000, 6, NEXT, 2);
	driver_descriptor(0, 2, 0x13000, 1, WRITE | NEXT, 3);
	driver_descriptor(0, 3, 0x14000, 9, WRITE, 0);
	offer(0);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	CHECK_EQ(virtqueue_read(&queue, &chain, 0, back, 10), 0);
	CHECK_MEM(back, text, 10);
	CHECK_EQ(virtqueue_read(&queue, &chain, 3, back, 2), 0);
	CHECK_MEM(back, "de", 2);
	CHECK_EQ(virtqueue_read(&queue, &chain, 10, back, 0), 0);
	CHECK_EQ(virtqueue_read(&queue, &chain, 0, back, 11), (u64)-EINVAL);
	CHECK_EQ(virtqueue_read(&queue, &chain, 11, back, 0), (u64)-EINVAL);
	CHECK_EQ(virtqueue_read(&queue, &chain, ~0ull, back, 2), (u64)-EINVAL);
	CHECK_EQ(virtqueue_write(&queue, &chain, 0, text, 10), 0);
	CHECK_EQ(ram_get(0x13000, 1), 'a');
	CHECK_MEM(fake.ram + 0x14000, text + 1, 9);
	CHECK_EQ(virtqueue_write(&queue, &chain, 9, text, 2), (u64)-EINVAL);
}

TEST(a_buffer_that_became_private_cannot_be_copied)
{
	char back[4];

	begin();
	driver_descriptor(0, 0, 0x10ffe, 4, 0, 0);
	offer(0);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	fake.is_private[0x11] = true;
	CHECK_EQ(virtqueue_read(&queue, &chain, 0, back, 4), (u64)-EINVAL);
	CHECK_EQ(virtqueue_read(&queue, &chain, 0, back, 2), 0);
}

TEST(positions_wrap_at_16_bits)
{
	begin();
	driver_descriptor(0, 2, 0x10000, 1, WRITE, 0);
	for (u32 i = 0; i < 0x10000 + 3 * SIZE; i++) {
		offer(2);
		if (virtqueue_pop(&queue, &chain, &what) || virtqueue_push(&queue, chain.head, i)) {
			CHECK(false);
			break;
		}
		if (driver_used(0) != (u16)(i + 1) || driver_used_bytes(0, SIZE, (u16)i) != i) {
			CHECK(false);
			break;
		}
	}
	CHECK_EQ(driver_used(0), 3 * SIZE);
}

TEST(as_many_chains_as_the_queue_has_entries_and_no_more)
{
	begin();
	driver_descriptor(0, 0, 0x10000, 1, 0, 0);
	for (u32 i = 0; i < SIZE; i++)
		offer(0);
	for (u32 i = 0; i < SIZE; i++)
		CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	ram_put(DRIVER_AVAILABLE(0) + 2, 2 * SIZE + 1, 2);
	refused("more chains available than the queue has entries");
	ram_put(DRIVER_AVAILABLE(0) + 2, SIZE - 1, 2);	/* backwards */
	refused("more chains available than the queue has entries");
}

TEST(a_loop_ends)
{
	begin();
	driver_descriptor(0, 0, 0x10000, 1, NEXT, 1);
	driver_descriptor(0, 1, 0x10000, 1, NEXT, 0);
	offer(0);
	refused("chain is a loop");
	driver_descriptor(0, 0, 0x10000, 1, NEXT, 0);
	refused("chain is a loop");
	CHECK(fake.loads < 100);
}

TEST(a_chain_of_the_whole_queue_is_fine)
{
	begin();
	for (u32 i = 0; i < SIZE; i++)
		driver_descriptor(0, i, 0x10000, 1, i < SIZE - 1 ? NEXT : 0, (u16)(i + 1));
	offer(0);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	CHECK_EQ(chain.readable_count, SIZE);
}

TEST(a_chain_of_too_many_descriptors_is_refused)
{
	begin_sized(256);
	for (u32 i = 0; i < 256; i++)
		driver_descriptor(0, i, 0x10000, 1, i < 64 ? NEXT : 0, (u16)(i + 1));
	offer(0);
	refused("chain of too many descriptors");
	offer(0);
	driver_descriptor(0, 63, 0x10000, 1, 0, 0);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	CHECK_EQ(chain.readable_count, 64);
}

TEST(heads_and_links_outside_the_table_are_refused)
{
	begin();
	offer(SIZE);
	refused("first descriptor outside the table");
	begin();
	offer(0xffff);
	refused("first descriptor outside the table");
	begin();
	driver_descriptor(0, 0, 0x10000, 1, NEXT, SIZE);
	offer(0);
	refused("next descriptor outside the table");
	begin();
	driver_descriptor(0, 0, 0x10000, 1, NEXT, 0xffff);
	offer(0);
	refused("next descriptor outside the table");
}

TEST(buffers_outside_ram_are_refused)
{
	static const struct {
		u64 gpa;
		u32 bytes;
	} bad[] = {
		{ FAKE_RAM_BYTES, 1 },
		{ FAKE_RAM_BYTES - 1, 2 },
		{ ~0ull, 1 },
		{ ~0ull - 1, 4 },
		{ BIT(47) | 0x10000, 1 },	/* the SHARED bit is not part of an address */
		{ 0, 0xffffffff },
		{ 0xc0000000, 4 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		driver_descriptor(0, 0, bad[i].gpa, bad[i].bytes, 0, 0);
		offer(0);
		refused("buffer outside RAM");
	}
}

TEST(malformed_descriptors_are_refused)
{
	begin();
	driver_descriptor(0, 0, 0x10000, 0, 0, 0);
	offer(0);
	refused("empty descriptor");
	driver_descriptor(0, 0, 0x10000, 16, VIRTQ_DESCRIPTOR_INDIRECT, 0);
	refused("indirect descriptor, which was not offered");
	driver_descriptor(0, 0, 0x10000, 16, WRITE | NEXT, 1);
	driver_descriptor(0, 1, 0x10000, 16, 0, 0);
	refused("readable descriptor behind a writable one");
}

TEST(rings_in_private_memory_are_refused)
{
	begin();
	driver_descriptor(0, 0, 0x10000, 1, 0, 0);
	offer(0);
	fake.is_private[DRIVER_AVAILABLE(0) / PAGE_SIZE] = true;
	refused("available ring is not shared RAM");
	CHECK(!virtqueue_wants_interrupt(&queue));
	fake.is_private[DRIVER_AVAILABLE(0) / PAGE_SIZE] = false;
	fake.is_private[DRIVER_DESCRIPTORS(0) / PAGE_SIZE] = true;
	refused("descriptor table is not shared RAM");
	fake.is_private[DRIVER_DESCRIPTORS(0) / PAGE_SIZE] = false;
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	fake.is_private[DRIVER_USED(0) / PAGE_SIZE] = true;
	CHECK_EQ(virtqueue_push(&queue, 0, 0), (u64)-EINVAL);
}

static u32 changes;

/* The guest turns a small buffer into a huge one while we look. */
static void change_descriptor(gpa_t gpa)
{
	if (gpa.raw == DRIVER_DESCRIPTORS(0) && changes++)
		driver_descriptor(0, 0, ~0ull, 0xffffffff, NEXT, 0xffff);
}

TEST(a_descriptor_is_fetched_once)
{
	begin();
	changes = 0;
	driver_descriptor(0, 0, 0x10000, 1, 0, 0);
	offer(0);
	fake.on_load = change_descriptor;
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	CHECK_EQ(changes, 1);
	CHECK_EQ(chain.readable[0].bytes, 1);
}

TEST(rings_must_be_aligned_and_in_ram)
{
	begin();
	queue.descriptors = GPA(0x1008);
	CHECK_EQ(virtqueue_enable(&queue, &what), (u64)-EINVAL);
	CHECK_STR(what, "descriptor table misaligned or not in RAM");
	begin();
	queue.available = GPA(0x2001);
	CHECK_EQ(virtqueue_enable(&queue, &what), (u64)-EINVAL);
	CHECK_STR(what, "available ring misaligned or not in RAM");
	begin();
	queue.used = GPA(0x3002);
	CHECK_EQ(virtqueue_enable(&queue, &what), (u64)-EINVAL);
	CHECK_STR(what, "used ring misaligned or not in RAM");
	begin();
	queue.used = GPA(FAKE_RAM_BYTES - 4 - 8 * SIZE);	/* avail_event does not fit */
	CHECK_EQ(virtqueue_enable(&queue, &what), (u64)-EINVAL);
	begin();
	queue.descriptors = GPA(~0ull & ~15ull);
	CHECK_EQ(virtqueue_enable(&queue, &what), (u64)-EINVAL);
	begin();
	queue.enabled = false;
	queue.size = 0;	/* the driver took the size that was offered */
	CHECK_EQ(virtqueue_enable(&queue, &what), 0);
	CHECK_EQ(queue.size, 256);
}

TEST(the_driver_can_turn_interrupts_off)
{
	begin();
	CHECK(!virtqueue_wants_interrupt(&queue));	/* nothing was used */
	CHECK_EQ(virtqueue_push(&queue, 0, 0), 0);
	CHECK(virtqueue_wants_interrupt(&queue));
	ram_put(DRIVER_AVAILABLE(0), VIRTQ_AVAILABLE_NO_INTERRUPT, 2);
	CHECK_EQ(virtqueue_push(&queue, 0, 0), 0);
	CHECK(!virtqueue_wants_interrupt(&queue));
}

TEST(with_event_index_the_interrupt_comes_when_used_event_is_passed)
{
	begin();
	queue.event_index = true;
	ram_put(DRIVER_AVAILABLE(0) + 4 + 2 * SIZE, 2, 2);	/* used_event: after the third */
	for (u32 i = 0; i < 5; i++) {
		CHECK_EQ(virtqueue_push(&queue, 0, 0), 0);
		CHECK_EQ(virtqueue_wants_interrupt(&queue), i == 2);
	}
	/* Several at once, across the wrap. */
	queue.next_used = 0xfffe;
	queue.signalled_used = 0xfffe;
	ram_put(DRIVER_AVAILABLE(0) + 4 + 2 * SIZE, 0, 2);
	for (u32 i = 0; i < 3; i++)
		CHECK_EQ(virtqueue_push(&queue, 0, 0), 0);
	CHECK(virtqueue_wants_interrupt(&queue));
}

TEST(with_event_index_every_chain_not_yet_seen_brings_a_kick)
{
	begin();
	queue.event_index = true;
	driver_descriptor(0, 0, 0x10000, 1, 0, 0);
	offer(0);
	offer(0);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	/* avail_event is behind the used entries and names the next chain the driver will add. */
	CHECK_EQ(ram_get(DRIVER_USED(0) + 4 + 8 * SIZE, 2), 2);
	offer(0);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), 0);
	CHECK_EQ(ram_get(DRIVER_USED(0) + 4 + 8 * SIZE, 2), 3);
	CHECK_EQ(virtqueue_pop(&queue, &chain, &what), (u64)-EAGAIN);
}

/* A driver that adds a chain whenever its index is looked at. */
static void chase(gpa_t gpa)
{
	if (gpa.raw == DRIVER_AVAILABLE(0) + 2)
		offer(0);
}

TEST(with_event_index_a_racing_driver_is_chased_for_one_queue_length_at_most)
{
	begin();
	queue.event_index = true;
	driver_descriptor(0, 0, 0x10000, 1, 0, 0);
	fake.on_load = chase;
	refused("more chains available than the queue has entries");
	CHECK(fake.loads <= SIZE + 1);
}

TEST(a_reset_forgets_everything_but_guest_and_size_limit)
{
	begin();
	queue.vector = 1;
	queue.event_index = true;
	virtqueue_reset(&queue);
	CHECK(queue.guest == &fake.guest);
	CHECK_EQ(queue.max_size, 256);
	CHECK_EQ(queue.vector, VIRTIO_NO_VECTOR);
	CHECK_EQ(queue.size, 0);
	CHECK(!queue.enabled && !queue.event_index);
}
