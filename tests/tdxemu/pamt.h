/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical address metadata: one 16-byte entry per page and size, in the memory the host donated. */
#ifndef TDXEMU_PAMT_H
#define TDXEMU_PAMT_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/sharex.h"

struct pamt_entry {
	u16 lock;	/* sharex */
	u8 type;	/* enum pamt_page_type */
	u8 owner_pfn[5];	/* page number of the TDR; 0 for a TDR */
	u64 bepoch;
};
_Static_assert(sizeof(struct pamt_entry) == MODULE_PAMT_ENTRY_BYTES, "PAMT entry is 16 bytes");

/* Dynamic PAMT: the two pages with the 4K entries of one 2 MiB region. */
struct pamt_pair {
	u64 pages[2];
};

/* A page operand that passed its checks and is locked: parents shared, the leaf as asked. */
struct pamt_ref {
	struct pamt_entry *entry;	/* leaf */
	struct pamt_entry *parents[2];	/* 1G and 2M entries held shared, or NULL */
	enum tdx_level level;	/* of the leaf */
	enum lock_mode mode;
	u64 hpa;
};

/**
 * pamt_take() - the checks of an explicit private page operand, in the manual's order, then its locks
 * @operand: TDX_OPERAND_ID_... for the status. @level: size the leaf must have. @type: what it must be (PT_NDA: free; for a
 * 2M page all 512 small entries too). TDX_SUCCESS with @ref filled, or the status. Manual: tdx-host-td.md 2.2.
 * With dynamic PAMT a page that serves as PAMT is not free, and a small one needs a page pair (MISSING_PAMT_PAGE_PAIR).
 */
u64 pamt_take(u64 hpa, u32 operand, enum tdx_level level, enum pamt_page_type type, enum lock_mode mode,
	      struct pamt_ref *ref);
/** pamt_take_any() - the same for leaves that accept any type and any size from @lowest up (RDMD, RECLAIM, WBINVD) */
u64 pamt_take_any(u64 hpa, u32 operand, enum tdx_level lowest, enum lock_mode mode, struct pamt_ref *ref);
/** pamt_take_implicit() - lock only the leaf entry of a page known to be held (owner TDR, SEPT target) */
u64 pamt_take_implicit(u64 hpa, enum tdx_level level, u64 busy_status, enum lock_mode mode, struct pamt_ref *ref);
void pamt_drop(struct pamt_ref *ref);
u64 pamt_owner(const struct pamt_entry *entry);
void pamt_set(struct pamt_entry *entry, enum pamt_page_type type, u64 owner_tdr);
/** pamt_tdmr_of() - the TDMR whose initialised part holds @hpa (only whole gigabytes count), or NULL */
const struct module_tdmr *pamt_tdmr_of(u64 hpa);
/** pamt_find_entry(), pamt_entry_at() - entry of a page, no lock taken; none: NULL, or the machine stops */
struct pamt_entry *pamt_find_entry(u64 hpa, enum tdx_level level);
struct pamt_entry *pamt_entry_at(u64 hpa, enum tdx_level level);
/**
 * pamt_split(), pamt_join() - one leaf at @level into 512 one level down, and back; the caller holds the large entry
 * @pair: dynamic PAMT and a 2M leaf: the pages that hold the small entries (pamt_pair_take()), or held them
 */
void pamt_split(u64 hpa, enum tdx_level level, u64 owner_tdr, const struct pamt_pair *pair);
void pamt_join(u64 hpa, enum tdx_level level, u64 owner_tdr, struct pamt_pair *pair);
/** pamt_init_range() - PT_NDA or PT_RSVD for the next piece of a TDMR (TDH.SYS.TDMR.INIT) */
void pamt_init_range(struct module_tdmr *tdmr, u64 from, u64 bytes);

#endif
