/* SPDX-License-Identifier: BSD-2-Clause */
/* Dynamic PAMT: page pairs with the 4K entries of 2 MiB regions, and the bitmap of pages that may not become a TD's. */
#ifndef TDXEMU_PAMT_DYNAMIC_H
#define TDXEMU_PAMT_DYNAMIC_H

#include "tests/tdxemu/pamt.h"

#define PAMT_PAIR_EMPTY 0u
#define PAMT_PAIR_FULL 512u
#define PAMT_PAIR_NO_REGION 1ull	/* no region has this address */
#define PAMT_REMOVAL_HINT BIT(62)	/* in addresses leaves give back: the region's page pair is used no longer */

/** pamt_pair_entry() - 4K entry of @hpa below its 2M entry @node; NULL if that has no page pair */
struct pamt_entry *pamt_pair_entry(const struct pamt_entry *node, u64 hpa);
/** pamt_pair_of() - the pages of a PT_PAMT entry */
struct pamt_pair pamt_pair_of(const struct pamt_entry *node);
/**
 * pamt_pair_take() - are both pages free? Then mark them as PAMT in the bitmap
 * @operands: whose the statuses are. @region: 2M region whose free entry the caller holds, so that pages inside it need
 * no look; PAMT_PAIR_NO_REGION. Both pages are covered by PAMT. OPERAND_BUSY, PAGE_NOT_FREE; nothing is marked then.
 */
u64 pamt_pair_take(const struct pamt_pair *pair, const u32 operands[2], u64 region);
/** pamt_pair_install() - the 2M entry @node is a node with @used pages in use; the taken pair is hidden from the host */
void pamt_pair_install(struct pamt_entry *node, const struct pamt_pair *pair, u32 used);
/** pamt_pair_uninstall() - @node is PT_NDA again; the pair goes back to the host, which owes write-back and clear */
struct pamt_pair pamt_pair_uninstall(struct pamt_entry *node);
/** pamt_pair_used(), pamt_pair_unused() - a 4 KiB page of the region came into use; left it: the hint, or 0 */
void pamt_pair_used(u64 hpa);
u64 pamt_pair_unused(u64 hpa);
/** pamt_release_pairs() - every pair of the TDMR is the host's again: the module is gone */
void pamt_release_pairs(const struct module_tdmr *tdmr);

/** pamt_bits_any() - is any of @pages 4 KiB pages from @hpa reserved or PAMT? pamt_bit_init() - for TDH.SYS.TDMR.INIT */
bool pamt_bits_any(u64 hpa, u64 pages);
void pamt_bit_init(const struct module_tdmr *tdmr, u64 hpa, bool value);

#endif
