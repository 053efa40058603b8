/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/sept.h"

#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

TEST(entries_have_the_modules_raw_format)
{
	CHECK_EQ(sept_entry_make(SEPT_FREE, 0), SEPT_ENTRY_FREE);
	CHECK_EQ(sept_entry_make(SEPT_MAPPED, 0x123456000), 0x80000001234560f7ull);
	CHECK_EQ(sept_entry_make(SEPT_NL_MAPPED, 0x123456000), 0x8000000123456007ull);
	/* State numbers of 7.3: {7:6, 56:53, 9} */
	CHECK_EQ(sept_entry_make(SEPT_BLOCKED, 0) & 0x01e00000000002c7ull, 0x00800000000000c0ull);
	CHECK_EQ(sept_entry_make(SEPT_PENDING, 0) & 0x01e00000000002c7ull, 0x01000000000000c0ull);
	CHECK_EQ(sept_entry_make(SEPT_PENDING_BLOCKED, 0) & 0x01e00000000002c7ull, 0x01800000000000c0ull);
	CHECK_EQ(sept_entry_make(SEPT_NL_BLOCKED, 0) & 0x01e00000000002c7ull, 0x0080000000000000ull);
}

TEST(every_state_is_read_back_from_its_entry)
{
	static const enum sept_state states[] = { SEPT_FREE, SEPT_NL_MAPPED, SEPT_NL_BLOCKED, SEPT_MAPPED, SEPT_BLOCKED,
						  SEPT_PENDING, SEPT_PENDING_BLOCKED };

	for (u32 i = 0; i < ARRAY_SIZE(states); i++) {
		u64 entry = sept_entry_make(states[i], 0x200000);

		CHECK_EQ(sept_entry_state(entry), states[i]);
		CHECK_EQ(sept_entry_state(entry | SEPT_ENTRY_LOCK), states[i]);
	}
	CHECK(!sept_entry_is_leaf(sept_entry_make(SEPT_NL_MAPPED, 0x1000)));
	CHECK(sept_entry_is_leaf(sept_entry_make(SEPT_PENDING, 0x1000)));
}

TEST(accept_progress_is_no_part_of_a_2m_address)
{
	CHECK_EQ(sept_entry_hpa(sept_entry_make(SEPT_PENDING, 0x40205000), TDX_LEVEL_2M), 0x40200000);
	CHECK_EQ(sept_entry_hpa(sept_entry_make(SEPT_NL_MAPPED, 0x40205000), TDX_LEVEL_2M), 0x40205000);
}

TEST(the_entry_lock_is_one_bit_and_tried)
{
	u64 entry = SEPT_ENTRY_FREE;

	CHECK(sept_entry_lock(&entry));
	CHECK(!sept_entry_lock(&entry));
	sept_entry_write(&entry, sept_entry_make(SEPT_PENDING, 0x1000));
	CHECK(!sept_entry_lock(&entry));
	sept_entry_unlock(&entry);
	CHECK_EQ(entry, sept_entry_make(SEPT_PENDING, 0x1000));
}

TEST(entry_information_hides_the_address_of_tables)
{
	u64 entry = sept_entry_make(SEPT_NL_MAPPED, 0x123456000);
	struct sept_walk walk = { .entry = &entry, .level = TDX_LEVEL_2M };
	u64 rcx, rdx;

	sept_info(&walk, &rcx, &rdx);
	CHECK_EQ(rcx, 7);
	CHECK_EQ(rdx, 0x8401);
	entry = sept_entry_make(SEPT_MAPPED, 0x123456000) | SEPT_ENTRY_LOCK;
	walk.level = TDX_LEVEL_4K;
	sept_info(&walk, &rcx, &rdx);
	CHECK_EQ(rcx, 0x80000001234560f7ull);
	CHECK_EQ(rdx, 0x0400);
	entry = SEPT_ENTRY_FREE;
	sept_info(&walk, &rcx, &rdx);
	CHECK_EQ(rcx, BIT(63));
	CHECK_EQ(rdx, 0);
}

TEST(a_page_is_tracked_when_its_epoch_is_over_and_empty)
{
	struct tdcs tdcs = { .td_epoch = 5 };

	CHECK(!sept_is_tracked(&tdcs, 5));
	CHECK(sept_is_tracked(&tdcs, 4));
	tdcs.refcount[0] = 1;	/* a vCPU that entered in epoch 4 */
	CHECK(!sept_is_tracked(&tdcs, 4));
	CHECK(sept_is_tracked(&tdcs, 3));
	tdcs.refcount[0] = 0;
	tdcs.refcount[1] = 1;	/* one of epoch 5 does no harm */
	CHECK(sept_is_tracked(&tdcs, 4));
}
