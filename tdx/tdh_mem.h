/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.MEM.*: one typed wrapper per leaf used. No loop, no lock, no policy.
 *
 * @gpa is aligned to @level, which is the level of the entry operated on: for TDH.MEM.SEPT.ADD the entry that becomes
 * a table. @entry receives what the module says about the entry where it stopped (all zero when it says nothing).
 * Manual: TDX Module ABI, "TDH.MEM... Leaf".
 */
#ifndef TDX_TDH_MEM_H
#define TDX_TDH_MEM_H

#include "include/cella/types.h"
#include "include/spec/tdx/sept.h"
#include "include/spec/tdx/tdmr.h"
#include "tdx/status.h"

struct sept_entry_info {
	u64 entry;	/* architectural view, RCX of the leaf */
	enum tdx_level level;
	enum sept_state state;
};

/** tdh_mem_page_add() - copy host page @source into the free page @target and map it at @gpa. Before TDH.MR.FINALIZE */
tdx_status_t tdh_mem_page_add(hpa_t tdr, gpa_t gpa, hpa_t target, hpa_t source, struct sept_entry_info *entry);
/** tdh_mem_sept_add() - the free page @table becomes the table below the entry of @level (1 or higher) */
tdx_status_t tdh_mem_sept_add(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t table, struct sept_entry_info *entry);
/** tdh_mem_page_aug() - map the free @page (4 KiB or 2 MiB) at @gpa, pending until the guest accepts it */
tdx_status_t tdh_mem_page_aug(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t page, struct sept_entry_info *entry);
/** tdh_mem_range_block() - no new translations; TDX_GPA_RANGE_ALREADY_BLOCKED is a success */
tdx_status_t tdh_mem_range_block(hpa_t tdr, gpa_t gpa, enum tdx_level level, struct sept_entry_info *entry);
/**
 * tdh_mem_page_demote() - split a 2 MiB page; the free page @table becomes its table
 * @pair: free pages for its dynamic PAMT, zero with a static one
 */
tdx_status_t tdh_mem_page_demote(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t table, const hpa_t pair[2],
				 struct sept_entry_info *entry);
/** tdh_mem_page_remove() - unmap a blocked and tracked page. @page: its HPA, written on success */
tdx_status_t tdh_mem_page_remove(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t *page,
				 struct sept_entry_info *entry);
/** tdh_mem_sept_remove() - take a blocked and tracked empty table back. @table: its HPA, written on success */
tdx_status_t tdh_mem_sept_remove(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t *table,
				 struct sept_entry_info *entry);
/** tdh_mem_track() - a new TLB epoch */
tdx_status_t tdh_mem_track(hpa_t tdr);

#endif
