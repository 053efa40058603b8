/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot2 information: what GRUB gave us, and what we give the host as if GRUB had. */
#ifndef TDXEMU_BOOT_TAGS_H
#define TDXEMU_BOOT_TAGS_H

#include "include/cella/types.h"
#include "include/spec/acpi.h"

#define BOOT_TAGS_MAX_MODULES 64

struct boot_tags_module {
	u64 start, bytes;	/* HPA; loader.c may move a module */
	const char *text;
};

/**
 * boot_tags_read() - copy GRUB's information, fill the memory map. First thing to run; @magic, @information: EAX, EBX
 * at entry
 */
void boot_tags_read(u32 magic, u32 information);
/** boot_tags_cmdline() - our own command line */
const char *boot_tags_cmdline(void);
/** boot_tags_rsdp() - copy of the firmware's ACPI root pointer, or NULL */
const void *boot_tags_rsdp(void);
/** boot_tags_set_rsdp() - the root pointer that the host gets instead of the firmware's */
void boot_tags_set_rsdp(const struct acpi_rsdp *rsdp);
/** boot_tags_modules() - all modules in GRUB's order; the first one is the host */
struct boot_tags_module *boot_tags_modules(u32 *count);
/** boot_tags_host_bytes() - upper bound for what boot_tags_write() needs */
u64 boot_tags_host_bytes(void);
/**
 * boot_tags_write() - the host's information at @to (8-byte aligned, zeroed)
 * Its own command line, the modules behind it, the memory map with our range reserved; other tags as GRUB wrote them.
 * @load_base: lowest address the host was loaded to.
 */
void boot_tags_write(void *to, u32 load_base);
/** boot_tags_offered() - can the host get tags of @type? */
bool boot_tags_offered(u32 type);

#endif
