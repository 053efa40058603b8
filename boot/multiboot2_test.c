/* SPDX-License-Identifier: BSD-2-Clause */
/* What a boot loader may hand over, well and badly formed. */
#include "boot/multiboot2.h"

#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"
#include "tests/unit/test.h"

#define INFO_BYTES 16384

static struct {
	u8 bytes[INFO_BYTES] __aligned(8);
	u32 used;
} info;

static struct boot_info boot;

static void begin(void)
{
	memset(&info, 0xaa, sizeof(info));
	info.used = sizeof(struct mb2_info);
}

static void add_tag(u32 type, const void *payload, u32 payload_bytes)
{
	struct mb2_tag tag = { type, (u32)sizeof(tag) + payload_bytes };

	memcpy(info.bytes + info.used, &tag, sizeof(tag));
	memcpy(info.bytes + info.used + sizeof(tag), payload, payload_bytes);
	info.used += (u32)ALIGN_UP(sizeof(tag) + payload_bytes, MB2_TAG_ALIGN);
}

static void add_text_tag(u32 type, const char *text)
{
	add_tag(type, text, (u32)strlen(text) + 1);
}

static void add_module(u32 start, u32 end, const char *text, u32 text_bytes)
{
	u8 payload[600];

	memcpy(payload, &start, sizeof(start));
	memcpy(payload + 4, &end, sizeof(end));
	memcpy(payload + 8, text, text_bytes);
	add_tag(MB2_TAG_MODULE, payload, 8 + text_bytes);
}

/* Entries of 24 bytes: base, bytes, type. */
static void add_map(const struct mb2_memory_entry *entries, u32 count)
{
	u8 payload[8 + 300 * sizeof(*entries)];
	u32 head[2] = { sizeof(*entries), 0 };

	memcpy(payload, head, sizeof(head));
	memcpy(payload + sizeof(head), entries, count * sizeof(*entries));
	add_tag(MB2_TAG_MEMORY_MAP, payload, (u32)(sizeof(head) + count * sizeof(*entries)));
}

static void add_some_map(void)
{
	static const struct mb2_memory_entry entry = { 0, MIB(512), MB2_MEMORY_RAM, 0 };

	add_map(&entry, 1);
}

static const char *parse(void)
{
	struct mb2_info head;

	add_tag(MB2_TAG_END, NULL, 0);
	head = (struct mb2_info){ info.used, 0 };
	memcpy(info.bytes, &head, sizeof(head));
	return multiboot2_parse(info.bytes, sizeof(info.bytes), &boot);
}

static const char *parse_map(const struct mb2_memory_entry *entries, u32 count)
{
	begin();
	add_map(entries, count);
	return parse();
}

static void check_range(u32 index, u64 base, u64 end, enum boot_range_type type)
{
	CHECK(index < boot.range_count);
	CHECK_EQ(boot.ranges[index].base, base);
	CHECK_EQ(boot.ranges[index].base + boot.ranges[index].bytes, end);
	CHECK_EQ(boot.ranges[index].type, type);
}

TEST(everything_a_boot_loader_tells_is_copied)
{
	u8 rsdp[36] = "RSD PTR ";

	begin();
	add_text_tag(MB2_TAG_CMDLINE, "loglevel=debug");
	add_text_tag(MB2_TAG_LOADER, "GRUB 2.06");
	add_module(0x2000000, 0x2001234, "config", 7);
	add_module(0x3000000, 0x3000000, "", 1);
	add_some_map();
	add_tag(MB2_TAG_ACPI_OLD, rsdp, 20);
	add_tag(MB2_TAG_ACPI_NEW, rsdp, 36);
	CHECK(!parse());
	CHECK_STR(boot.cmdline, "loglevel=debug");
	CHECK_STR(boot.loader, "GRUB 2.06");
	CHECK_EQ(boot.module_count, 2);
	CHECK_EQ(boot.modules[0].start.raw, 0x2000000);
	CHECK_EQ(boot.modules[0].bytes, 0x1234);
	CHECK_STR(boot.modules[0].text, "config");
	CHECK_EQ(boot.modules[1].bytes, 0);
	CHECK_EQ(boot.range_count, 1);
	CHECK_EQ(boot.rsdp_bytes, 36);
	CHECK(!boot.uefi);
}

TEST(the_newer_root_pointer_wins_in_either_order)
{
	u8 rsdp[36] = "RSD PTR ";

	begin();
	add_some_map();
	add_tag(MB2_TAG_ACPI_NEW, rsdp, 36);
	add_tag(MB2_TAG_ACPI_OLD, rsdp, 20);
	CHECK(!parse());
	CHECK_EQ(boot.rsdp_bytes, 36);
}

TEST(an_efi_tag_means_uefi)
{
	u64 table = 0x1234;

	begin();
	add_some_map();
	add_tag(MB2_TAG_EFI64, &table, sizeof(table));
	CHECK(!parse());
	CHECK(boot.uefi);
}

TEST(a_missing_memory_map_is_refused)
{
	begin();
	add_text_tag(MB2_TAG_LOADER, "GRUB");
	CHECK_STR(parse(), "the boot loader handed over no memory map");
	begin();
	add_map(NULL, 0);
	CHECK_STR(parse(), "the boot loader handed over no memory map");
}

TEST(two_memory_maps_are_refused)
{
	begin();
	add_some_map();
	add_some_map();
	CHECK_STR(parse(), "the boot loader handed over two memory maps");
}

TEST(ranges_come_out_ascending_and_joined)
{
	static const struct mb2_memory_entry entries[] = {
		{ GIB(4), GIB(1), MB2_MEMORY_RAM, 0 },
		{ 0, 0x9fc00, MB2_MEMORY_RAM, 0 },
		{ 0x9fc00, 0x400, MB2_MEMORY_RESERVED, 0 },
		{ MIB(1), MIB(15), MB2_MEMORY_RAM, 0 },
		{ MIB(16), MIB(16), MB2_MEMORY_RAM, 0 },
		{ MIB(40), 0, MB2_MEMORY_BAD, 0 },
	};

	CHECK(!parse_map(entries, ARRAY_SIZE(entries)));
	CHECK_EQ(boot.range_count, 4);
	check_range(0, 0, 0x9fc00, BOOT_RANGE_RAM);
	check_range(1, 0x9fc00, 0xa0000, BOOT_RANGE_RESERVED);
	check_range(2, MIB(1), MIB(32), BOOT_RANGE_RAM);
	check_range(3, GIB(4), GIB(5), BOOT_RANGE_RAM);
}

TEST(reserved_bytes_inside_ram_are_cut_out_of_it)
{
	static const struct mb2_memory_entry entries[] = {
		{ 0, MIB(100), MB2_MEMORY_RAM, 0 },
		{ MIB(10), MIB(10), MB2_MEMORY_RAM, 0 },	/* stands between the two that disagree */
		{ MIB(50), MIB(10), MB2_MEMORY_RESERVED, 0 },
		{ MIB(55), MIB(1), MB2_MEMORY_ACPI, 0 },
		{ MIB(95), MIB(10), MB2_MEMORY_NVS, 0 },
	};

	CHECK(!parse_map(entries, ARRAY_SIZE(entries)));
	CHECK_EQ(boot.range_count, 4);
	check_range(0, 0, MIB(50), BOOT_RANGE_RAM);
	check_range(1, MIB(50), MIB(60), BOOT_RANGE_RESERVED);
	check_range(2, MIB(60), MIB(95), BOOT_RANGE_RAM);
	check_range(3, MIB(95), MIB(105), BOOT_RANGE_NVS);
}

TEST(of_two_types_for_the_same_bytes_the_stricter_one_is_believed)
{
	static const struct mb2_memory_entry entries[] = {
		{ MIB(1), MIB(1), BOOT_RANGE_PERSISTENT, 0 },
		{ MIB(1), MIB(1), MB2_MEMORY_RAM, 0 },
		{ MIB(2), MIB(1), MB2_MEMORY_RAM, 0 },
		{ MIB(2), MIB(1), MB2_MEMORY_BAD, 0 },
		{ MIB(3), MIB(1), 4711, 0 },	/* unknown types are reserved */
	};

	CHECK(!parse_map(entries, ARRAY_SIZE(entries)));
	CHECK_EQ(boot.range_count, 3);
	check_range(0, MIB(1), MIB(2), BOOT_RANGE_PERSISTENT);
	check_range(1, MIB(2), MIB(3), BOOT_RANGE_BAD);
	check_range(2, MIB(3), MIB(4), BOOT_RANGE_RESERVED);
}

TEST(ram_that_wraps_around_is_refused_and_a_reserved_range_is_shortened)
{
	static const struct mb2_memory_entry ram = { ~0ull - 0xfff, 0x2000, MB2_MEMORY_RAM, 0 };
	static const struct mb2_memory_entry reserved[] = {
		{ 0, MIB(1), MB2_MEMORY_RAM, 0 },
		{ ~0ull - 0xfff, 0x1000, MB2_MEMORY_RESERVED, 0 },
	};

	CHECK(parse_map(&ram, 1));
	CHECK(!parse_map(reserved, ARRAY_SIZE(reserved)));
	CHECK_EQ(boot.range_count, 2);
	check_range(1, ~0ull - 0xfff, ~0ull, BOOT_RANGE_RESERVED);
}

TEST(more_ranges_than_fit_are_refused)
{
	static struct mb2_memory_entry entries[BOOT_MAX_RANGES + 1];

	for (u32 i = 0; i < ARRAY_SIZE(entries); i++)
		entries[i] = (struct mb2_memory_entry){ i * MIB(4), MIB(1), MB2_MEMORY_RAM, 0 };
	CHECK(!parse_map(entries, BOOT_MAX_RANGES));
	CHECK_EQ(boot.range_count, BOOT_MAX_RANGES);
	CHECK_STR(parse_map(entries, BOOT_MAX_RANGES + 1), "the firmware's memory map has more than 256 ranges");
}

TEST(ranges_that_fall_apart_into_too_many_are_refused)
{
	static struct mb2_memory_entry entries[BOOT_MAX_RANGES];

	entries[0] = (struct mb2_memory_entry){ 0, GIB(4), MB2_MEMORY_RAM, 0 };
	for (u32 i = 1; i < ARRAY_SIZE(entries); i++)
		entries[i] = (struct mb2_memory_entry){ i * MIB(4), MIB(1), MB2_MEMORY_RESERVED, 0 };
	CHECK_STR(parse_map(entries, ARRAY_SIZE(entries)),
		  "the firmware's memory map falls apart into more than 256 ranges");
}

TEST(a_memory_map_with_impossible_entries_is_refused)
{
	u32 short_entries[2] = { 16, 0 };
	u32 long_entries[2] = { ~0u, 0 };

	begin();
	add_tag(MB2_TAG_MEMORY_MAP, short_entries, sizeof(short_entries));
	CHECK_STR(parse(), "the boot loader handed over a malformed memory map");
	begin();
	add_tag(MB2_TAG_MEMORY_MAP, short_entries, 4);
	CHECK_STR(parse(), "the boot loader handed over a malformed memory map");
	begin();
	add_tag(MB2_TAG_MEMORY_MAP, long_entries, sizeof(long_entries));
	CHECK_STR(parse(), "the boot loader handed over no memory map");
}

TEST(malformed_modules_are_refused)
{
	begin();
	add_module(0x2000, 0x1000, "backwards", 10);
	CHECK_STR(parse(), "the boot loader handed over a malformed module tag");
	begin();
	add_tag(MB2_TAG_MODULE, "12345678", 8);	/* not even an empty text */
	CHECK_STR(parse(), "the boot loader handed over a malformed module tag");
	begin();
	add_module(0x1000, 0x2000, "endless", 7);
	CHECK_STR(parse(), "the boot loader handed over a module whose text has no end");
}

TEST(a_module_text_or_command_line_that_does_not_fit_is_refused)
{
	char text[BOOT_TEXT_BYTES + 1];

	memset(text, 'x', sizeof(text));
	text[BOOT_TEXT_BYTES - 1] = '\0';
	begin();
	add_some_map();
	add_module(0, 1, text, BOOT_TEXT_BYTES);
	add_text_tag(MB2_TAG_CMDLINE, text);
	CHECK(!parse());
	text[BOOT_TEXT_BYTES - 1] = 'x';
	text[BOOT_TEXT_BYTES] = '\0';
	begin();
	add_module(0, 1, text, BOOT_TEXT_BYTES + 1);
	CHECK(parse());
	begin();
	add_text_tag(MB2_TAG_CMDLINE, text);
	CHECK(parse());
	begin();
	add_tag(MB2_TAG_CMDLINE, "endless", 7);
	CHECK(parse());
	begin();
	add_tag(MB2_TAG_CMDLINE, "", 0);
	CHECK(parse());
}

TEST(the_33rd_module_is_refused)
{
	begin();
	add_some_map();
	for (u32 i = 0; i < BOOT_MAX_MODULES; i++)
		add_module(i * 0x1000, i * 0x1000 + 1, "m", 2);
	CHECK(!parse());
	begin();
	for (u32 i = 0; i <= BOOT_MAX_MODULES; i++)
		add_module(i * 0x1000, i * 0x1000 + 1, "m", 2);
	CHECK_STR(parse(), "the boot loader handed over more than 32 modules");
}

TEST(a_root_pointer_that_is_too_long_is_ignored)
{
	u8 rsdp[48] = "RSD PTR ";

	begin();
	add_some_map();
	add_tag(MB2_TAG_ACPI_NEW, rsdp, sizeof(rsdp));
	CHECK(!parse());
	CHECK_EQ(boot.rsdp_bytes, 0);
}

TEST(tags_that_run_over_the_end_are_refused)
{
	struct mb2_tag tag = { MB2_TAG_LOADER, 0 };
	static const u32 lengths[] = { 0, 7, 17, 4096, ~0u, ~7u };

	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct mb2_info head = { sizeof(head) + 16, 0 };

		begin();
		tag.bytes = lengths[i];
		memcpy(info.bytes, &head, sizeof(head));
		memcpy(info.bytes + sizeof(head), &tag, sizeof(tag));
		CHECK(multiboot2_parse(info.bytes, sizeof(info.bytes), &boot));
	}
}

TEST(an_impossible_total_length_is_refused)
{
	static const u32 lengths[] = { 0, 8, 15, INFO_BYTES + 1, ~0u };

	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct mb2_info head = { lengths[i], 0 };

		begin();
		memcpy(info.bytes, &head, sizeof(head));
		CHECK_STR(multiboot2_parse(info.bytes, sizeof(info.bytes), &boot),
			  "the boot loader's information has an impossible length");
	}
}

TEST(information_without_an_end_tag_is_refused)
{
	struct mb2_info head;

	begin();
	add_text_tag(MB2_TAG_LOADER, "GRUB");
	head = (struct mb2_info){ info.used, 0 };
	memcpy(info.bytes, &head, sizeof(head));
	CHECK_STR(multiboot2_parse(info.bytes, sizeof(info.bytes), &boot),
		  "the boot loader's information has no end tag");
}

/* A fixed walk through the neighbourhood of a good hand-over: no byte of it may lead the parser outside. */
TEST(any_byte_may_be_wrong)
{
	u8 good[256];
	u32 used;

	begin();
	add_text_tag(MB2_TAG_CMDLINE, "x");
	add_module(0x1000, 0x2000, "m", 2);
	add_some_map();
	CHECK(!parse());
	used = info.used;
	memcpy(good, info.bytes, used);
	for (u32 at = 0; at < used; at++) {
		for (u32 value = 0; value < 256; value++) {
			memcpy(info.bytes, good, used);
			info.bytes[at] = (u8)value;
			(void)multiboot2_parse(info.bytes, used, &boot);
			CHECK(boot.range_count <= BOOT_MAX_RANGES && boot.module_count <= BOOT_MAX_MODULES);
		}
	}
}
