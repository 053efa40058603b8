/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own memory and the memory map. All physical memory is mapped one to one, so an HPA is also a pointer.
 * SEAMRR: one 32 MiB aligned range that holds this program and its pages; it is absent from what the host sees.
 */
#ifndef TDXEMU_MEMORY_H
#define TDXEMU_MEMORY_H

#include "include/cella/types.h"

#define EMU_BASE 0x4000000	/* 64 MiB: where GRUB loads us; also SEAMRR base */
#define EMU_BYTES 0x4000000	/* 64 MiB: SEAMRR size */

#ifndef __ASSEMBLER__

#define MEMORY_MAX_RANGES 128

/* A range of the firmware's memory map; types are multiboot2's (1: RAM). */
struct memory_range {
	u64 base, bytes;
	u32 type;
};

struct host_map;

/** phys() - pointer to physical memory */
static inline void *phys(u64 hpa)
{
	return (void *)hpa;
}

/**
 * emu_pages() - @count zeroed 4 KiB pages of our own range, never freed. Stops the machine with a sentence when used
 * up
 */
void *emu_pages(u64 count);
/** emu_pages_left() - for the log */
u64 emu_pages_left(void);

/** memory_add_range() - boot core, before anything else here; stops the machine when the table is full */
void memory_add_range(u64 base, u64 bytes, u32 type);
/**
 * memory_carve() - @bytes from the end of the highest RAM below 4 GiB that @taken leaves alone become @type
 * Whole pages; returns their HPA, 0 if there is no room. @taken: does anything lie there? Boot core, before the host runs
 */
u64 memory_carve(u64 bytes, u32 type, bool (*taken)(u64 base, u64 bytes));
/** memory_ranges() - what was added, in the firmware's order */
const struct memory_range *memory_ranges(u32 *count);
/** memory_host_map() - what was added, with our own range reserved: what the host may know of. Each call starts afresh */
struct host_map *memory_host_map(void);
/** memory_ram_top() - first HPA above all RAM */
u64 memory_ram_top(void);
/** memory_is_ram() - is every byte RAM? Our own range counts as RAM */
bool memory_is_ram(u64 hpa, u64 bytes);
/** memory_touches_ram() - is any byte RAM? */
bool memory_touches_ram(u64 hpa, u64 bytes);
/** memory_map_all() - extend the boot page tables (4 GiB) to @top. Boot core, before other cores start */
void memory_map_all(u64 top);

#endif
#endif
