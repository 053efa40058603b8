/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the virtio transport, through the virtio-console: what Linux does, and what no driver should do. */
#include <string.h>

#include "include/spec/pci.h"
#include "tests/unit/fake_driver.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"

#define SLOT 2
#define READY \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)

static void begin(void)
{
	fake_reset();
	CHECK_EQ(platform_create(&fake.guest), 0);
	driver_find(SLOT);
}

static void end(void)
{
	platform_destroy(&fake.guest);
	CHECK_EQ(fake.pages, 0);
}

static u8 status(void)
{
	return (u8)common_read(VIRTIO_COMMON_STATUS, 1);
}

static bool needs_reset(void)
{
	return (status() & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0;
}

static u32 offered_word(u32 select)
{
	common_write(VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, select);
	return (u32)common_read(VIRTIO_COMMON_DEVICE_FEATURE, 4);
}

TEST(the_order_of_linux_ends_in_driver_ok)
{
	begin();
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_COUNT, 2), 2);
	CHECK_EQ(common_read(VIRTIO_COMMON_CONFIG_GENERATION, 1), 0);
	CHECK_EQ(driver_negotiate(DRIVER_FEATURES), 0x0b);
	driver_msix(SLOT, 3);
	common_write(VIRTIO_COMMON_CONFIG_VECTOR, 2, 0);
	CHECK_EQ(common_read(VIRTIO_COMMON_CONFIG_VECTOR, 2), 0);
	for (u32 n = 0; n < 2; n++) {
		common_write(VIRTIO_COMMON_QUEUE_SELECT, 2, n);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SIZE, 2), 64);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
		driver_queue(n, 32);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SIZE, 2), 32);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_VECTOR, 2), n + 1);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_NOTIFY_OFFSET, 2), n);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_ENABLE, 2), 1);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW, 4), DRIVER_DESCRIPTORS(n));
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_USED_HIGH, 4), 0);
	}
	common_write(VIRTIO_COMMON_STATUS, 1, 0x0f);
	CHECK_EQ(status(), 0x0f);
	CHECK_EQ(fake.logged, 0);
	end();
}

TEST(version_1_and_access_platform_are_offered_and_four_words_can_be_asked)
{
	begin();
	CHECK_EQ(offered_word(0), BIT(VIRTIO_F_EVENT_IDX));
	CHECK_EQ(offered_word(1), 3);
	CHECK_EQ(offered_word(2), 0);
	CHECK_EQ(offered_word(3), 0);
	CHECK_EQ(offered_word(0xffffffff), 0);
	end();
}

TEST(features_ok_needs_both_mandatory_features_and_no_foreign_one)
{
	static const u64 bad[] = {
		0,
		BIT(VIRTIO_F_VERSION_1),
		BIT(VIRTIO_F_ACCESS_PLATFORM),
		DRIVER_FEATURES | BIT(28),	/* indirect descriptors */
		DRIVER_FEATURES | BIT(34),	/* packed rings */
		~0ull,
	};

	begin();
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(driver_negotiate(bad[i]), VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	CHECK_EQ(driver_negotiate(DRIVER_FEATURES | BIT(VIRTIO_F_EVENT_IDX)), 0x0b);
	end();
}

TEST(features_are_final_after_features_ok)
{
	begin();
	driver_negotiate(DRIVER_FEATURES);
	common_write(VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 0);
	common_write(VIRTIO_COMMON_DRIVER_FEATURE, 4, 0xffffffff);
	CHECK_EQ(common_read(VIRTIO_COMMON_DRIVER_FEATURE, 4), 0);
	common_write(VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 1);
	CHECK_EQ(common_read(VIRTIO_COMMON_DRIVER_FEATURE, 4), 3);
	common_write(VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 0x80000001);
	CHECK_EQ(common_read(VIRTIO_COMMON_DRIVER_FEATURE, 4), 0);
	common_write(VIRTIO_COMMON_DRIVER_FEATURE, 4, 1);
	end();
}

TEST(a_reset_clears_status_features_queues_and_vectors)
{
	begin();
	driver_start(SLOT, DRIVER_FEATURES, 32);
	CHECK_EQ(status(), READY);
	common_write(VIRTIO_COMMON_STATUS, 1, 0);
	CHECK_EQ(status(), 0);
	CHECK_EQ(common_read(VIRTIO_COMMON_CONFIG_VECTOR, 2), 0xffff);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SELECT, 2), 0);
	for (u32 n = 0; n < 2; n++) {
		common_write(VIRTIO_COMMON_QUEUE_SELECT, 2, n);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SIZE, 2), 64);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_VECTOR, 2), 0xffff);
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_USED_LOW, 4), 0);
	}
	driver_start(SLOT, DRIVER_FEATURES, 64);
	CHECK_EQ(status(), READY);
	end();
}

TEST(a_vector_that_does_not_exist_reads_back_as_none)
{
	begin();
	driver_negotiate(DRIVER_FEATURES);
	common_write(VIRTIO_COMMON_CONFIG_VECTOR, 2, 3);
	CHECK_EQ(common_read(VIRTIO_COMMON_CONFIG_VECTOR, 2), 0xffff);
	common_write(VIRTIO_COMMON_QUEUE_VECTOR, 2, 2);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_VECTOR, 2), 2);
	common_write(VIRTIO_COMMON_QUEUE_VECTOR, 2, 3);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_VECTOR, 2), 0xffff);
	common_write(VIRTIO_COMMON_QUEUE_VECTOR, 2, 0xffff);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_VECTOR, 2), 0xffff);
	CHECK(!needs_reset());
	end();
}

TEST(an_absent_queue_has_size_zero_and_ignores_writes)
{
	begin();
	driver_negotiate(DRIVER_FEATURES);
	common_write(VIRTIO_COMMON_QUEUE_SELECT, 2, 2);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SIZE, 2), 0);
	common_write(VIRTIO_COMMON_QUEUE_SIZE, 2, 32);
	common_write(VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
	common_write(VIRTIO_COMMON_QUEUE_SELECT, 2, 0xffff);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
	CHECK(!needs_reset());
	end();
}

TEST(another_width_than_the_registers_changes_nothing)
{
	begin();
	driver_negotiate(DRIVER_FEATURES);
	CHECK_EQ(common_read(VIRTIO_COMMON_STATUS, 4), 0xffffffff);
	common_write(VIRTIO_COMMON_STATUS, 2, 0);
	CHECK_EQ(status(), 0x0b);
	common_write(VIRTIO_COMMON_QUEUE_SIZE, 4, 16);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SIZE, 2), 64);
	common_write(VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW, 8, ~0ull);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW, 4), 0);
	CHECK_EQ(common_read(VIRTIO_COMMON_BYTES, 2), 0xffff);
	CHECK_EQ(common_read(0xffc, 4), 0xffffffff);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SIZE + 1, 1), 0xff);
	common_write(0xffc, 4, 0);
	/* Read-only registers. */
	common_write(VIRTIO_COMMON_QUEUE_COUNT, 2, 9);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_COUNT, 2), 2);
	common_write(VIRTIO_COMMON_CONFIG_GENERATION, 1, 9);
	common_write(VIRTIO_COMMON_DEVICE_FEATURE, 4, 9);
	common_write(VIRTIO_COMMON_QUEUE_NOTIFY_OFFSET, 2, 9);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_NOTIFY_OFFSET, 2), 0);
	CHECK(!needs_reset());
	end();
}

TEST(device_configuration_and_unused_regions_are_harmless)
{
	begin();
	CHECK_EQ(mmio_read(DRIVER_BAR + 0x3000, 4), 0);
	CHECK_EQ(mmio_read(DRIVER_BAR + 0x3008, 4), 0);
	CHECK_EQ(mmio_read(DRIVER_BAR + 0x300c, 4), 0xffffffff);
	CHECK_EQ(mmio_read(DRIVER_BAR + 0x3008, 8), ~0ull);
	mmio_write(DRIVER_BAR + 0x3000, 4, 1);
	CHECK_EQ(mmio_read(DRIVER_BAR + 0x1000, 2), 0xffff);
	CHECK_EQ(mmio_read(DRIVER_BAR + 0x6000, 4), 0xffffffff);
	CHECK_EQ(mmio_read(DRIVER_BAR + 0x7ffc, 4), 0xffffffff);
	mmio_write(DRIVER_BAR + 0x7ffc, 4, 1);
	mmio_write(DRIVER_ISR, 1, 1);
	mmio_write(DRIVER_PBA, 8, 1);
	end();
}

/* ---- what breaks the protocol ---- */

TEST(clearing_a_status_bit_without_reset_breaks_the_protocol)
{
	begin();
	driver_start(SLOT, DRIVER_FEATURES, 32);
	common_write(VIRTIO_COMMON_STATUS, 1, VIRTIO_STATUS_ACKNOWLEDGE);
	CHECK_EQ(status(), READY | VIRTIO_STATUS_DEVICE_NEEDS_RESET);
	/* The driver is told: configuration interrupt, vector 0, and ISR bit 1. */
	CHECK_EQ(fake.message_count, 1);
	CHECK_EQ(fake.messages[0].data, DRIVER_VECTOR);
	CHECK_EQ(mmio_read(DRIVER_ISR, 1), VIRTIO_ISR_CONFIG);
	CHECK_EQ(mmio_read(DRIVER_ISR, 1), 0);
	CHECK_EQ(fake.logged, 1);
	CHECK_STR(fake.log,
		  "guest: driver of device type 3 broke the protocol: a status bit was cleared without a reset");
	/* Said once, however often it happens. */
	common_write(VIRTIO_COMMON_STATUS, 1, VIRTIO_STATUS_ACKNOWLEDGE);
	CHECK_EQ(fake.logged, 1);
	/* A reset heals. */
	driver_start(SLOT, DRIVER_FEATURES, 32);
	CHECK_EQ(status(), READY);
	end();
}

TEST(driver_ok_before_features_ok_breaks_the_protocol)
{
	begin();
	driver_negotiate(0);
	common_write(VIRTIO_COMMON_STATUS, 1, 0x07);
	CHECK_EQ(status(), 0x43);
	CHECK_EQ(fake.message_count, 0);
	end();
}

TEST(a_driver_cannot_set_needs_reset_itself)
{
	begin();
	driver_negotiate(DRIVER_FEATURES);
	common_write(VIRTIO_COMMON_STATUS, 1, 0x0b | VIRTIO_STATUS_DEVICE_NEEDS_RESET | 0x30);
	CHECK_EQ(status(), 0x0b);
	common_write(VIRTIO_COMMON_STATUS, 1, 0x0b | VIRTIO_STATUS_FAILED);
	CHECK_EQ(status(), 0x8b);
	end();
}

TEST(bad_queue_sizes_break_the_protocol)
{
	static const u16 bad[] = { 0, 3, 63, 65, 128, 0x8000, 0xffff };

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		driver_negotiate(DRIVER_FEATURES);
		common_write(VIRTIO_COMMON_QUEUE_SIZE, 2, bad[i]);
		CHECK(needs_reset());
		CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_SIZE, 2), 64);
		end();
	}
}

TEST(enabling_breaks_the_protocol_too_early_twice_and_with_bad_rings)
{
	begin();
	common_write(VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
	CHECK(needs_reset());
	driver_negotiate(DRIVER_FEATURES);
	CHECK(!needs_reset());
	common_write(VIRTIO_COMMON_QUEUE_ENABLE, 2, 2);
	CHECK(needs_reset());
	driver_negotiate(DRIVER_FEATURES);
	driver_queue(0, 32);
	CHECK(!needs_reset());
	common_write(VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
	CHECK(needs_reset());
	driver_negotiate(DRIVER_FEATURES);
	common_write(VIRTIO_COMMON_QUEUE_DESCRIPTORS_LOW, 4, 0x1000);
	common_write(VIRTIO_COMMON_QUEUE_DESCRIPTORS_HIGH, 4, 0x8000);	/* far outside RAM */
	common_write(VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
	CHECK(needs_reset());
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_DESCRIPTORS_HIGH, 4), 0x8000);
	end();
}

TEST(an_enabled_queue_cannot_be_moved)
{
	begin();
	driver_start(SLOT, DRIVER_FEATURES, 32);
	common_write(VIRTIO_COMMON_QUEUE_SELECT, 2, 1);
	common_write(VIRTIO_COMMON_QUEUE_VECTOR, 2, VIRTIO_NO_VECTOR);
	CHECK(!needs_reset());
	common_write(VIRTIO_COMMON_QUEUE_USED_LOW, 4, 0);
	CHECK(needs_reset());
	CHECK_EQ(common_read(VIRTIO_COMMON_QUEUE_USED_LOW, 4), DRIVER_USED(1));
	end();
}

static void offer_text(void)
{
	memcpy(fake.ram + DRIVER_BUFFERS, "hello", 5);
	driver_descriptor(1, 0, DRIVER_BUFFERS, 5, 0, 0);
	driver_offer(1, 32, 0);
}

TEST(kicks_count_only_while_the_driver_runs)
{
	begin();
	offer_text();
	driver_kick(1);
	driver_negotiate(DRIVER_FEATURES);
	driver_queue(1, 32);
	driver_kick(1);	/* before DRIVER_OK */
	CHECK_EQ(fake.output_bytes, 0);
	common_write(VIRTIO_COMMON_STATUS, 1, 0x0f);
	driver_kick(2);	/* no such queue */
	driver_kick(1023);
	driver_kick(0);	/* not enabled */
	mmio_write(DRIVER_NOTIFY + 4, 4, 1);	/* another width */
	CHECK_EQ(fake.output_bytes, 0);
	driver_kick(1);
	CHECK_EQ(fake.output_bytes, 5);
	common_write(VIRTIO_COMMON_STATUS, 1, 0x8f);
	offer_text();
	driver_kick(1);	/* after FAILED */
	CHECK_EQ(fake.output_bytes, 5);
	end();
}

TEST(a_broken_ring_stops_service_until_reset)
{
	begin();
	driver_start(SLOT, DRIVER_FEATURES, 32);
	driver_offer(1, 32, 77);
	driver_kick(1);
	CHECK(needs_reset());
	CHECK_STR(fake.log, "guest: driver of device type 3 broke the protocol: first descriptor outside the table");
	ram_put(DRIVER_AVAILABLE(1) + 4, 0, 2);
	offer_text();
	driver_kick(1);
	CHECK_EQ(fake.output_bytes, 0);
	memset(fake.ram, 0, DRIVER_BUFFERS);
	driver_start(SLOT, DRIVER_FEATURES, 32);
	offer_text();
	driver_kick(1);
	CHECK_EQ(fake.output_bytes, 5);
	end();
}
