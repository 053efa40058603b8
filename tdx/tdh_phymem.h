/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.PHYMEM.*: one typed wrapper per leaf used. No loop, no lock. Manual: TDX Module ABI, "TDH.PHYMEM... Leaf". */
#ifndef TDX_TDH_PHYMEM_H
#define TDX_TDH_PHYMEM_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "tdx/status.h"

struct pamt_info {
	enum pamt_page_type type;
	enum tdx_level level;	/* size of the block the page lies in */
	hpa_t owner_tdr;	/* zero when the type has no owner */
};

enum cache_wb_command {
	CACHE_WB_START = 0,
	CACHE_WB_RESUME = 1,
};

/** tdh_phymem_page_rdmd() - ask who holds a page. @page: 4 KiB aligned, in a TDMR. @info: written on success only */
tdx_status_t tdh_phymem_page_rdmd(hpa_t page, struct pamt_info *info);
/** tdh_phymem_page_reclaim() - take a page of a TD in TEARDOWN back. @page: aligned to the page's real size */
tdx_status_t tdh_phymem_page_reclaim(hpa_t page, struct pamt_info *info);
/** tdh_phymem_cache_wb() - on one core of each package, resumed by the caller. Takes the KeyID table shared */
tdx_status_t tdh_phymem_cache_wb(enum cache_wb_command command);
/** tdh_phymem_page_wbinvd() - write back and invalidate the lines of a free 4 KiB page under one KeyID */
tdx_status_t tdh_phymem_page_wbinvd(keyed_hpa_t page);
/** tdh_phymem_pamt_add() - two free pages for the PAMT entries of the 2 MiB @region, of which the module holds nothing */
tdx_status_t tdh_phymem_pamt_add(hpa_t region, const hpa_t pair[2]);
/** tdh_phymem_pamt_remove() - they come back when no 4 KiB page of @region is held. @pair: written on success */
tdx_status_t tdh_phymem_pamt_remove(hpa_t region, hpa_t pair[2]);

#endif
