/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot2: header tags for the boot loader, information tags from it. Multiboot2 Specification version 2.0. */
#ifndef SPEC_MULTIBOOT2_H
#define SPEC_MULTIBOOT2_H

#define MB2_HEADER_MAGIC 0xe85250d6
#define MB2_BOOT_MAGIC 0x36d76289
#define MB2_ARCHITECTURE_I386 0
#define MB2_HEADER_SEARCH_BYTES 32768
#define MB2_HEADER_ALIGN 8

#define MB2_HEADER_TAG_END 0
#define MB2_HEADER_TAG_INFO_REQUEST 1
#define MB2_HEADER_TAG_ADDRESS 2
#define MB2_HEADER_TAG_ENTRY 3
#define MB2_HEADER_TAG_MODULE_ALIGN 6

#define MB2_TAG_END 0
#define MB2_TAG_CMDLINE 1
#define MB2_TAG_LOADER 2
#define MB2_TAG_MODULE 3
#define MB2_TAG_BASIC_MEMORY 4
#define MB2_TAG_MEMORY_MAP 6
#define MB2_TAG_EFI32 11
#define MB2_TAG_EFI64 12
#define MB2_TAG_ACPI_OLD 14
#define MB2_TAG_ACPI_NEW 15
#define MB2_TAG_EFI_MEMORY_MAP 17
#define MB2_TAG_LOAD_BASE 21
#define MB2_TAG_ALIGN 8

#define MB2_MEMORY_RAM 1
#define MB2_MEMORY_RESERVED 2
#define MB2_MEMORY_ACPI 3
#define MB2_MEMORY_NVS 4
#define MB2_MEMORY_BAD 5

#ifndef __ASSEMBLER__
#include "include/cella/types.h"

struct mb2_info {
	u32 total_bytes;
	u32 reserved;
	/* tags follow */
};

struct mb2_tag {
	u32 type;
	u32 bytes;
};

struct mb2_tag_module {
	struct mb2_tag tag;
	u32 start, end;
	char text[];
};

struct mb2_memory_entry {
	u64 base, bytes;
	u32 type, reserved;
};

struct mb2_tag_memory_map {
	struct mb2_tag tag;
	u32 entry_bytes, entry_version;
	/* entries follow, entry_bytes apart */
};
#endif

#endif
