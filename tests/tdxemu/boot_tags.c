/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot2 information in and out. GRUB's copy may lie anywhere, also where the host or our pages go, so it is copied
 * at once.
 * The ACPI root pointer may be replaced (acpi_tables.c).
 * Not passed on: ELF sections (they describe us), the EFI memory map (it would have to be cut like the other one; the
 * host uses tag 6) and what belongs to running boot services, which GRUB has left.
 * Callers: boot core, before anything else runs.
 * Manual: Multiboot2 Specification, "Boot information".
 */
#include "tests/tdxemu/boot_tags.h"

#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/host_map.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/verdict.h"

#define COPY_BYTES KIB(64)
#define TAG_ELF_SECTIONS 9
#define TAG_EFI_BOOT_SERVICES 18
#define MEMORY_ENTRY_VERSION 0

static struct {
	u8 copy[COPY_BYTES] __aligned(MB2_TAG_ALIGN);
	u32 bytes;
	const char *cmdline;
	const void *rsdp;
	const struct acpi_rsdp *host_rsdp;	/* NULL: the firmware's */
	u32 module_count;
	struct boot_tags_module modules[BOOT_TAGS_MAX_MODULES];
} tags = { .cmdline = "" };

static void read_module(const struct mb2_tag_module *module)
{
	if (tags.module_count == BOOT_TAGS_MAX_MODULES)
		verdict_stop("GRUB loaded more than %u modules", BOOT_TAGS_MAX_MODULES);
	tags.modules[tags.module_count++] = (struct boot_tags_module){ .start = module->start,
								       .bytes = module->end - module->start,
								       .text = module->text };
}

static void read_memory_map(const struct mb2_tag_memory_map *map)
{
	const u8 *entry = (const u8 *)map + sizeof(*map);
	const u8 *end = (const u8 *)map + map->tag.bytes;

	if (map->entry_bytes < sizeof(struct mb2_memory_entry))
		verdict_stop("GRUB's memory map has entries of %u bytes", map->entry_bytes);
	for (; entry + sizeof(struct mb2_memory_entry) <= end; entry += map->entry_bytes) {
		const struct mb2_memory_entry *range = (const void *)entry;

		memory_add_range(range->base, range->bytes, range->type);
	}
}

static void read_tag(const struct mb2_tag *tag)
{
	switch (tag->type) {
	case MB2_TAG_CMDLINE:
		tags.cmdline = (const char *)(tag + 1);
		break;
	case MB2_TAG_MODULE:
		read_module((const struct mb2_tag_module *)tag);
		break;
	case MB2_TAG_MEMORY_MAP:
		read_memory_map((const struct mb2_tag_memory_map *)tag);
		break;
	case MB2_TAG_ACPI_OLD:
		if (tags.rsdp == NULL)
			tags.rsdp = tag + 1;
		break;
	case MB2_TAG_ACPI_NEW:
		tags.rsdp = tag + 1;
		break;
	default:
		break;
	}
}

static const struct mb2_tag *next_tag(const struct mb2_tag *tag)
{
	return (const void *)((const u8 *)tag + ALIGN_UP(tag->bytes, MB2_TAG_ALIGN));
}

static const struct mb2_tag *first_tag(void)
{
	return (const void *)(tags.copy + sizeof(struct mb2_info));
}

void boot_tags_read(u32 magic, u32 information)
{
	const struct mb2_info *info = phys(information);
	const u8 *end;

	if (magic != MB2_BOOT_MAGIC)
		verdict_stop("not started by a multiboot2 boot loader (EAX 0x%x)", magic);
	if (info->total_bytes > COPY_BYTES)
		verdict_stop("GRUB's information has %u bytes, more than %lu", info->total_bytes, COPY_BYTES);
	tags.bytes = info->total_bytes;
	memcpy(tags.copy, info, tags.bytes);
	end = tags.copy + tags.bytes;
	for (const struct mb2_tag *tag = first_tag(); tag->type != MB2_TAG_END; tag = next_tag(tag)) {
		if (tag->bytes < sizeof(*tag) || (const u8 *)tag + tag->bytes > end)
			verdict_stop("GRUB's information has a tag of type %u with %u bytes", tag->type, tag->bytes);
		read_tag(tag);
	}
}

const char *boot_tags_cmdline(void)
{
	return tags.cmdline;
}

const void *boot_tags_rsdp(void)
{
	return tags.rsdp;
}

void boot_tags_set_rsdp(const struct acpi_rsdp *rsdp)
{
	tags.host_rsdp = rsdp;
}

struct boot_tags_module *boot_tags_modules(u32 *count)
{
	*count = tags.module_count;
	return tags.modules;
}

bool boot_tags_offered(u32 type)
{
	return type <= MB2_TAG_LOAD_BASE && type != TAG_ELF_SECTIONS && type != MB2_TAG_EFI_MEMORY_MAP &&
	       type != TAG_EFI_BOOT_SERVICES;
}

/* ---- the host's information ---- */

u64 boot_tags_host_bytes(void)
{
	/* A longer memory map; one more tag for the load address. */
	return tags.bytes + HOST_MAP_MAX_RANGES * sizeof(struct mb2_memory_entry) + PAGE_SIZE;
}

/* Head of the tag that goes from @start to @end; returns where the next one starts. */
static u8 *finish_tag(u8 *start, u32 type, const u8 *end)
{
	struct mb2_tag *tag = (void *)start;

	tag->type = type;
	tag->bytes = (u32)(end - start);
	return start + ALIGN_UP(tag->bytes, MB2_TAG_ALIGN);
}

static u8 *put_text(u8 *to, const char *text)
{
	size_t bytes = strlen(text) + 1;

	memcpy(to, text, bytes);
	return to + bytes;
}

static u8 *write_module(u8 *to, const struct boot_tags_module *module)
{
	struct mb2_tag_module *tag = (void *)to;

	tag->start = (u32)module->start;
	tag->end = (u32)(module->start + module->bytes);
	return finish_tag(to, MB2_TAG_MODULE, put_text((u8 *)(tag + 1), module->text));
}

static u8 *write_memory_map(u8 *to)
{
	struct mb2_tag_memory_map *map = (void *)to;
	struct mb2_memory_entry *entry = (void *)(map + 1);
	const struct host_map *host = memory_host_map();

	map->entry_bytes = sizeof(*entry);
	map->entry_version = MEMORY_ENTRY_VERSION;
	for (u32 i = 0; i < host->count; i++, entry++) {
		const struct memory_range *range = &host->ranges[i];

		*entry = (struct mb2_memory_entry){ .base = range->base, .bytes = range->bytes, .type = range->type };
	}
	return finish_tag(to, MB2_TAG_MEMORY_MAP, (u8 *)entry);
}

static u8 *write_load_base(u8 *to, u32 load_base)
{
	struct mb2_tag *tag = (void *)to;
	u32 *address = (void *)(tag + 1);

	*address = load_base;
	return finish_tag(to, MB2_TAG_LOAD_BASE, (u8 *)(address + 1));
}

static u8 *write_rsdp(u8 *to)
{
	u8 *at = to + sizeof(struct mb2_tag);

	memcpy(at, tags.host_rsdp, sizeof(*tags.host_rsdp));
	return finish_tag(to, MB2_TAG_ACPI_NEW, at + sizeof(*tags.host_rsdp));
}

static bool is_rewritten(u32 type)
{
	if (type == MB2_TAG_ACPI_OLD || type == MB2_TAG_ACPI_NEW)
		return tags.host_rsdp != NULL;
	return type == MB2_TAG_CMDLINE || type == MB2_TAG_MODULE || type == MB2_TAG_MEMORY_MAP ||
	       type == MB2_TAG_LOAD_BASE;
}

void boot_tags_write(void *to, u32 load_base)
{
	struct mb2_info *info = to;
	u8 *at = (u8 *)(info + 1);

	at = finish_tag(at, MB2_TAG_CMDLINE, put_text(at + sizeof(struct mb2_tag), tags.modules[0].text));
	for (const struct mb2_tag *tag = first_tag(); tag->type != MB2_TAG_END; tag = next_tag(tag)) {
		if (is_rewritten(tag->type) || !boot_tags_offered(tag->type))
			continue;
		memcpy(at, tag, tag->bytes);
		at += ALIGN_UP(tag->bytes, MB2_TAG_ALIGN);
	}
	for (u32 i = 1; i < tags.module_count; i++)
		at = write_module(at, &tags.modules[i]);
	at = write_memory_map(at);
	at = write_load_base(at, load_base);
	if (tags.host_rsdp != NULL)
		at = write_rsdp(at);
	at = finish_tag(at, MB2_TAG_END, at + sizeof(struct mb2_tag));
	info->total_bytes = (u32)(at - (u8 *)to);
	info->reserved = 0;
}
