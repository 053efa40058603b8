/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic PAMT: the entries of a 2 MiB region's 4 KiB pages lie in two pages that the module holds only while it holds
 * a 4 KiB page of that region. With a static PAMT nothing here does anything.
 * Any task, with plain locks held; begin and end on the boot core while no TD exists.
 */
#ifndef TDX_PAMT_PAIR_H
#define TDX_PAMT_PAIR_H

#include "include/cella/types.h"

#define PAMT_PAIR_PAGES 2

/** pamt_pair_begin() - books for a pool of @regions of 2 MiB. -ENOMEM. pamt_pair_end() - no TD holds a page any more */
int __must_check pamt_pair_begin(u64 regions);
void pamt_pair_end(void);
/** pamt_pair_get() - 4 KiB page @page of the pool goes to the module. -ENOMEM: no page for the pair; -EBUSY; -EIO */
int __must_check pamt_pair_get(hpa_t page);
/** pamt_pair_put() - 4 KiB page @page is back */
void pamt_pair_put(hpa_t page);
/** pamt_pair_drop() - the whole region at @block goes to the module, so no pair may be left there. -ENOMEM: one is,
 * and only 4 KiB pages can be taken */
int __must_check pamt_pair_drop(hpa_t block);

/** pamt_pair_prepare() - two pages that TDH.MEM.PAGE.DEMOTE takes for the region it splits. -ENOMEM */
int __must_check pamt_pair_prepare(hpa_t pair[PAMT_PAIR_PAGES]);
/** pamt_pair_split() - it took them: the module holds all of the region at @block in 4 KiB pages */
void pamt_pair_split(hpa_t block);
/** pamt_pair_discard() - it did not */
void pamt_pair_discard(const hpa_t pair[PAMT_PAIR_PAGES]);

#endif
