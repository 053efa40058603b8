/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's address space, one line per region. Usable from C, assembly and linker.ld.
 *
 *   0xffff800000000000  direct map of host RAM and of nothing else: NX, 2 MiB pages where possible. The TD pool and
 *                       PAMTs are cut out of it once and never come back while the module holds them
 *   0xffffc00000000000  device mappings (uncached): grows upwards
 *   0xffffd00000000000  per-core windows: one page each, to clear a page that came back from the TDX module
 *   0xffffe00000000000  stacks, each with an unmapped guard page below
 *   0xffffffff80000000  the image, at CELLA_PHYS_BASE: text R-X, rodata R--, data RW-
 */
#ifndef CELLA_MEMORY_MAP_H
#define CELLA_MEMORY_MAP_H

#define CELLA_PHYS_BASE 0x1000000	/* 16 MiB: where GRUB puts the image */
#define CELLA_VIRT_BASE 0xffffffff80000000	/* image address = physical address - CELLA_PHYS_BASE + this */
#ifndef DIRECT_MAP_BASE	/* unit tests put it where a process may have memory */
#define DIRECT_MAP_BASE 0xffff800000000000
#endif
#define DIRECT_MAP_BYTES 0x400000000000	/* 64 TiB */
#define DEVICE_MAP_BASE 0xffffc00000000000
#define DEVICE_MAP_BYTES 0x8000000000
#define WINDOW_BASE 0xffffd00000000000
#define STACK_MAP_BASE 0xffffe00000000000
#define STACK_MAP_BYTES 0x8000000000

#define STACK_BYTES 0x8000	/* a task's or core's stack, without its guard page */
#define MAX_CPUS 512	/* cores Cella uses; more are refused by name */

#ifndef __ASSEMBLER__
#include "include/cella/types.h"

/**
 * hpa_to_hva() - address of host RAM in the direct map
 * @hpa: any alignment; must lie in RAM that is not private to TDX (the TD pool is not mapped at all)
 */
static inline void *hpa_to_hva(hpa_t hpa)
{
	return (void *)(DIRECT_MAP_BASE + hpa.raw);
}

/** hva_to_hpa() - the reverse, for addresses inside the direct map only (never for the image or a stack) */
static inline hpa_t hva_to_hpa(const void *hva)
{
	return HPA((u64)hva - DIRECT_MAP_BASE);
}
#endif

#endif
