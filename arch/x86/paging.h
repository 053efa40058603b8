/* SPDX-License-Identifier: BSD-2-Clause */
/* Cella's own page tables. */
#ifndef ARCH_X86_PAGING_H
#define ARCH_X86_PAGING_H

#include "include/cella/types.h"

/** paging_root() - CR3 of every core */
u64 paging_root(void);
/**
 * paging_map_low_page() - identity-map one page below 1 MiB, execute and read only, for the start of further cores
 * paging_unmap_low_page() undoes it on all cores.
 */
void paging_map_low_page(u64 hpa);
void paging_unmap_low_page(u64 hpa);
/** paging_map_readonly() - map @bytes at any physical address, cached and read-only (firmware tables). NULL: no room */
const void *paging_map_readonly(hpa_t start, u64 bytes);
/** paging_is_mapped() - may @address be read? For traps; takes no lock */
bool paging_is_mapped(const void *address);

#endif
