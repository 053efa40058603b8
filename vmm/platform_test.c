/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the platform as a whole: power, legacy ports, life and death. */
#include "include/cella/errno.h"
#include "include/cella/tdshim.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"

static void begin(void)
{
	fake_reset();
	CHECK_EQ(platform_create(&fake.guest), 0);
}

static void end(void)
{
	platform_destroy(&fake.guest);
	CHECK_EQ(fake.pages, 0);
	CHECK_EQ(fake.guest.bus.count, 0);
}

TEST(the_reset_register_ends_the_guest)
{
	begin();
	CHECK_EQ(port_read(GUEST_PORT_RESET, 1), 0);
	port_write(GUEST_PORT_RESET, 1, 0);
	port_write(GUEST_PORT_RESET, 2, 1);
	CHECK_EQ(fake.end, GUEST_END_NONE);
	port_write(GUEST_PORT_RESET, 1, GUEST_RESET_VALUE);
	CHECK_EQ(fake.end, GUEST_END_RESET);
	end();
}

TEST(sleep_type_5_with_enable_powers_off)
{
	begin();
	port_write(GUEST_PORT_SLEEP_STATUS, 1, 0x80);
	CHECK_EQ(port_read(GUEST_PORT_SLEEP_STATUS, 1), 0);
	port_write(GUEST_PORT_SLEEP_CONTROL, 1, 0x14);	/* no enable */
	port_write(GUEST_PORT_SLEEP_CONTROL, 1, 0x24);	/* S1 */
	CHECK_EQ(fake.end, GUEST_END_NONE);
	port_write(GUEST_PORT_SLEEP_CONTROL, 1, 0x34);
	CHECK_EQ(fake.end, GUEST_END_POWER_OFF);
	end();
}

TEST(the_timer_ports_read_zero_and_other_legacy_ports_all_ones)
{
	static const u16 zero[] = { 0x40, 0x41, 0x42, 0x43, 0x61 };
	static const u16 ones[] = { 0x20, 0x21, 0xa0,  0xa1,  0x60,  0x64,  0x80,
				    0x92, 0xf0, 0x4d0, 0x3d4, 0x402, 0x510, 0xcf9 };

	begin();
	for (u32 i = 0; i < ARRAY_SIZE(zero); i++) {
		port_write(zero[i], 1, 0xff);
		CHECK_EQ(port_read(zero[i], 1), 0);
	}
	for (u32 i = 0; i < ARRAY_SIZE(ones); i++) {
		port_write(ones[i], 1, 0x06);
		CHECK_EQ(port_read(ones[i], 1), 0xff);
	}
	CHECK_EQ(fake.end, GUEST_END_NONE);
	end();
}

TEST(a_guest_without_console_has_no_console_device)
{
	fake_reset();
	fake.config.has_console = false;
	CHECK_EQ(platform_create(&fake.guest), 0);
	CHECK_EQ(ecam_read(2, 0, 4), 0xffffffff);
	CHECK_EQ(ecam_read(0, 0, 4), 0x29c08086);
	CHECK_STR(fake.guest.console.name, "guest");
	end();
}

TEST(a_platform_without_memory_leaves_nothing_behind)
{
	fake_reset();
	fake.no_memory = true;
	CHECK_EQ(platform_create(&fake.guest), (u64)-ENOMEM);
	CHECK(!fake.guest.bus.devices && !fake.guest.bus.pci);
	end();
}

TEST(keys_for_a_guest_without_platform_are_dropped)
{
	begin();
	end();
	fake.guest.console.input(&fake.guest.console, "x", 1);
	platform_destroy(&fake.guest);
	CHECK_EQ(platform_create(&fake.guest), 0);
	end();
}
