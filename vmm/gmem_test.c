/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/gmem.h"

#include <string.h>

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/cella/tdshim.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/test.h"

static struct guest *guest;
static u64 done;

static void reset(u64 bytes)
{
	fake_host_reset();
	guest = fake_guest(bytes, 1);
	CHECK_EQ(gmem_create(guest), 0);
}

TEST(gmem_knows_its_ram)
{
	reset(GIB(3));
	CHECK_EQ(guest->memory.low_bytes, GIB(2));
	CHECK_EQ(guest->memory.high_bytes, GIB(1));
	CHECK(gmem_is_ram(guest, GPA(0), GIB(2)));
	CHECK(!gmem_is_ram(guest, GPA(0), GIB(2) + 1));
	CHECK(!gmem_is_ram(guest, GPA(GIB(2)), 1));
	CHECK(gmem_is_ram(guest, GPA(GIB(4)), GIB(1)));
	CHECK(!gmem_is_ram(guest, GPA(GIB(4)), GIB(1) + 1));
	CHECK(!gmem_is_ram(guest, GPA(GIB(1)), ~0ull));
	CHECK(!gmem_is_ram(guest, GPA(0), 0));
	gmem_destroy(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST), 0);
}

TEST(gmem_shares_whole_2m_ranges_and_gives_them_back)
{
	reset(MIB(64));
	CHECK_EQ(gmem_convert(guest, GPA(MIB(2)), MIB(4), GMEM_SHARED, &done), 0);
	CHECK_EQ(done, MIB(4));
	CHECK_EQ(guest->memory.shared_pages, 1024);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 1024);
	CHECK_EQ(fake.removed_bytes, MIB(4));
	CHECK_EQ(gmem_convert(guest, GPA(MIB(2)), MIB(4), GMEM_PRIVATE, &done), 0);
	CHECK_EQ(guest->memory.shared_pages, 0);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
	gmem_destroy(guest);
}

TEST(gmem_shared_pages_arrive_zeroed)
{
	u8 data[16], zero[16] = { 0 };

	reset(MIB(64));
	CHECK_EQ(gmem_convert(guest, GPA(0x3000), PAGE_SIZE, GMEM_SHARED, &done), 0);
	CHECK_EQ(gmem_read(guest, GPA(0x3ff0), data, sizeof(data)), 0);
	CHECK_MEM(data, zero, sizeof(data));
	gmem_destroy(guest);
}

TEST(gmem_conversion_to_the_same_state_keeps_content)
{
	u64 value = 0x1234;

	reset(MIB(64));
	CHECK_EQ(gmem_convert(guest, GPA(0x3000), PAGE_SIZE, GMEM_SHARED, &done), 0);
	CHECK_EQ(gmem_write(guest, GPA(0x3100), &value, sizeof(value)), 0);
	CHECK_EQ(gmem_convert(guest, GPA(0x2000), 3 * PAGE_SIZE, GMEM_SHARED, &done), 0);
	value = 0;
	CHECK_EQ(gmem_read(guest, GPA(0x3100), &value, sizeof(value)), 0);
	CHECK_EQ(value, 0x1234);
	CHECK_EQ(guest->memory.shared_pages, 3);
	fake.removed_bytes = 0;
	CHECK_EQ(gmem_convert(guest, GPA(MIB(8)), MIB(2), GMEM_PRIVATE, &done), 0);
	CHECK_EQ(fake.removed_bytes, 0);
	gmem_destroy(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
}

TEST(gmem_copies_only_shared_ram)
{
	u8 data[PAGE_SIZE] = { 7 };

	reset(MIB(64));
	CHECK_EQ(gmem_read(guest, GPA(0x3000), data, 1), -EINVAL);
	CHECK_EQ(gmem_convert(guest, GPA(0x3000), 2 * PAGE_SIZE, GMEM_SHARED, &done), 0);
	CHECK_EQ(gmem_write(guest, GPA(0x3ff8), data, sizeof(data)), 0);
	CHECK_EQ(gmem_write(guest, GPA(0x4ff8), data, 16), -EINVAL);	/* runs into a private page */
	CHECK_EQ(gmem_read(guest, GPA(MIB(64) - 4), data, 8), -EINVAL);
	CHECK_EQ(gmem_read(guest, GPA(~0ull - 3), data, 8), -EINVAL);
	CHECK_EQ(gmem_read(guest, GPA(0x3000), data, 0), 0);
	gmem_destroy(guest);
}

TEST(gmem_accesses_single_words_of_shared_ram_only)
{
	u16 word = 0;

	reset(MIB(64));
	CHECK_EQ(gmem_store_u16(guest, GPA(0x3ffe), 1), -EINVAL);
	CHECK_EQ(gmem_convert(guest, GPA(0x3000), PAGE_SIZE, GMEM_SHARED, &done), 0);
	CHECK_EQ(gmem_store_u16(guest, GPA(0x3ffe), 0x1234), 0);
	CHECK_EQ(gmem_load_u16(guest, GPA(0x3ffe), &word), 0);
	CHECK_EQ(word, 0x1234);
	CHECK_EQ(gmem_load_u16(guest, GPA(0x3001), &word), -EINVAL);	/* odd */
	CHECK_EQ(gmem_load_u16(guest, GPA(0x4000), &word), -EINVAL);	/* private */
	CHECK_EQ(gmem_load_u16(guest, GPA(MIB(64)), &word), -EINVAL);
	CHECK_EQ(gmem_load_u16(guest, GPA(~0ull - 1), &word), -EINVAL);
	gmem_destroy(guest);
}

TEST(gmem_loses_nothing_when_host_memory_ends)
{
	reset(MIB(64));
	fake.free_pages = MIB(8) / PAGE_SIZE + 10;
	CHECK_EQ(gmem_convert(guest, GPA(0x1000), 20 * PAGE_SIZE, GMEM_SHARED, &done), -ENOMEM);
	CHECK_EQ(done, 0);
	CHECK_EQ(fake.removed_bytes, 0);
	CHECK_EQ(guest->memory.shared_pages, 0);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
	CHECK_EQ(gmem_convert(guest, GPA(0x1000), 10 * PAGE_SIZE, GMEM_SHARED, &done), 0);
	gmem_destroy(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
}

TEST(gmem_busy_module_changes_nothing)
{
	reset(MIB(64));
	fake.remove_result = -EBUSY;
	CHECK_EQ(gmem_convert(guest, GPA(0), MIB(2), GMEM_SHARED, &done), -EAGAIN);
	CHECK_EQ(guest->memory.shared_pages, 0);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
	fake.remove_result = 0;
	CHECK_EQ(gmem_convert(guest, GPA(0), MIB(2), GMEM_SHARED, &done), 0);
	gmem_destroy(guest);
}

TEST(gmem_stays_shared_when_a_2m_page_cannot_be_split)
{
	reset(MIB(64));
	CHECK_EQ(gmem_convert(guest, GPA(0), MIB(2), GMEM_SHARED, &done), 0);
	fake.table_failures = 1;
	CHECK_EQ(gmem_convert(guest, GPA(0x5000), PAGE_SIZE, GMEM_PRIVATE, &done), -ENOMEM);
	CHECK_EQ(guest->memory.shared_pages, 512);
	CHECK_EQ(gmem_convert(guest, GPA(0x5000), PAGE_SIZE, GMEM_PRIVATE, &done), 0);
	CHECK_EQ(guest->memory.shared_pages, 511);
	gmem_destroy(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
}

TEST(gmem_refuses_ranges_that_are_not_pages_of_ram)
{
	reset(MIB(64));
	CHECK_EQ(gmem_convert(guest, GPA(0x800), PAGE_SIZE, GMEM_SHARED, &done), -EINVAL);
	CHECK_EQ(gmem_convert(guest, GPA(MIB(64)), PAGE_SIZE, GMEM_SHARED, &done), -EINVAL);
	CHECK_EQ(gmem_convert(guest, GPA(0), 0, GMEM_PRIVATE, &done), -EINVAL);
	CHECK_EQ(gmem_convert(guest, GPA(0x1000), ~0xfffull, GMEM_SHARED, &done), -EINVAL);
	gmem_destroy(guest);
}

TEST(gmem_backs_first_touch_by_2m)
{
	reset(MIB(64));
	CHECK_EQ(gmem_fault_private(guest, GPA(MIB(2) + 0x3456), TDX_LEVEL_2M), 0);
	CHECK_EQ(fake.private_gpa[0], MIB(2));
	CHECK_EQ(fake.private_bytes[0], PAGE_SIZE_2M);
	CHECK_EQ(gmem_fault_private(guest, GPA(MIB(4) + 0x3456), TDX_LEVEL_4K), 0);
	CHECK_EQ(fake.private_gpa[1], MIB(4) + 0x3000);
	CHECK_EQ(fake.private_bytes[1], PAGE_SIZE);
	gmem_destroy(guest);
}

TEST(gmem_falls_back_to_4k)
{
	reset(MIB(64));
	CHECK_EQ(gmem_convert(guest, GPA(MIB(2)), PAGE_SIZE, GMEM_SHARED, &done), 0);
	CHECK_EQ(gmem_fault_private(guest, GPA(MIB(2) + 0x5000), TDX_LEVEL_2M), 0);
	CHECK_EQ(fake.private_bytes[0], PAGE_SIZE);
	fake.add_result = -ENOMEM;
	CHECK_EQ(gmem_fault_private(guest, GPA(MIB(6)), TDX_LEVEL_2M), 0);
	CHECK_EQ(fake.private_bytes[1], PAGE_SIZE);
	fake.add_result = -EBUSY;
	CHECK_EQ(gmem_fault_private(guest, GPA(MIB(8)), TDX_LEVEL_2M), -EBUSY);
	gmem_destroy(guest);
}

TEST(gmem_refuses_private_access_to_shared_and_absent_pages)
{
	reset(MIB(64));
	CHECK_EQ(gmem_convert(guest, GPA(0x1000), PAGE_SIZE, GMEM_SHARED, &done), 0);
	CHECK_EQ(gmem_fault_private(guest, GPA(0x1000), TDX_LEVEL_4K), -EPERM);
	CHECK_EQ(gmem_fault_private(guest, GPA(MIB(64)), TDX_LEVEL_4K), -EINVAL);
	CHECK_EQ(gmem_fault_shared(guest, GPA(0x2000)), -EINVAL);
	CHECK_EQ(gmem_fault_shared(guest, GPA(0x1000)), 0);
	gmem_destroy(guest);
}

TEST(gmem_shares_high_ram)
{
	u64 value = 5;

	reset(GIB(2) + MIB(4));
	CHECK_EQ(gmem_convert(guest, GPA(GIB(4) + MIB(2)), MIB(2), GMEM_SHARED, &done), 0);
	CHECK_EQ(gmem_write(guest, GPA(GIB(4) + MIB(2)), &value, sizeof(value)), 0);
	CHECK_EQ(gmem_write(guest, GPA(GIB(4)), &value, sizeof(value)), -EINVAL);
	gmem_destroy(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
}
