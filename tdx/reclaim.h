/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages back from the module: reclaimed, written back, cleared, to the TD pool. What fails is quarantined. */
#ifndef TDX_RECLAIM_H
#define TDX_RECLAIM_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "kernel/page.h"

/** reclaim_page() - TDH.PHYMEM.PAGE.RECLAIM of a page of a TD in TEARDOWN, clear, free. @owner: its tag in the books */
void reclaim_page(hpa_t page, enum tdx_level level, enum page_owner owner);
/** reclaim_tdr() - the TDR, last: additionally written back under the global KeyID */
void reclaim_tdr(hpa_t tdr);
/** reclaim_removed() - a page that TDH.MEM.PAGE.REMOVE or SEPT.REMOVE returned while the TD holds @hkid */
void reclaim_removed(hpa_t page, enum tdx_level level, hkid_t hkid, enum page_owner owner);

#endif
