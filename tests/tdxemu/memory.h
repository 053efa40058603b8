/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own memory. All physical memory is mapped one to one, so an HPA is also a pointer.
 * SEAMRR: one 32 MiB aligned range that holds this program and its pages; it is absent from what the host sees.
 */
#ifndef TDXEMU_MEMORY_H
#define TDXEMU_MEMORY_H

#include "include/cella/types.h"

#define EMU_BASE 0x4000000	/* 64 MiB: where GRUB loads us; also SEAMRR base */
#define EMU_BYTES 0x4000000	/* 64 MiB: SEAMRR size */

/** phys() - pointer to physical memory */
static inline void *phys(u64 hpa)
{
	return (void *)hpa;
}

/** emu_pages() - @count zeroed 4 KiB pages of our own range, never freed. Stops the machine with a sentence when used up */
void *emu_pages(u64 count);

#endif
