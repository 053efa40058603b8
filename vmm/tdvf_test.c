/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/tdvf.h"

#include <stdlib.h>
#include <string.h>

#include "include/cella/tdshim.h"
#include "tests/unit/test.h"

#define FILE_BYTES 0x20000
#define DESCRIPTOR_OFFSET 0x1f000
#define IMAGE_BASE (0x100000000ull - FILE_BYTES)

static u8 file[FILE_BYTES];
static struct tdvf_image image;
static char error[REFUSAL_BYTES];
static struct tdvf_section *sections;
static struct tdvf_descriptor *descriptor;

static const struct tdvf_section shim[] = {
	{ 0, FILE_BYTES, IMAGE_BASE, FILE_BYTES, TDVF_SECTION_BFV, TDVF_ATTR_MR_EXTEND },
	{ 0, 0, TDSHIM_HOB_BASE, TDSHIM_HOB_BYTES, TDVF_SECTION_TD_HOB, 0 },
	{ 0, 0, TDSHIM_TEMP_BASE, TDSHIM_TEMP_BYTES, TDVF_SECTION_TEMP_MEM, 0 },
};

/* A table of two entries: a foreign one on top, then the metadata offset. */
static void build(const struct tdvf_section *list, u32 count)
{
	static const u8 footer[] = TDVF_TABLE_FOOTER_GUID, offset[] = TDVF_METADATA_OFFSET_GUID;
	static const u8 magic[] = TDVF_DESCRIPTOR_GUID;
	u8 *end = file + FILE_BYTES - TDVF_TABLE_LENGTH_FROM_END;
	u32 distance = FILE_BYTES - DESCRIPTOR_OFFSET;

	memset(file, 0, sizeof(file));
	memcpy(file + FILE_BYTES - TDVF_FOOTER_FROM_END, footer, 16);
	*(u16 *)(void *)end = 18 + 30 + 22;
	memset(end - 16, 0x77, 16);
	*(u16 *)(void *)(end - 18) = 30;
	memcpy(end - 30 - 16, offset, 16);
	*(u16 *)(void *)(end - 30 - 18) = 22;
	memcpy(end - 30 - 22, &distance, 4);
	memcpy(file + DESCRIPTOR_OFFSET - 16, magic, 16);
	descriptor = (struct tdvf_descriptor *)(void *)(file + DESCRIPTOR_OFFSET);
	*descriptor = (struct tdvf_descriptor){ TDVF_SIGNATURE, 16 + 32 * count, 1, count };
	sections = (struct tdvf_section *)(void *)(descriptor + 1);
	memcpy(sections, list, count * sizeof(*list));
}

static int parse(void)
{
	return tdvf_parse(file, sizeof(file), &image, error);
}

static void check_refused(const char *sentence)
{
	error[0] = '\0';
	CHECK(parse() != 0);
	CHECK_STR(error, sentence);
}

TEST(tdvf_parses_tdshim)
{
	build(shim, 3);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.section_count, 3);
	CHECK_EQ(image.td_hob, 1);
	CHECK_EQ(image.sections[0].gpa, IMAGE_BASE);
	CHECK_EQ(tdvf_check_placement(&image, MIB(64), 0, error), 0);
	CHECK(tdvf_is_added(&image.sections[2]));
	CHECK(tdvf_in_ram(&image.sections[1], MIB(64), 0));
	CHECK(!tdvf_in_ram(&image.sections[0], MIB(64), 0));
}

/* The shape of Debian's OVMF for TDX: 4 MiB, variable store beside the code, hand-off and work areas around 8 MiB. */
TEST(tdvf_parses_an_ovmf_table)
{
	static const struct tdvf_section ovmf[] = {
		{ 0x84000, 0x37c000, 0xffc84000, 0x37c000, TDVF_SECTION_BFV, TDVF_ATTR_MR_EXTEND },
		{ 0, 0x84000, 0xffc00000, 0x84000, TDVF_SECTION_CFV, 0 },
		{ 0, 0, 0x810000, 0x10000, TDVF_SECTION_TEMP_MEM, 0 },
		{ 0, 0, 0x80b000, 0x2000, TDVF_SECTION_TEMP_MEM, 0 },
		{ 0, 0, 0x809000, 0x2000, TDVF_SECTION_TD_HOB, 0 },
		{ 0, 0, 0x800000, 0x6000, TDVF_SECTION_TEMP_MEM, 0 },
	};
	u64 bytes = 0x400000, pages = 0, measured = 0;
	u8 *big = calloc(1, bytes);

	build(ovmf, 6);
	memcpy(big + bytes - FILE_BYTES, file, FILE_BYTES);
	CHECK_EQ(tdvf_parse(big, bytes, &image, error), 0);
	CHECK_EQ(image.td_hob, 4);
	CHECK_EQ(tdvf_check_placement(&image, MIB(512), 0, error), 0);
	for (u32 i = 0; i < image.section_count; i++) {
		pages += image.sections[i].memory_bytes / PAGE_SIZE;
		if (image.sections[i].attributes & TDVF_ATTR_MR_EXTEND)
			measured += image.sections[i].memory_bytes / 256;
	}
	CHECK_EQ(pages, 1050);
	CHECK_EQ(measured, 14272);
	free(big);
}

TEST(tdvf_names_what_is_no_image)
{
	build(shim, 3);
	file[FILE_BYTES - TDVF_FOOTER_FROM_END] ^= 1;
	check_refused("it has no GUID table at its end, so it is no TDVF image");
	build(shim, 3);
	file[FILE_BYTES - TDVF_TABLE_LENGTH_FROM_END] = 10;
	check_refused("its GUID table of 10 bytes does not fit");
	build(shim, 3);
	file[FILE_BYTES - TDVF_TABLE_LENGTH_FROM_END - 30 - 16] ^= 1;
	check_refused("its GUID table has no TDX metadata offset");
	build(shim, 3);
	file[FILE_BYTES - TDVF_TABLE_LENGTH_FROM_END - 18] = 200;
	check_refused("its GUID table has an entry of 200 bytes that does not fit");
	CHECK(tdvf_parse(file, 100, &image, error) != 0);
	CHECK_STR(error, "it has only 100 bytes");
}

TEST(tdvf_checks_the_descriptor)
{
	build(shim, 3);
	file[DESCRIPTOR_OFFSET - 1] ^= 1;
	check_refused("its metadata offset 0x1000 does not point to TDVF metadata");
	build(shim, 3);
	descriptor->signature = 0;
	check_refused("its metadata lacks the signature TDVF");
	build(shim, 3);
	descriptor->version = 2;
	check_refused("its metadata has version 2 instead of 1");
	build(shim, 3);
	descriptor->section_count = 1;
	check_refused("its metadata has 1 sections, Cella takes 2 to 32");
	build(shim, 3);
	descriptor->bytes += 4;
	check_refused("its metadata says 116 bytes, which is not right for 3 sections");
	build(shim, 3);
	memset(file + FILE_BYTES - TDVF_TABLE_LENGTH_FROM_END - 30 - 22, 0xff, 4);
	check_refused("its metadata offset 0xffffffff points outside the file");
}

TEST(tdvf_checks_each_section)
{
	build(shim, 3);
	sections[1].raw_bytes = 16;
	check_refused("section 1 (TD_HOB) has data in the file");
	build(shim, 3);
	sections[2].attributes = 1;
	check_refused("section 2 (TempMem) has attributes 0x1");
	build(shim, 3);
	sections[0].raw_bytes = 0;
	check_refused("section 0 (BFV) has no data in the file");
	build(shim, 3);
	sections[2].gpa += 8;
	check_refused("section 2 (TempMem) is not made of whole 4 KiB pages");
	build(shim, 3);
	sections[0].memory_bytes = 0x1000;
	check_refused("section 0 (BFV) has more data than memory");
	build(shim, 3);
	sections[0].data_offset = 0xfffff000;
	check_refused("section 0 (BFV) reaches outside the file");
	build(shim, 3);
	sections[2].gpa = ~0xfffull;
	check_refused("section 2 (TempMem) reaches outside guest memory");
	build(shim, 3);
	sections[2].type = 9;
	check_refused("section 2 has the unknown type 9");
}

TEST(tdvf_checks_sections_against_each_other)
{
	build(shim, 3);
	sections[2].gpa = TDSHIM_HOB_BASE + 0x3000;
	check_refused("sections TD_HOB at 0x809000 and TempMem at 0x80c000 overlap");
	build(shim, 3);
	sections[1].type = TDVF_SECTION_TEMP_MEM;
	check_refused("it has no TD_HOB section");
	build(shim, 3);
	sections[2].type = TDVF_SECTION_TD_HOB;
	check_refused("it has two TD_HOB sections");
	build(shim, 3);
	sections[0].gpa = 0xff000000;
	check_refused("no BFV section covers the reset vector 0xfffffff0");
}

TEST(tdvf_checks_placement_in_the_guest)
{
	build(shim, 3);
	sections[2].gpa = MIB(64);
	CHECK_EQ(parse(), 0);
	CHECK(tdvf_check_placement(&image, MIB(64), 0, error) != 0);
	CHECK_STR(error, "section TempMem at 0x4000000 is outside the TD's RAM of 64 MiB: give the TD more memory");
	build(shim, 3);
	sections[2] = (struct tdvf_section){ 0, 0x1000, 0xc0000000, 0x1000, TDVF_SECTION_CFV, 0 };
	CHECK_EQ(parse(), 0);
	CHECK(tdvf_check_placement(&image, MIB(64), 0, error) != 0);
	CHECK_STR(error, "section CFV at 0xc0000000 is neither in RAM nor in the last 16 MiB below 4 GiB");
}

TEST(tdvf_leaves_informative_and_permanent_sections_out)
{
	static const struct tdvf_section third_party[] = {
		{ 0, FILE_BYTES, IMAGE_BASE, FILE_BYTES, TDVF_SECTION_BFV, TDVF_ATTR_MR_EXTEND },
		{ 0x100, 0x10, 0, 0, TDVF_SECTION_TD_INFO, 0 },
		{ 0, 0, TDSHIM_HOB_BASE, TDSHIM_HOB_BYTES, TDVF_SECTION_TD_HOB, 0 },
		{ 0, 0, 0x1000000, 0x10000, TDVF_SECTION_PERM_MEM, TDVF_ATTR_PAGE_AUG },
	};

	build(third_party, 4);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(image.section_count, 3);
	CHECK_EQ(image.td_hob, 1);
	CHECK(!tdvf_is_added(&image.sections[2]));
	sections[3].attributes = 0;
	check_refused("section 3 (PermMem) must have no data and only the PAGE.AUG attribute");
}

TEST(tdvf_survives_every_corrupted_byte_of_table_and_descriptor)
{
	build(shim, 3);
	for (u32 i = DESCRIPTOR_OFFSET - 16; i < FILE_BYTES; i++) {
		u8 was = file[i];

		for (u32 value = 0; value < 256; value += 15) {
			file[i] = (u8)value;
			(void)!parse();
		}
		file[i] = was;
	}
	CHECK_EQ(parse(), 0);
}
