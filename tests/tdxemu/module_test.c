/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/module.h"

#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/memory.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

TEST(convertible_ranges_leave_out_the_first_megabyte_and_seamrr)
{
	machine_reset(1, 1);
	/* Once: the list of RAM only grows. The arena is in it already. */
	module_add_ram(MIB(1), MIB(511));
	module_add_ram(0, KIB(640));
	module_add_ram(GIB(4), 0x1234567);
	module_load();
	CHECK_EQ(module.cmr_count, 4);
	CHECK_EQ(module.cmrs[0].base, MIB(1));
	CHECK_EQ(module.cmrs[0].base + module.cmrs[0].bytes, EMU_BASE);
	CHECK_EQ(module.cmrs[1].base, EMU_BASE + EMU_BYTES);
	CHECK_EQ(module.cmrs[1].base + module.cmrs[1].bytes, MIB(512));
	CHECK_EQ(module.cmrs[2].base, ARENA_BASE);
	CHECK_EQ(module.cmrs[3].base, GIB(4));
	CHECK_EQ(module.cmrs[3].bytes, 0x1234000);
}

TEST(a_reset_leaves_the_global_lock_with_its_holder)
{
	machine_reset(2, 1);
	machine_bring_up();
	module.lock = SHAREX_EXCLUSIVE;
	module_reset();
	CHECK_EQ(module.state, SYS_INIT_PENDING);
	CHECK_EQ(SEAM_ON(1, leaf_sys_init), TDX_SYS_BUSY);
	module.lock = 0;
	CHECK_EQ(SEAM_ON(1, leaf_sys_init), TDX_SUCCESS);
}

TEST(private_keyids_are_those_above_the_shared_ones)
{
	CHECK(!hkid_is_private(0));
	CHECK(!hkid_is_private(PLATFORM_MKTME_KEYIDS));
	CHECK(hkid_is_private(PLATFORM_FIRST_PRIVATE));
	CHECK(hkid_is_private(PLATFORM_KEYIDS - 1));
	CHECK(!hkid_is_private(PLATFORM_KEYIDS));
	CHECK(!hkid_is_private(PLATFORM_FIRST_PRIVATE | 0x10000));
}
