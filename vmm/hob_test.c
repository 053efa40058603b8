/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/hob.h"

#include <string.h>

#include "include/cella/errno.h"
#include "include/spec/hob.h"
#include "tests/unit/hob_check.h"
#include "tests/unit/test.h"

static _Alignas(8) u8 list[TDSHIM_HOB_BYTES];
static struct hob_plan plan;
static char error[REFUSAL_BYTES];
static u64 used;

static int build(u64 low, u64 high)
{
	memset(list, 0, sizeof(list));
	memset(&plan, 0, sizeof(plan));
	plan.list_gpa = TDSHIM_HOB_BASE;
	plan.list_bytes = sizeof(list);
	plan.low_bytes = low;
	plan.high_bytes = high;
	/* Not sorted on purpose. */
	plan.added[0] = (struct hob_region){ TDSHIM_HOB_BASE, TDSHIM_HOB_BYTES };
	plan.added[1] = (struct hob_region){ TDSHIM_TEMP_BASE, TDSHIM_TEMP_BYTES };
	plan.added_count = 2;
	return hob_build(list, &plan, &used);
}

static const struct hob_resource *resource(u32 index)
{
	u64 offset = sizeof(struct hob_handoff) + index * sizeof(struct hob_resource);

	return (const struct hob_resource *)(const void *)(list + offset);
}

static void check_resource(u32 index, u32 type, u64 start, u64 end)
{
	CHECK_EQ(resource(index)->header.type, HOB_TYPE_RESOURCE);
	CHECK_EQ(resource(index)->header.bytes, 48);
	CHECK_EQ(resource(index)->type, type);
	CHECK_EQ(resource(index)->attributes, 7);
	CHECK_EQ(resource(index)->start, start);
	CHECK_EQ(resource(index)->start + resource(index)->bytes, end);
}

TEST(hob_lists_added_pages_between_unaccepted_memory)
{
	CHECK_EQ(build(MIB(512), 0), 0);
	check_resource(0, HOB_RESOURCE_UNACCEPTED_MEMORY, 0, TDSHIM_TEMP_BASE);
	check_resource(1, HOB_RESOURCE_SYSTEM_MEMORY, TDSHIM_TEMP_BASE, TDSHIM_TEMP_BASE + TDSHIM_TEMP_BYTES);
	check_resource(2, HOB_RESOURCE_UNACCEPTED_MEMORY, TDSHIM_TEMP_BASE + TDSHIM_TEMP_BYTES, TDSHIM_HOB_BASE);
	check_resource(3, HOB_RESOURCE_SYSTEM_MEMORY, TDSHIM_HOB_BASE, TDSHIM_HOB_BASE + TDSHIM_HOB_BYTES);
	check_resource(4, HOB_RESOURCE_UNACCEPTED_MEMORY, TDSHIM_HOB_BASE + TDSHIM_HOB_BYTES, MIB(512));
	CHECK_EQ(used, 56 + 5 * 48 + 8);
	CHECK_EQ(((struct hob_handoff *)(void *)list)->end_of_list, TDSHIM_HOB_BASE + used);
	CHECK_EQ(hob_validate(list, used, TDSHIM_HOB_BASE, error), 0);
}

TEST(hob_lists_high_ram_from_4_gib_on)
{
	CHECK_EQ(build(GUEST_LOW_RAM_MAX, GIB(3)), 0);
	check_resource(5, HOB_RESOURCE_UNACCEPTED_MEMORY, GUEST_HIGH_RAM_BASE, GUEST_HIGH_RAM_BASE + GIB(3));
	CHECK_EQ(hob_validate(list, used, TDSHIM_HOB_BASE, error), 0);
}

TEST(hob_carries_the_payload_block)
{
	static const u8 guid[] = TDSHIM_PAYLOAD_GUID;
	struct tdshim_payload payload = {
		.version = 1, .vcpus = 2, .kernel_gpa = GUEST_PAYLOAD_WINDOW, .kernel_bytes = 5
	};
	const struct hob_guid *block;

	build(MIB(64), 0);
	plan.payload = &payload;
	memset(list, 0, sizeof(list));
	CHECK_EQ(hob_build(list, &plan, &used), 0);
	block = (const struct hob_guid *)(const void *)(list + 56 + 5 * 48);
	CHECK_EQ(block->header.type, HOB_TYPE_GUID_EXTENSION);
	CHECK_EQ(block->header.bytes, 24 + sizeof(payload));
	CHECK_MEM(block->guid, guid, sizeof(guid));
	CHECK_MEM(block + 1, &payload, sizeof(payload));
	CHECK_EQ(hob_validate(list, used, TDSHIM_HOB_BASE, error), 0);
}

TEST(hob_refuses_what_does_not_fit)
{
	build(MIB(64), 0);
	plan.list_bytes = 100;
	memset(list, 0, sizeof(list));
	CHECK_EQ(hob_build(list, &plan, &used), -ENOSPC);
}

static void check_bad(const char *sentence)
{
	CHECK(hob_validate(list, used, TDSHIM_HOB_BASE, error) != 0);
	CHECK_STR(error, sentence);
}

TEST(hob_validator_finds_each_fault)
{
	build(MIB(64), 0);
	list[56 + 4] = 1;
	check_bad("the block at offset 0x38 has a bad header");
	build(MIB(64), 0);
	list[56] = HOB_TYPE_HANDOFF;
	check_bad("the hand-off block is not the first one, or there are two");
	build(MIB(64), 0);
	list[56 + 24] = 5;
	check_bad("a resource block has type 5");
	build(MIB(64), 0);
	list[56 + 48 + 34] = 0;
	check_bad("the resource at 0x0 is out of order");
	build(MIB(64), 0);
	list[56 + 41] = 0x80;
	list[56 + 42] = 0;
	check_bad("RAM below 4 GiB has a hole at 0x8000");
	build(MIB(64), 0);
	used -= 8;
	check_bad("the list has no end block");
	build(MIB(64), 0);
	list[48] ^= 1;
	check_bad("the hand-off block says the list ends at 0x809131, not at 0x809130");
	build(MIB(64), 0);
	list[56] = 2;
	check_bad("the block at offset 0x38 has type 0x2");
}

TEST(hob_validator_survives_every_corrupted_byte)
{
	build(MIB(64), MIB(64));
	for (u64 i = 0; i < used; i++) {
		u8 was = list[i];

		for (u32 value = 0; value < 256; value += 5) {
			list[i] = (u8)value;
			(void)!hob_validate(list, used, TDSHIM_HOB_BASE, error);
		}
		list[i] = was;
	}
	CHECK_EQ(hob_validate(list, used, TDSHIM_HOB_BASE, error), 0);
}
