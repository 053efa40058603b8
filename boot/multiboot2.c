/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See multiboot2.h. Every tag's length is checked before its content is read; ranges come out ascending and without overlap:
 * where two entries of the firmware's map cover the same bytes, the one that is not plain RAM wins.
 */
#include "boot/multiboot2.h"

#include "include/cella/arch.h"
#include "include/cella/memory_map.h"
#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"

void boot_entry(u64 magic, u64 info);
__noreturn void kernel_main(const struct boot_info *boot);

#define BOOT_MAPPED_BYTES GIB(4)	/* what the boot page tables reach */
#define TAG_INFO_MAX_BYTES MIB(1)

static struct boot_info boot_info;

static const char *add_module(const struct mb2_tag *tag, struct boot_info *boot)
{
	const struct mb2_tag_module *module = (const struct mb2_tag_module *)(const void *)tag;
	struct boot_module *to;

	if (tag->bytes < sizeof(*module) + 1 || module->end < module->start)
		return "the boot loader handed over a malformed module tag";
	if (boot->module_count == BOOT_MAX_MODULES)
		return "the boot loader handed over more than 32 modules";
	to = &boot->modules[boot->module_count++];
	to->start = HPA(module->start);
	to->bytes = module->end - module->start;
	copy_text(to->text, module->text, MIN(sizeof(to->text), tag->bytes - sizeof(*module)));
	return NULL;
}

static enum boot_range_type range_type(u32 type)
{
	switch (type) {
	case MB2_MEMORY_RAM:
		return BOOT_RANGE_RAM;
	case MB2_MEMORY_ACPI:
		return BOOT_RANGE_ACPI;
	case MB2_MEMORY_NVS:
		return BOOT_RANGE_NVS;
	case MB2_MEMORY_BAD:
		return BOOT_RANGE_BAD;
	case BOOT_RANGE_PERSISTENT:
		return BOOT_RANGE_PERSISTENT;
	default:
		return BOOT_RANGE_RESERVED;
	}
}

/* Insert keeping the order by base address. */
static const char *insert_range(struct boot_info *boot, struct boot_range range)
{
	u32 at = boot->range_count;

	if (range.bytes == 0)
		return NULL;
	if (range.base + range.bytes < range.base)
		return "the firmware's memory map has a range that wraps around";
	if (boot->range_count == BOOT_MAX_RANGES)
		return "the firmware's memory map has more than 256 ranges";
	while (at > 0 && boot->ranges[at - 1].base > range.base) {
		boot->ranges[at] = boot->ranges[at - 1];
		at--;
	}
	boot->ranges[at] = range;
	boot->range_count++;
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
		const struct mb2_memory_entry *entry =
			(const struct mb2_memory_entry *)(const void *)((const u8 *)tag + offset);
		const char *wrong = insert_range(boot, (struct boot_range){ entry->base, entry->bytes,
									    range_type(entry->type) });

		if (wrong)
			return wrong;
	}
	return NULL;
}

/* Cut @later where @earlier covers it, or the other way round when @later is the stricter one. */
static void resolve_overlaps(struct boot_info *boot)
{
	for (u32 i = 0; i + 1 < boot->range_count; i++) {
		struct boot_range *a = &boot->ranges[i];
		struct boot_range *b = &boot->ranges[i + 1];
		u64 a_end = a->base + a->bytes;
		u64 b_end = b->base + b->bytes;
		u64 overlap = a_end > b->base ? MIN(a_end, b_end) - b->base : 0;

		if (overlap == 0)
			continue;
		if (a->type == BOOT_RANGE_RAM && b->type != BOOT_RANGE_RAM) {
			a->bytes = b->base - a->base;
			if (a_end > b_end)
				(void)insert_range(boot, (struct boot_range){ b_end, a_end - b_end, BOOT_RANGE_RAM });
		} else {
			b->base += overlap;
			b->bytes -= overlap;
		}
	}
}

static const char *add_tag(const struct mb2_tag *tag, struct boot_info *boot)
{
	const char *text = (const char *)(tag + 1);
	u64 payload = tag->bytes - sizeof(*tag);

	switch (tag->type) {
	case MB2_TAG_CMDLINE:
		if (payload == 0 || strnlen(text, payload) == payload || !copy_text(boot->cmdline, text, sizeof(boot->cmdline)))
			return "the boot loader handed over a command line that is longer than 255 characters";
		return NULL;
	case MB2_TAG_LOADER:
		if (payload != 0)
			(void)copy_text(boot->loader, text, MIN(sizeof(boot->loader), payload));
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
	resolve_overlaps(boot);
	return NULL;
}

static __noreturn void refuse(const char *why)
{
	const char *lead = "Cella cannot start: ";

	arch_early_init(&boot_info);
	for (; *lead; lead++)
		arch_console_putc(*lead);
	for (; *why; why++)
		arch_console_putc(*why);
	arch_console_putc('\r');
	arch_console_putc('\n');
	arch_cpu_stop();
}

/* From multiboot2.S, on the boot stack, interrupts off. */
void boot_entry(u64 magic, u64 info)
{
	const char *wrong;

	if (magic != MB2_BOOT_MAGIC)
		refuse("it was not loaded by a multiboot2 boot loader such as GRUB");
	wrong = multiboot2_parse(hpa_to_hva(HPA(info)), MIN(TAG_INFO_MAX_BYTES, BOOT_MAPPED_BYTES - info), &boot_info);
	if (wrong)
		refuse(wrong);
	kernel_main(&boot_info);
}
