/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What GRUB does with a multiboot2 kernel, once more for the host.
 *
 * Order: read the host's headers where GRUB put the file; move every module that lies in our range or where a segment
 * of the host goes (the host's own file is a module like the others); copy the segments; write the information into
 * free RAM.
 * Places are found in one list of taken ranges, lowest fit above 1 MiB and below 4 GiB.
 * Callers: boot core.
 * Manual: Multiboot2 Specification, "OS image format"; System V ABI, "Program Loading".
 */
#include "tests/tdxemu/loader.h"

#include "include/spec/elf.h"
#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/acpi_tables.h"
#include "tests/tdxemu/boot_tags.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/verdict.h"

#define HEADER_TAG_OPTIONAL 1
#define HEADER_TAG_CONSOLE 4
#define HEADER_TAG_FRAMEBUFFER 5
#define HEADER_TAG_EFI_BOOT_SERVICES 7
#define HEADER_TAG_EFI_ENTRY_32 8
#define HEADER_TAG_EFI_ENTRY_64 9
#define HEADER_TAG_RELOCATABLE 10
#define MAX_SEGMENTS 16
#define LOWEST_PLACE MIB(1)

struct mb2_header {
	u32 magic, architecture, bytes, checksum;
	/* tags follow */
};

struct mb2_header_tag {
	u16 type, flags;
	u32 bytes;
};

struct range {
	u64 base, bytes;
};

static struct {
	const struct mb2_header *header;
	u32 entry;	/* HPA */
	u32 segment_count;
	struct elf64_segment segments[MAX_SEGMENTS];	/* the PT_LOAD ones */
	struct range information;
} host;

/* ---- the host's headers ---- */

static void find_header(const u8 *file, u64 bytes)
{
	u64 limit = MIN(bytes, (u64)MB2_HEADER_SEARCH_BYTES);

	for (u64 at = 0; at + sizeof(struct mb2_header) <= limit; at += MB2_HEADER_ALIGN) {
		const struct mb2_header *header = (const void *)(file + at);

		if (header->magic == MB2_HEADER_MAGIC && header->architecture == MB2_ARCHITECTURE_I386 &&
		    header->magic + header->architecture + header->bytes + header->checksum == 0 &&
		    header->bytes <= limit - at) {
			host.header = header;
			return;
		}
	}
	verdict_stop("the first module is no multiboot2 kernel (no header in its first 32 KiB)");
}

static void check_information_request(const struct mb2_header_tag *tag)
{
	const u32 *type = (const void *)(tag + 1);

	for (u32 i = 0; i < (tag->bytes - sizeof(*tag)) / sizeof(*type); i++)
		if (!boot_tags_offered(type[i]))
			verdict_stop("the host demands multiboot2 information of type %u", type[i]);
}

static void read_header_tag(const struct mb2_header_tag *tag)
{
	bool optional = (tag->flags & HEADER_TAG_OPTIONAL) != 0;

	switch (tag->type) {
	case MB2_HEADER_TAG_INFO_REQUEST:
		if (!optional)
			check_information_request(tag);
		break;
	case MB2_HEADER_TAG_ENTRY:
		memcpy(&host.entry, tag + 1, sizeof(host.entry));
		break;
	case MB2_HEADER_TAG_ADDRESS:
		verdict_stop("the host's multiboot2 header has an address tag; only ELF loading is supported");
	case MB2_HEADER_TAG_MODULE_ALIGN:
	case HEADER_TAG_CONSOLE:
	case HEADER_TAG_FRAMEBUFFER:
	case HEADER_TAG_EFI_ENTRY_32:
	case HEADER_TAG_EFI_ENTRY_64:
	case HEADER_TAG_RELOCATABLE:
		break;
	case HEADER_TAG_EFI_BOOT_SERVICES:
	default:
		if (!optional)
			verdict_stop("the host's multiboot2 header demands tag %u", tag->type);
		break;
	}
}

static void read_header_tags(void)
{
	const u8 *at = (const u8 *)(host.header + 1);
	const u8 *end = (const u8 *)host.header + host.header->bytes;

	while ((u64)(end - at) >= sizeof(struct mb2_header_tag)) {
		const struct mb2_header_tag *tag = (const void *)at;

		if (tag->type == MB2_HEADER_TAG_END)
			return;
		if (tag->bytes < sizeof(*tag) || tag->bytes > (u64)(end - at))
			verdict_stop("the host's multiboot2 header has a tag of %u bytes", tag->bytes);
		read_header_tag(tag);
		at += ALIGN_UP(tag->bytes, MB2_HEADER_ALIGN);
	}
}

static void add_segment(const struct elf64_segment *segment, u64 file_bytes)
{
	u64 base = segment->physical_address;

	if (segment->type != ELF_SEGMENT_LOAD || segment->memory_bytes == 0)
		return;
	if (host.segment_count == MAX_SEGMENTS)
		verdict_stop("the host's ELF file has more than %u segments", MAX_SEGMENTS);
	if (segment->offset > file_bytes || segment->file_bytes > file_bytes - segment->offset ||
	    segment->file_bytes > segment->memory_bytes)
		verdict_stop("the host's ELF file is cut off (segment for 0x%lx)", base);
	if (base + segment->memory_bytes > GIB(4) || !memory_is_ram(base, segment->memory_bytes))
		verdict_stop("the host wants to be loaded to 0x%lx (%lu bytes), which is not RAM below 4 GiB", base,
			     segment->memory_bytes);
	if (base < EMU_BASE + EMU_BYTES && base + segment->memory_bytes > EMU_BASE)
		verdict_stop("the host wants to be loaded to 0x%lx (%lu bytes), which is the SEAM range", base,
			     segment->memory_bytes);
	host.segments[host.segment_count++] = *segment;
}

static void read_elf(const u8 *file, u64 bytes)
{
	const struct elf64_header *elf = (const void *)file;

	if (bytes < sizeof(*elf) || elf->magic != ELF_MAGIC || elf->class_bits != ELF_CLASS_64 ||
	    elf->data != ELF_DATA_LITTLE || elf->type != ELF_TYPE_EXECUTABLE || elf->machine != ELF_MACHINE_X86_64)
		verdict_stop("the first module is no 64-bit ELF executable");
	if (elf->program_entry_bytes < sizeof(struct elf64_segment) || elf->program_offset > bytes ||
	    (u64)elf->program_count * elf->program_entry_bytes > bytes - elf->program_offset)
		verdict_stop("the host's ELF program headers lie outside of the file");
	for (u32 i = 0; i < elf->program_count; i++) {
		struct elf64_segment segment;

		memcpy(&segment, file + elf->program_offset + (u64)i * elf->program_entry_bytes, sizeof(segment));
		add_segment(&segment, bytes);
	}
	if (host.segment_count == 0)
		verdict_stop("the host's ELF file has nothing to load");
	if (host.entry != 0)
		return;
	/* e_entry is a virtual address; multiboot2 enters with paging off. */
	for (u32 i = 0; i < host.segment_count; i++) {
		const struct elf64_segment *segment = &host.segments[i];

		if (elf->entry >= segment->virtual_address &&
		    elf->entry - segment->virtual_address < segment->memory_bytes)
			host.entry = (u32)(segment->physical_address + elf->entry - segment->virtual_address);
	}
	if (host.entry == 0)
		verdict_stop("the host's entry point 0x%lx lies in none of its segments", elf->entry);
}

/* ---- places ---- */

static bool overlap(struct range a, struct range b)
{
	return a.base < b.base + b.bytes && b.base < a.base + a.bytes;
}

/* The @index-th range that must stay free of modules; false: no more. */
static bool forbidden(u32 index, struct range *range)
{
	if (index == 0) {
		*range = (struct range){ EMU_BASE, EMU_BYTES };
		return true;
	}
	if (index > host.segment_count)
		return false;
	*range = (struct range){ host.segments[index - 1].physical_address, host.segments[index - 1].memory_bytes };
	return true;
}

/* First taken range that @wanted overlaps: forbidden ones, modules where they are now, the information. */
static bool find_conflict(struct range wanted, struct range *conflict)
{
	struct range taken;
	u32 count;
	const struct boot_tags_module *modules = boot_tags_modules(&count);

	for (u32 i = 0; forbidden(i, &taken); i++) {
		if (overlap(wanted, taken)) {
			*conflict = taken;
			return true;
		}
	}
	for (u32 i = 0; i < count; i++) {
		taken = (struct range){ modules[i].start, modules[i].bytes };
		if (overlap(wanted, taken)) {
			*conflict = taken;
			return true;
		}
	}
	*conflict = host.information;
	return overlap(wanted, host.information);
}

static u64 find_place(u64 bytes, const char *what)
{
	u32 count;
	const struct memory_range *ranges = memory_ranges(&count);

	for (u32 i = 0; i < count; i++) {
		struct range wanted = {ALIGN_UP(MAX(ranges[i].base, LOWEST_PLACE), PAGE_SIZE),
				       ALIGN_UP(bytes, PAGE_SIZE)};
		u64 end = MIN(ranges[i].base + ranges[i].bytes, GIB(4));
		struct range conflict;

		if (ranges[i].type != MB2_MEMORY_RAM)
			continue;
		while (wanted.base + wanted.bytes <= end) {
			if (!find_conflict(wanted, &conflict))
				return wanted.base;
			wanted.base = ALIGN_UP(conflict.base + conflict.bytes, PAGE_SIZE);
		}
	}
	verdict_stop("no room for %s (%lu bytes)", what, bytes);
}

static bool in_the_way(struct range module)
{
	struct range taken;

	for (u32 i = 0; forbidden(i, &taken); i++)
		if (overlap(module, taken))
			return true;
	return false;
}

static void move_modules(void)
{
	u32 count;
	struct boot_tags_module *modules = boot_tags_modules(&count);

	for (u32 i = 0; i < count; i++) {
		u64 to;

		if (modules[i].bytes == 0 || !in_the_way((struct range){ modules[i].start, modules[i].bytes }))
			continue;
		to = find_place(modules[i].bytes, "a module that lies where the host goes");
		memcpy(phys(to), phys(modules[i].start), modules[i].bytes);
		modules[i].start = to;
	}
}

static u32 load_segments(const u8 *file)
{
	u64 lowest = GIB(4);

	for (u32 i = 0; i < host.segment_count; i++) {
		const struct elf64_segment *segment = &host.segments[i];
		u8 *to = phys(segment->physical_address);

		memcpy(to, file + segment->offset, segment->file_bytes);
		memset(to + segment->file_bytes, 0, segment->memory_bytes - segment->file_bytes);
		lowest = MIN(lowest, segment->physical_address);
	}
	return (u32)lowest;
}

static bool taken(u64 base, u64 bytes)
{
	struct range conflict;

	return find_conflict((struct range){ base, bytes }, &conflict);
}

/* ACPI tables of our own, when the platform asks for other ones than the firmware's. */
static void place_acpi_tables(void)
{
	u64 bytes = acpi_tables_bytes(boot_tags_rsdp());
	u64 place;

	if (bytes == 0)
		return;
	place = memory_carve(bytes, MB2_MEMORY_ACPI, taken);
	if (place == 0)
		verdict_stop("no room for ACPI tables (%lu bytes)", bytes);
	boot_tags_set_rsdp(acpi_tables_build(place, boot_tags_rsdp()));
}

struct loaded_host loader_load_host(void)
{
	u32 count;
	const struct boot_tags_module *modules = boot_tags_modules(&count);
	u32 load_base;

	if (count == 0)
		verdict_stop("GRUB loaded no module: the first module2 line names the host program");
	find_header(phys(modules[0].start), modules[0].bytes);
	read_header_tags();
	read_elf(phys(modules[0].start), modules[0].bytes);
	move_modules();
	load_base = load_segments(phys(modules[0].start));
	place_acpi_tables();
	host.information.base = find_place(boot_tags_host_bytes(), "the host's multiboot2 information");
	host.information.bytes = ALIGN_UP(boot_tags_host_bytes(), PAGE_SIZE);
	memset(phys(host.information.base), 0, host.information.bytes);
	boot_tags_write(phys(host.information.base), load_base);
	return (struct loaded_host){ .entry = host.entry, .information = (u32)host.information.base };
}
