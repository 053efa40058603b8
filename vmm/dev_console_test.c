/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the virtio-console: text both ways, and what other vCPUs do meanwhile. */
#include <string.h>

#include "include/spec/pci.h"
#include "tests/unit/fake_driver.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"
#include "vmm/dev_console.h"

#define SLOT 2
#define SIZE 32
#define RX VIRTIO_CONSOLE_RECEIVE_QUEUE
#define TX VIRTIO_CONSOLE_TRANSMIT_QUEUE

static void begin_with(u64 features)
{
	fake_reset();
	CHECK_EQ(platform_create(&fake.guest), 0);
	driver_start(SLOT, features, SIZE);
}

static void begin(void)
{
	begin_with(DRIVER_FEATURES);
}

static void end(void)
{
	platform_destroy(&fake.guest);
	CHECK_EQ(fake.pages, 0);
	CHECK_EQ(fake.locks_held, 0);
}

static void type(const char *text)
{
	fake.guest.console.input(&fake.guest.console, text, strlen(text));
}

static bool needs_reset(void)
{
	return (common_read(VIRTIO_COMMON_STATUS, 1) & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0;
}

/* Put @text at DRIVER_BUFFERS + @offset and offer it as descriptor @index. */
static void offer_output(u32 index, u32 offset, const char *text)
{
	memcpy(fake.ram + DRIVER_BUFFERS + offset, text, strlen(text));
	driver_descriptor(TX, index, DRIVER_BUFFERS + offset, (u32)strlen(text), 0, 0);
	driver_offer(TX, SIZE, (u16)index);
}

static void offer_input(u32 index, u64 gpa, u32 bytes)
{
	driver_descriptor(RX, index, gpa, bytes, VIRTQ_DESCRIPTOR_WRITE, 0);
	driver_offer(RX, SIZE, (u16)index);
}

TEST(output_is_consumed_within_the_kick)
{
	begin();
	offer_output(0, 0, "hello");
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 5);
	CHECK_MEM(fake.output, "hello", 5);
	CHECK_EQ(driver_used(TX), 1);
	CHECK_EQ(driver_used_bytes(TX, SIZE, 0), 0);
	CHECK_EQ(fake.message_count, 1);
	CHECK_EQ(fake.messages[0].address, DRIVER_MSI_ADDRESS);
	CHECK_EQ(fake.messages[0].data, DRIVER_VECTOR + TX + 1);
	CHECK_EQ(mmio_read(DRIVER_ISR, 1), VIRTIO_ISR_QUEUE);
	end();
}

TEST(several_chains_of_several_buffers_keep_their_order)
{
	begin();
	offer_output(0, 0, "a");
	memcpy(fake.ram + DRIVER_BUFFERS + 0xfff, "bcd", 3);
	driver_descriptor(TX, 5, DRIVER_BUFFERS + 0xfff, 2, VIRTQ_DESCRIPTOR_NEXT, 9);
	driver_descriptor(TX, 9, DRIVER_BUFFERS + 0x1001, 1, 0, 0);
	driver_offer(TX, SIZE, 5);
	offer_output(1, 0x2000, "e");
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 5);
	CHECK_MEM(fake.output, "abcde", 5);
	CHECK_EQ(driver_used(TX), 3);
	CHECK_EQ(fake.message_count, 1);	/* one interrupt for the kick */
	end();
}

TEST(a_huge_buffer_goes_out_whole_in_pieces)
{
	const u32 bytes = 0x20000 + 77;

	begin();
	for (u32 i = 0; i < bytes; i++)
		fake.ram[DRIVER_BUFFERS + i] = (u8)(i * 7 + i / 256);
	driver_descriptor(TX, 0, DRIVER_BUFFERS, bytes, 0, 0);
	driver_offer(TX, SIZE, 0);
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, bytes);
	CHECK_MEM(fake.output, fake.ram + DRIVER_BUFFERS, bytes);
	CHECK_EQ(fake.polls, bytes / DEV_CONSOLE_PIECE_BYTES + 1);	/* others got their turn */
	CHECK_EQ(driver_used(TX), 1);
	end();
}

TEST(a_guest_that_is_told_to_end_stops_in_the_middle)
{
	begin();
	driver_descriptor(TX, 0, 0, FAKE_RAM_BYTES, 0, 0);
	driver_offer(TX, SIZE, 0);
	fake.guest.stop_requested = true;
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, DEV_CONSOLE_PIECE_BYTES);
	CHECK_EQ(driver_used(TX), 0);
	end();
}

static u32 calls;

/* Another vCPU, while the first one waits for the terminal: kick, reset, convert. */
static void kick_again(void)
{
	if (calls++ == 0) {
		offer_output(1, 0x2000, "two");
		driver_kick(TX);
		CHECK_EQ(fake.output_bytes, 3);	/* the first task does it */
	}
}

TEST(a_kick_during_the_drain_is_not_lost)
{
	begin();
	calls = 0;
	fake.on_output = kick_again;
	offer_output(0, 0, "one");
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 6);
	CHECK_MEM(fake.output, "onetwo", 6);
	CHECK_EQ(driver_used(TX), 2);
	end();
}

static void reset_meanwhile(void)
{
	if (calls++ == 0)
		common_write(VIRTIO_COMMON_STATUS, 1, 0);
}

TEST(a_reset_during_the_drain_ends_it)
{
	begin();
	calls = 0;
	fake.on_output = reset_meanwhile;
	offer_output(0, 0, "one");
	offer_output(1, 0x1000, "two");
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 3);
	CHECK_EQ(driver_used(TX), 0);	/* the old ring is not written any more */
	memset(fake.ram, 0, DRIVER_BUFFERS);
	fake.on_output = NULL;
	driver_start(SLOT, DRIVER_FEATURES, SIZE);
	offer_output(0, 0, "new");
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 6);
	CHECK_EQ(driver_used(TX), 1);
	end();
}

static void restart_meanwhile(void)
{
	if (calls++ == 0) {
		memset(fake.ram, 0, DRIVER_BUFFERS);
		driver_start(SLOT, DRIVER_FEATURES, SIZE);
		offer_output(0, 0, "fresh");
		driver_kick(TX);
	}
}

TEST(a_driver_that_starts_anew_during_the_drain_is_served)
{
	begin();
	calls = 0;
	fake.on_output = restart_meanwhile;
	offer_output(0, 0, "old");
	offer_output(1, 0x1000, "lost");
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 8);
	CHECK_MEM(fake.output, "oldfresh", 8);
	CHECK_EQ(driver_used(TX), 1);
	CHECK(!needs_reset());
	end();
}

static void make_private(void)
{
	fake.is_private[(DRIVER_BUFFERS + DEV_CONSOLE_PIECE_BYTES * 8) / PAGE_SIZE] = true;
}

TEST(a_buffer_that_becomes_private_during_output_breaks_the_protocol)
{
	begin();
	fake.on_output = make_private;
	driver_descriptor(TX, 0, DRIVER_BUFFERS, 0x4000, 0, 0);
	driver_offer(TX, SIZE, 0);
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, DEV_CONSOLE_PIECE_BYTES * 8);
	CHECK(needs_reset());
	CHECK_EQ(driver_used(TX), 0);
	end();
}

/* Offers as many chains as there are, always: one kick pays for one queue length. */
static void feed(void)
{
	driver_offer(TX, SIZE, 0);
}

TEST(a_kick_pays_for_one_queue_length)
{
	begin();
	offer_output(0, 0, "x");
	fake.on_output = feed;
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, SIZE);
	CHECK_EQ(driver_used(TX), SIZE);
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 2 * SIZE);
	end();
}

TEST(wrong_directions_break_the_protocol)
{
	begin();
	driver_descriptor(TX, 0, DRIVER_BUFFERS, 4, VIRTQ_DESCRIPTOR_WRITE, 0);
	driver_offer(TX, SIZE, 0);
	driver_kick(TX);
	CHECK(needs_reset());
	CHECK_EQ(fake.output_bytes, 0);
	end();
	begin();
	driver_descriptor(RX, 0, DRIVER_BUFFERS, 4, 0, 0);
	driver_offer(RX, SIZE, 0);
	type("x");
	CHECK(needs_reset());
	end();
}

TEST(a_used_ring_that_is_gone_breaks_the_protocol)
{
	begin();
	offer_output(0, 0, "x");
	fake.is_private[DRIVER_USED(TX) / PAGE_SIZE] = true;
	driver_kick(TX);
	CHECK(needs_reset());
	end();
	begin();
	offer_input(0, DRIVER_BUFFERS, 4);
	fake.is_private[DRIVER_USED(RX) / PAGE_SIZE] = true;
	type("x");
	CHECK(needs_reset());
	end();
}

TEST(input_fills_waiting_buffers_and_interrupts)
{
	begin();
	offer_input(0, DRIVER_BUFFERS, 3);
	offer_input(1, DRIVER_BUFFERS + 0x1000, 64);
	driver_kick(RX);
	CHECK_EQ(fake.message_count, 0);
	type("abcde");
	CHECK_EQ(driver_used(RX), 2);
	CHECK_EQ(driver_used_bytes(RX, SIZE, 0), 3);
	CHECK_EQ(driver_used_bytes(RX, SIZE, 1), 2);
	CHECK_MEM(fake.ram + DRIVER_BUFFERS, "abc", 3);
	CHECK_MEM(fake.ram + DRIVER_BUFFERS + 0x1000, "de", 2);
	CHECK_EQ(fake.message_count, 1);
	CHECK_EQ(fake.messages[0].data, DRIVER_VECTOR + RX + 1);
	end();
}

TEST(input_waits_for_buffers)
{
	begin();
	type("ab");
	type("c");
	CHECK_EQ(driver_used(RX), 0);
	offer_input(0, DRIVER_BUFFERS, 2);
	driver_kick(RX);
	CHECK_EQ(driver_used(RX), 1);
	CHECK_MEM(fake.ram + DRIVER_BUFFERS, "ab", 2);
	offer_input(1, DRIVER_BUFFERS, 2);
	driver_kick(RX);
	CHECK_EQ(driver_used_bytes(RX, SIZE, 1), 1);
	CHECK_EQ(ram_get(DRIVER_BUFFERS, 1), 'c');
	end();
}

TEST(input_without_end_is_bounded_and_keeps_its_beginning)
{
	static char flood[5 * INPUT_RING_BYTES];

	begin();
	for (u32 i = 0; i < sizeof(flood); i++)
		flood[i] = (char)('a' + i % 26);
	fake.guest.console.input(&fake.guest.console, flood, 700);
	offer_input(0, DRIVER_BUFFERS, 600);
	driver_kick(RX);
	/* The ring wraps now: one hundred old bytes and as many new ones as fit. */
	fake.guest.console.input(&fake.guest.console, flood + 700, sizeof(flood) - 700);
	offer_input(1, DRIVER_BUFFERS + 600, 0x10000);
	driver_kick(RX);
	CHECK_EQ(driver_used_bytes(RX, SIZE, 1), INPUT_RING_BYTES);
	CHECK_MEM(fake.ram + DRIVER_BUFFERS, flood, 600 + INPUT_RING_BYTES);
	CHECK_EQ(driver_used(RX), 2);
	end();
}

TEST(input_with_event_index_works_too)
{
	begin_with(DRIVER_FEATURES | BIT(VIRTIO_F_EVENT_IDX));
	for (u32 round = 0; round < 3 * SIZE; round++) {
		offer_input(0, DRIVER_BUFFERS, 8);
		driver_kick(RX);
		ram_put(DRIVER_AVAILABLE(RX) + 4 + 2 * SIZE, round, 2);	/* used_event: the next one */
		fake.message_count = 0;
		type("k");
		CHECK_EQ(driver_used(RX), (u16)(round + 1));
		CHECK_EQ(fake.message_count, 1);
	}
	offer_output(0, 0, "out");
	driver_kick(TX);
	CHECK_EQ(fake.output_bytes, 3);
	CHECK_EQ(ram_get(DRIVER_USED(TX) + 4 + 8 * SIZE, 2), 1);
	end();
}

TEST(keys_go_to_the_serial_line_until_a_driver_runs)
{
	fake_reset();
	CHECK_EQ(platform_create(&fake.guest), 0);
	type("early");
	CHECK_EQ(port_read(0x3fd, 1), 0x61);
	CHECK_EQ(port_read(0x3f8, 1), 'e');
	driver_start(SLOT, DRIVER_FEATURES, SIZE);
	port_write(0x3fa, 1, 0x07);
	offer_input(0, DRIVER_BUFFERS, 8);
	type("late");
	CHECK_EQ(driver_used_bytes(RX, SIZE, 0), 4);
	CHECK_EQ(port_read(0x3fd, 1), 0x60);
	common_write(VIRTIO_COMMON_STATUS, 1, 0);
	type("z");
	CHECK_EQ(port_read(0x3f8, 1), 'z');
	end();
}
