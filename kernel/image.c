/* SPDX-License-Identifier: BSD-2-Clause */
/* Where Cella itself lies in RAM, from the symbols of linker.ld. A file of its own: unit tests bring another one. */
#include "kernel/image.h"

#include "include/cella/memory_map.h"

extern const char image_start[];
extern const char image_end[];

hpa_t image_hpa(void)
{
	return HPA((u64)image_start - CELLA_VIRT_BASE + CELLA_PHYS_BASE);
}

u64 image_bytes(void)
{
	return ALIGN_UP((u64)image_end - (u64)image_start, (u64)PAGE_SIZE);
}
