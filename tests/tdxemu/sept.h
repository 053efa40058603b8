/* SPDX-License-Identifier: BSD-2-Clause */
/* Secure EPT: entries in the pages the host donated, used by the CPU as they are. */
#ifndef TDXEMU_SEPT_H
#define TDXEMU_SEPT_H

#include "include/cella/types.h"
#include "include/spec/tdx/sept.h"
#include "tests/tdxemu/td.h"

/* Where a walk ended. */
struct sept_walk {
	u64 *entry;	/* the entry at @level */
	enum tdx_level level;
	bool reached;	/* level is the one that was asked for */
};

/** sept_find() - walk to the entry of @gpa at @level; stops at the first entry that is not NL_MAPPED */
struct sept_walk sept_find(struct tdr *tdr, u64 gpa, enum tdx_level level);
/** sept_leaf() - walk to the leaf that translates @gpa, whatever its size */
struct sept_walk sept_leaf(struct tdr *tdr, u64 gpa);
enum sept_state sept_entry_state(u64 entry);
bool sept_entry_is_leaf(u64 entry);
/** sept_entry_make() - a leaf or table entry in @state for the page at @hpa; sept_entry_hpa() - and back */
u64 sept_entry_make(enum sept_state state, u64 hpa);
u64 sept_entry_hpa(u64 entry, enum tdx_level level);
/** sept_entry_read() - one load, without the lock bit; sept_entry_write() - by the holder of the lock, which stays held */
u64 sept_entry_read(const u64 *entry);
void sept_entry_write(u64 *entry, u64 value);
/** sept_root_level() - level of the root page's entries; sept_fill_free() - make a new table page */
enum tdx_level sept_root_level(const struct tdcs *tdcs);
void sept_fill_free(u64 table);
/** sept_info() - RCX and RDX of "entry info" (tdx-host-td.md 7.5) */
void sept_info(const struct sept_walk *walk, u64 *rcx, u64 *rdx);
/** sept_entry_lock() - TDEL, the per-entry lock; false: held */
bool sept_entry_lock(u64 *entry);
void sept_entry_unlock(u64 *entry);
/** sept_translate() - host address of a MAPPED private GPA, or 0 */
u64 sept_translate(struct tdr *tdr, u64 gpa);
/** sept_is_tracked() - 7.6: may the blocked page with this BEPOCH be removed? */
bool sept_is_tracked(const struct tdcs *tdcs, u64 bepoch);

#endif
