/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the bus. */
#include "include/cella/errno.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"

static struct {
	u64 offset, value;
	u32 bytes, reads, writes;
} seen;

static u64 model_read(void *device, u64 offset, u32 bytes)
{
	seen.offset = offset;
	seen.bytes = bytes;
	seen.reads++;
	return 0x1122334455667788;
}

static void model_write(void *device, u64 offset, u32 bytes, u64 value)
{
	seen.offset = offset;
	seen.value = value;
	seen.bytes = bytes;
	seen.writes++;
}

static const struct bus_ops model_ops = { model_read, model_write };

static int add(enum bus_space space, u64 base, u64 bytes)
{
	struct bus_range range = { space, base, bytes, &model_ops, NULL };

	return bus_add(&fake.guest.bus, &range);
}

static void reset(void)
{
	fake_reset();
	seen.reads = 0;
	seen.writes = 0;
}

TEST(unknown_addresses_read_all_ones_of_the_width_and_ignore_writes)
{
	reset();
	CHECK_EQ(port_read(0x123, 1), 0xff);
	CHECK_EQ(port_read(0x123, 2), 0xffff);
	CHECK_EQ(port_read(0x123, 4), 0xffffffff);
	CHECK_EQ(mmio_read(0xd0000000, 8), ~0ull);
	port_write(0x123, 4, 1);
	mmio_write(0xd0000000, 8, 1);
}

TEST(an_access_reaches_its_range_with_its_offset_and_width)
{
	reset();
	CHECK_EQ(add(BUS_PORT, 0x100, 8), 0);
	CHECK_EQ(port_read(0x104, 4), 0x55667788);
	CHECK_EQ(seen.offset, 4);
	CHECK_EQ(port_read(0x107, 1), 0x88);
	port_write(0x102, 2, 0xabcd);
	CHECK_EQ(seen.offset, 2);
	CHECK_EQ(seen.bytes, 2);
	CHECK_EQ(seen.value, 0xabcd);
	/* The same number in the other space is somebody else's. */
	CHECK_EQ(mmio_read(0x104, 4), 0xffffffff);
	CHECK_EQ(seen.reads, 2);
}

TEST(an_access_across_the_end_of_a_range_is_unknown)
{
	reset();
	CHECK_EQ(add(BUS_PORT, 0x100, 8), 0);
	CHECK_EQ(port_read(0x106, 4), 0xffffffff);
	CHECK_EQ(port_read(0xff, 2), 0xffff);
	port_write(0x107, 2, 0);
	CHECK_EQ(seen.reads + seen.writes, 0);
}

TEST(ranges_may_touch_but_not_overlap)
{
	reset();
	CHECK_EQ(add(BUS_PORT, 0x100, 8), 0);
	CHECK_EQ(add(BUS_PORT, 0x107, 1), (u64)-EEXIST);
	CHECK_EQ(add(BUS_PORT, 0xff, 2), (u64)-EEXIST);
	CHECK_EQ(add(BUS_PORT, 0x80, 0x100), (u64)-EEXIST);
	CHECK_EQ(add(BUS_PORT, 0x108, 1), 0);
	CHECK_EQ(add(BUS_PORT, 0xff, 1), 0);
	CHECK_EQ(add(BUS_MMIO, 0x100, 8), 0);
	CHECK_EQ(add(BUS_MMIO, ~0ull - 3, 8), (u64)-EINVAL);
	CHECK_EQ(add(BUS_MMIO, 0x1000, 0), (u64)-EINVAL);
}

TEST(a_removed_range_is_gone_and_its_place_is_free)
{
	reset();
	CHECK_EQ(add(BUS_PORT, 0x100, 8), 0);
	CHECK_EQ(add(BUS_PORT, 0x200, 8), 0);
	bus_remove(&fake.guest.bus, BUS_PORT, 0x100);
	bus_remove(&fake.guest.bus, BUS_PORT, 0x300);
	CHECK_EQ(port_read(0x100, 1), 0xff);
	CHECK_EQ(port_read(0x200, 1), 0x88);
	CHECK_EQ(add(BUS_PORT, 0x104, 8), 0);
}

TEST(a_full_bus_says_so)
{
	reset();
	for (u32 i = 0; i < BUS_MAX_RANGES; i++)
		CHECK_EQ(add(BUS_PORT, i, 1), 0);
	CHECK_EQ(add(BUS_PORT, BUS_MAX_RANGES, 1), (u64)-ENOSPC);
}
