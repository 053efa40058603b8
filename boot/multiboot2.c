/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See multiboot2.h. Every tag's length is checked before its content is read; ranges come out ascending and without
 * overlap: where entries of the firmware's map cover the same bytes, the strictest one wins, so that RAM is only what
 * every entry calls RAM. Multiboot2 Specification 2.0, "Boot information format".
 */
#include "boot/multiboot2.h"

#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"

static const char *add_module(const struct mb2_tag *tag, struct boot_info *boot)
{
	const struct mb2_tag_module *module = (const struct mb2_tag_module *)(const void *)tag;
	struct boot_module *to;
	u64 text_bytes;

	if (tag->bytes < sizeof(*module) + 1 || module->end < module->start)
		return "the boot loader handed over a malformed module tag";
	if (boot->module_count == BOOT_MAX_MODULES)
		return "the boot loader handed over more than 32 modules";
	text_bytes = tag->bytes - sizeof(*module);
	if (strnlen(module->text, text_bytes) == text_bytes)
		return "the boot loader handed over a module whose text has no end";
	to = &boot->modules[boot->module_count++];
	to->start = HPA(module->start);
	to->bytes = module->end - module->start;
	if (!copy_text(to->text, module->text, sizeof(to->text)))
		return "the boot loader handed over a module with a text of more than 255 characters";
	return NULL;
}

/* The two enumerations have the same numbers; what the specification leaves open is reserved. */
static enum boot_range_type range_type(u32 type)
{
	bool known = (type >= BOOT_RANGE_RAM && type <= BOOT_RANGE_BAD) || type == BOOT_RANGE_PERSISTENT;

	return known ? (enum boot_range_type)type : BOOT_RANGE_RESERVED;
}
_Static_assert((u32)BOOT_RANGE_RAM == MB2_MEMORY_RAM && (u32)BOOT_RANGE_BAD == MB2_MEMORY_BAD, "multiboot2's numbers");

static const char *add_range(struct boot_info *boot, const struct mb2_memory_entry *entry)
{
	struct boot_range range = { entry->base, entry->bytes, range_type(entry->type) };

	if (range.base + range.bytes < range.base) {
		if (range.type == BOOT_RANGE_RAM)
			return "the firmware's memory map has RAM that wraps around the end of the address space";
		range.bytes = ~range.base;	/* reserved up to the very end: one byte less is as good */
	}
	if (range.bytes == 0)
		return NULL;
	if (boot->range_count == BOOT_MAX_RANGES)
		return "the firmware's memory map has more than 256 ranges";
	boot->ranges[boot->range_count++] = range;
	return NULL;
}

static const char *add_memory_map(const struct mb2_tag *tag, struct boot_info *boot)
{
	const struct mb2_tag_memory_map *map = (const struct mb2_tag_memory_map *)(const void *)tag;
	u64 offset = sizeof(*map);

	if (tag->bytes < sizeof(*map) || map->entry_bytes < sizeof(struct mb2_memory_entry))
		return "the boot loader handed over a malformed memory map";
	if (boot->range_count != 0)
		return "the boot loader handed over two memory maps";
	for (; offset + map->entry_bytes <= tag->bytes; offset += map->entry_bytes) {
		struct mb2_memory_entry entry;
		const char *wrong;

		memcpy(&entry, (const u8 *)tag + offset, sizeof(entry));
		wrong = add_range(boot, &entry);
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* Where entries disagree, the type that stands further right is believed. */
static bool stricter(enum boot_range_type a, enum boot_range_type b)
{
	static const u8 rank[] = {
		[BOOT_RANGE_RAM] = 1, [BOOT_RANGE_ACPI] = 2, [BOOT_RANGE_NVS] = 3, [BOOT_RANGE_PERSISTENT] = 4,
		[BOOT_RANGE_RESERVED] = 5, [BOOT_RANGE_BAD] = 6,
	};

	return rank[a] > rank[b];
}

/* The strictest entry that covers @at, or NULL; *@until is the next address where the answer may differ (0: none). */
static const struct boot_range *cover_of(const struct boot_range *ranges, u32 count, u64 at, u64 *until)
{
	const struct boot_range *found = NULL;

	*until = 0;
	for (u32 i = 0; i < count; i++) {
		u64 end = ranges[i].base + ranges[i].bytes;
		u64 edge = at < ranges[i].base ? ranges[i].base : end;

		if (at >= end)
			continue;
		if (*until == 0 || edge < *until)
			*until = edge;
		if (at >= ranges[i].base && (!found || stricter(ranges[i].type, found->type)))
			found = &ranges[i];
	}
	return found;
}

/* Walk from edge to edge through all entries and write down what covers each piece; equal neighbours are joined. */
static const char *resolve_overlaps(struct boot_info *boot)
{
	static struct boot_range given[BOOT_MAX_RANGES];
	u32 count = boot->range_count;
	u64 at = 0, until;

	memcpy(given, boot->ranges, count * sizeof(given[0]));
	boot->range_count = 0;
	for (;; at = until) {
		const struct boot_range *cover = cover_of(given, count, at, &until);
		struct boot_range *last = boot->range_count ? &boot->ranges[boot->range_count - 1] : NULL;

		if (until == 0)
			return NULL;
		if (!cover)
			continue;
		if (last && last->type == cover->type && last->base + last->bytes == at) {
			last->bytes += until - at;
			continue;
		}
		if (boot->range_count == BOOT_MAX_RANGES)
			return "the firmware's memory map falls apart into more than 256 ranges";
		boot->ranges[boot->range_count++] = (struct boot_range){ at, until - at, cover->type };
	}
}

static const char *add_tag(const struct mb2_tag *tag, struct boot_info *boot)
{
	const char *text = (const char *)(tag + 1);
	u64 payload = tag->bytes - sizeof(*tag);

	switch (tag->type) {
	case MB2_TAG_CMDLINE:
		if (strnlen(text, payload) == payload)
			return "the boot loader handed over a command line without an end";
		if (!copy_text(boot->cmdline, text, sizeof(boot->cmdline)))
			return "the boot loader handed over a command line of more than 255 characters";
		return NULL;
	case MB2_TAG_LOADER:
		if (payload != 0 && strnlen(text, payload) < payload)
			(void)copy_text(boot->loader, text, sizeof(boot->loader));	/* a name for the log only */
		return NULL;
	case MB2_TAG_MODULE:
		return add_module(tag, boot);
	case MB2_TAG_MEMORY_MAP:
		return add_memory_map(tag, boot);
	case MB2_TAG_EFI32:
	case MB2_TAG_EFI64:
	case MB2_TAG_EFI_MEMORY_MAP:
		boot->uefi = true;
		return NULL;
	case MB2_TAG_ACPI_OLD:
	case MB2_TAG_ACPI_NEW:
		if (payload > boot->rsdp_bytes && payload <= sizeof(boot->rsdp)) {
			memcpy(boot->rsdp, text, payload);
			boot->rsdp_bytes = (u32)payload;
		}
		return NULL;
	default:
		return NULL;
	}
}

const char *multiboot2_parse(const void *info, u64 limit, struct boot_info *boot)
{
	const struct mb2_info *head = info;
	u64 offset = sizeof(*head);
	u64 total = head->total_bytes;

	memset(boot, 0, sizeof(*boot));
	if (total < sizeof(*head) + sizeof(struct mb2_tag) || total > limit)
		return "the boot loader's information has an impossible length";
	for (;;) {
		const struct mb2_tag *tag = (const struct mb2_tag *)(const void *)((const u8 *)info + offset);
		const char *wrong;

		if (offset > total - sizeof(*tag) || tag->bytes < sizeof(*tag) || tag->bytes > total - offset)
			return "the boot loader's information has a tag that runs over its end";
		if (tag->type == MB2_TAG_END)
			break;
		wrong = add_tag(tag, boot);
		if (wrong)
			return wrong;
		offset += ALIGN_UP((u64)tag->bytes, MB2_TAG_ALIGN);
		if (offset > total - sizeof(*tag))
			return "the boot loader's information has no end tag";
	}
	if (boot->range_count == 0)
		return "the boot loader handed over no memory map";
	return resolve_overlaps(boot);
}
