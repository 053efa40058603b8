/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/tdshim/handoff.h"

#include <stdlib.h>
#include <string.h>

#include "include/spec/hob.h"
#include "tests/unit/test.h"

static _Alignas(8) u8 list[TDSHIM_HOB_BYTES];
static u64 used;
static struct handoff handoff;

static void *add(u16 type, u64 bytes)
{
	struct hob_header *header = (struct hob_header *)(void *)(list + used);

	*header = (struct hob_header){ type, (u16)bytes, 0 };
	used += bytes;
	return header;
}

static struct hob_resource *add_ram(u32 type, u64 start, u64 end)
{
	struct hob_resource *block = add(HOB_TYPE_RESOURCE, sizeof(*block));

	block->type = type;
	block->start = start;
	block->bytes = end - start;
	return block;
}

static struct tdshim_payload *add_payload(void)
{
	static const u8 guid[16] = TDSHIM_PAYLOAD_GUID;
	struct hob_guid *block = add(HOB_TYPE_GUID_EXTENSION, sizeof(*block) + sizeof(struct tdshim_payload));
	struct tdshim_payload *payload = (struct tdshim_payload *)(void *)(block + 1);

	memcpy(block->guid, guid, sizeof(guid));
	*payload = (struct tdshim_payload){
		.version = TDSHIM_PAYLOAD_VERSION,
		.vcpus = 1,
		.kernel_gpa = GUEST_PAYLOAD_WINDOW,
		.kernel_bytes = MIB(10),
		.initrd_gpa = GUEST_PAYLOAD_WINDOW + MIB(16),
		.initrd_bytes = MIB(1),
		.cmdline_gpa = GUEST_PAYLOAD_WINDOW + MIB(32),
		.cmdline_bytes = 40,
	};
	return payload;
}

static void begin(void)
{
	memset(list, 0, sizeof(list));
	used = 0;
	add(HOB_TYPE_HANDOFF, sizeof(struct hob_handoff));
}

/* The RAM of a TD with @low_end bytes from 0, in the order that Cella writes it. */
static void add_low_ram(u64 low_end)
{
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, 0, TDSHIM_TEMP_BASE);
	add_ram(HOB_RESOURCE_SYSTEM_MEMORY, TDSHIM_TEMP_BASE, TDSHIM_TEMP_BASE + TDSHIM_TEMP_BYTES);
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, TDSHIM_TEMP_BASE + TDSHIM_TEMP_BYTES, TDSHIM_HOB_BASE);
	add_ram(HOB_RESOURCE_SYSTEM_MEMORY, TDSHIM_HOB_BASE, TDSHIM_HOB_BASE + TDSHIM_HOB_BYTES);
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, TDSHIM_HOB_BASE + TDSHIM_HOB_BYTES, low_end);
}

static struct tdshim_payload *build(void)
{
	begin();
	add_low_ram(MIB(512));
	return add_payload();
}

/* Ends the list and parses a copy that ends with the allocation, so that a read beyond the section is seen. */
static const char *parse(void)
{
	u8 *copy = malloc(TDSHIM_HOB_BYTES);
	const char *wrong;

	add(HOB_TYPE_END, sizeof(struct hob_header));
	memcpy(copy, list, TDSHIM_HOB_BYTES);
	wrong = handoff_parse(copy, &handoff);
	free(copy);
	return wrong;
}

TEST(the_hand_off_of_a_small_td_is_taken)
{
	build();
	CHECK(parse() == NULL);
	CHECK_EQ(handoff.unaccepted_count, 3);
	CHECK_EQ(handoff.unaccepted[0].start, 0);
	CHECK_EQ(handoff.unaccepted[0].bytes, TDSHIM_TEMP_BASE);
	CHECK_EQ(handoff.unaccepted[2].start, TDSHIM_HOB_BASE + TDSHIM_HOB_BYTES);
	CHECK_EQ(handoff.low_ram_end, MIB(512));
	CHECK_EQ(handoff.list_bytes, used);
	CHECK_EQ(handoff.payload.initrd_bytes, MIB(1));
}

TEST(ram_above_4_gib_does_not_move_the_end_of_low_ram)
{
	begin();
	add_low_ram(GUEST_LOW_RAM_MAX);
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, GUEST_HIGH_RAM_BASE, GIB(6));
	add_payload();
	CHECK(parse() == NULL);
	CHECK_EQ(handoff.unaccepted_count, 4);
	CHECK_EQ(handoff.low_ram_end, GUEST_LOW_RAM_MAX);
}

TEST(blocks_for_other_firmware_are_skipped)
{
	struct hob_guid *foreign;

	build();
	add_ram(HOB_RESOURCE_MMIO, GUEST_PCI_WINDOW_BASE, GUEST_ECAM_BASE);
	foreign = add(HOB_TYPE_GUID_EXTENSION, sizeof(*foreign) + 64);
	memset(foreign->guid, 0x77, sizeof(foreign->guid));
	CHECK(parse() == NULL);
}

TEST(memory_called_accepted_that_the_image_never_asked_for_is_refused)
{
	begin();
	add_low_ram(MIB(512));
	add_ram(HOB_RESOURCE_SYSTEM_MEMORY, GUEST_HIGH_RAM_BASE, GUEST_HIGH_RAM_BASE + PAGE_SIZE);
	add_payload();
	CHECK_STR(parse(), "the hand-off calls memory accepted that the image never asked for");
	/* One page more than the section has is one page that nobody accepted. */
	build();
	((struct hob_resource *)(void *)(list + sizeof(struct hob_handoff)))[1].bytes += PAGE_SIZE;
	CHECK_STR(parse(), "the hand-off calls memory accepted that the image never asked for");
}

TEST(a_missing_own_section_is_refused)
{
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, 0, MIB(512));
	add_payload();
	CHECK_STR(parse(), "the hand-off does not list the image's own memory sections");
}

TEST(overlapping_or_descending_ram_is_refused)
{
	static const char overlap[] = "memory ranges in the hand-off overlap or are not ascending";

	begin();
	add_low_ram(MIB(512));
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, MIB(512) - PAGE_SIZE, MIB(600));
	CHECK_STR(parse(), overlap);
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, MIB(1), MIB(2));
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, 0, MIB(1));
	CHECK_STR(parse(), overlap);
}

TEST(ram_where_devices_are_is_refused)
{
	static const char device[] = "RAM in the hand-off reaches into the device range below 4 GiB";

	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, 0, GUEST_LOW_RAM_MAX + PAGE_SIZE);
	CHECK_STR(parse(), device);
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, GUEST_LAPIC_BASE, GUEST_LAPIC_BASE + PAGE_SIZE);
	CHECK_STR(parse(), device);
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, MIB(1), GIB(8));
	CHECK_STR(parse(), device);
}

TEST(ram_ranges_have_whole_pages_below_1_tib)
{
	static const char shape[] = "a memory range in the hand-off is empty or not page aligned";
	static const char high[] = "a memory range in the hand-off lies above 1 TiB";

	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, 0, 0);
	CHECK_STR(parse(), shape);
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, 8, MIB(1));
	CHECK_STR(parse(), shape);
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, GUEST_HIGH_RAM_BASE, HANDOFF_MAX_GPA + PAGE_SIZE);
	CHECK_STR(parse(), high);
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, HANDOFF_MAX_GPA, HANDOFF_MAX_GPA + PAGE_SIZE);
	CHECK_STR(parse(), high);
	begin();
	add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, GUEST_HIGH_RAM_BASE, 0)->bytes = -(u64)GUEST_HIGH_RAM_BASE;
	CHECK_STR(parse(), high);	/* start + bytes wraps to 0 */
}

TEST(too_many_ranges_are_refused)
{
	begin();
	for (u64 i = 0; i <= HANDOFF_MAX_RANGES; i++)
		add_ram(HOB_RESOURCE_UNACCEPTED_MEMORY, i * MIB(2), i * MIB(2) + MIB(1));
	CHECK_STR(parse(), "the hand-off has more memory ranges than tdshim takes");
}

TEST(a_td_without_64_mib_is_refused)
{
	begin();
	add_low_ram(GUEST_RAM_MIN - PAGE_SIZE);
	add_payload();
	CHECK_STR(parse(), "the hand-off has less than 64 MiB of RAM from GPA 0");
}

TEST(the_payload_block_is_there_once_in_our_version)
{
	begin();
	add_low_ram(MIB(512));
	CHECK_STR(parse(), "the hand-off has no payload block");
	build();
	add_payload();
	CHECK_STR(parse(), "the hand-off has two payload blocks");
	build()->version = TDSHIM_PAYLOAD_VERSION + 1;
	CHECK_STR(parse(), "the payload block has a version that this tdshim does not know");
	build()->version = 0;
	CHECK_STR(parse(), "the payload block has a version that this tdshim does not know");
	build()->kernel_bytes = 0;
	CHECK_STR(parse(), "the hand-off names no kernel");
}

TEST(payload_files_lie_in_the_window)
{
	static const char outside[] = "a payload file lies outside the payload window";

	build()->kernel_gpa = MIB(64);
	CHECK_STR(parse(), outside);
	build()->kernel_gpa = GUEST_PAYLOAD_WINDOW + 8;
	CHECK_STR(parse(), outside);
	build()->initrd_bytes = GUEST_PAYLOAD_MAX;
	CHECK_STR(parse(), outside);
	build()->initrd_bytes = ~0ull;
	CHECK_STR(parse(), outside);
	build()->cmdline_gpa = GUEST_PAYLOAD_WINDOW + GUEST_PAYLOAD_MAX + PAGE_SIZE;
	CHECK_STR(parse(), outside);
	/* A file of no bytes is absent, wherever it is said to be. */
	*build() = (struct tdshim_payload){ .version = TDSHIM_PAYLOAD_VERSION, .kernel_gpa = GUEST_PAYLOAD_WINDOW,
					    .kernel_bytes = 1, .initrd_gpa = 8 };
	CHECK(parse() == NULL);
}

TEST(block_headers_are_checked_before_their_content)
{
	static const char bad[] = "a block in the hand-off has a bad header";
	struct hob_header *header;

	build();
	header = add(HOB_TYPE_GUID_EXTENSION, 24);
	header->bytes = 4;
	CHECK_STR(parse(), bad);
	build();
	header = add(HOB_TYPE_GUID_EXTENSION, 24);
	header->bytes = 20;
	CHECK_STR(parse(), bad);
	build();
	header = add(HOB_TYPE_GUID_EXTENSION, 24);
	header->reserved = 1;
	CHECK_STR(parse(), bad);
	build();
	header = add(HOB_TYPE_GUID_EXTENSION, 24);
	header->bytes = (u16)(TDSHIM_HOB_BYTES - (used - 24) + 8);
	CHECK_STR(parse(), bad);
	build();
	add(HOB_TYPE_GUID_EXTENSION, 16);
	CHECK_STR(parse(), "a GUID block in the hand-off is shorter than its header");
	begin();
	add(HOB_TYPE_RESOURCE, sizeof(struct hob_resource) - 8);
	CHECK_STR(parse(), "a resource block in the hand-off has the wrong length");
	build();
	add(0x1234, 16);
	CHECK_STR(parse(), "the hand-off has a block of an unknown type");
}

TEST(the_list_has_a_begin_and_an_end)
{
	u64 last;

	memset(list, 0, sizeof(list));
	used = 0;
	add_low_ram(MIB(512));
	CHECK_STR(parse(), "the hand-off does not start with a PHIT block");
	build();
	add(HOB_TYPE_HANDOFF, sizeof(struct hob_handoff));
	CHECK_STR(parse(), "the hand-off has two PHIT blocks");
	/* Foreign blocks up to the very end of the section: nothing behind it is read. */
	build();
	last = TDSHIM_HOB_BYTES - used;
	add(HOB_TYPE_GUID_EXTENSION, last);
	used -= sizeof(struct hob_header);	/* parse() writes its end block inside the last block */
	CHECK_STR(parse(), "the hand-off has no end block");
}

TEST(a_payload_block_that_is_cut_is_refused)
{
	static const u8 guid[16] = TDSHIM_PAYLOAD_GUID;
	struct hob_guid *block;

	begin();
	add_low_ram(MIB(512));
	block = add(HOB_TYPE_GUID_EXTENSION, sizeof(*block) + sizeof(struct tdshim_payload) - 8);
	memcpy(block->guid, guid, sizeof(guid));
	CHECK_STR(parse(), "the payload block in the hand-off is too short");
}
