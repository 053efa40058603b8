/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages back from the module: reclaimed, written back, cleared, to the TD pool. What fails is quarantined. */
#ifndef TDX_RECLAIM_H
#define TDX_RECLAIM_H

#include "include/cella/types.h"
#include "kernel/page.h"
#include "tdx/td.h"
#include "tdx/tdmr.h"

/** reclaim_tdr() - the TDR, last: additionally written back under the global KeyID */
void reclaim_tdr(hpa_t tdr);
/** reclaim_removed() - a page that TDH.MEM.PAGE.REMOVE or SEPT.REMOVE returned while the TD holds @hkid */
void reclaim_removed(hpa_t page, enum tdx_level level, hkid_t hkid, enum page_owner owner);
/** reclaim_quarantine() - the page stays with the module for ever; @why: the refusal, for the log */
void reclaim_quarantine(hpa_t page, enum tdx_level level, enum page_owner owner, const char *why);
/**
 * reclaim_td_page() - while @td is destroyed: TDH.PHYMEM.PAGE.RECLAIM, clear, free if its KeyID was released,
 * quarantine otherwise. @owner: the page's tag in the books
 */
void reclaim_td_page(const struct td *td, hpa_t page, enum tdx_level level, enum page_owner owner);

#endif
