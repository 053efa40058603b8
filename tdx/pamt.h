/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PAMT memory: host RAM where the plan puts it, unmapped from Cella, handed over with the TDMRs.
 * Boot core, task context with interrupts on; one caller at a time.
 */
#ifndef TDX_PAMT_H
#define TDX_PAMT_H

#include "include/cella/types.h"
#include "tdx/tdmr.h"

/* What the memory holds when it is given back. */
enum pamt_contents {
	PAMT_UNTOUCHED,	/* the module never wrote it */
	PAMT_WRITTEN,	/* under the global KeyID: caches were written back on all cores, and it must be cleared */
};

/** pamt_take() - exactly these blocks of host memory. -ENOMEM: one is not free any more; nothing is taken then */
int __must_check pamt_take(const struct tdmr_range *blocks, u32 count);
/** pamt_unmap() - out of the direct map, before the caches are written back */
int __must_check pamt_unmap(void);
/** pamt_give_back() - clear if needed, map, free. The module will not be called any more, or has not seen it yet */
void pamt_give_back(enum pamt_contents contents);
/** pamt_bytes() - in use now */
u64 pamt_bytes(void);

#endif
