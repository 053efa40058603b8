/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot loader handed over, copied once out of the multiboot2 tags by boot/multiboot2.c; nothing reads the tags
 * afterwards. Fixed sizes: a boot loader that hands over more is refused by name, never truncated silently.
 */
#ifndef CELLA_BOOT_INFO_H
#define CELLA_BOOT_INFO_H

#include "include/cella/types.h"

#define BOOT_MAX_RANGES 256
#define BOOT_MAX_MODULES 32
#define BOOT_TEXT_BYTES 256

enum boot_range_type {
	BOOT_RANGE_RAM = 1,	/* usable */
	BOOT_RANGE_RESERVED = 2,
	BOOT_RANGE_ACPI = 3,	/* tables, reclaimable; Cella leaves them alone */
	BOOT_RANGE_NVS = 4,
	BOOT_RANGE_BAD = 5,
	BOOT_RANGE_PERSISTENT = 7,	/* NVDIMM: never RAM, never in the TD pool */
};

struct boot_range {
	u64 base;	/* HPA, bytes */
	u64 bytes;
	enum boot_range_type type;
};

struct boot_module {
	hpa_t start;	/* page aligned by the boot loader */
	u64 bytes;
	char text[BOOT_TEXT_BYTES];	/* what stands behind the file name in grub.cfg, NUL-terminated */
};

struct boot_info {
	char cmdline[BOOT_TEXT_BYTES];
	char loader[64];
	u32 range_count;
	struct boot_range ranges[BOOT_MAX_RANGES];	/* ascending, not overlapping */
	u32 module_count;
	struct boot_module modules[BOOT_MAX_MODULES];	/* in the boot loader's order: mb-index counts here */
	u8 rsdp[36];	/* copy of the ACPI root pointer; rsdp_bytes 0: not given */
	u32 rsdp_bytes;
	bool uefi;
};

#endif
