/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure EPT. The entries lie in the pages the host donated and have the module's own format, which the CPU reads as
 * EPT entries: the state bits are ones the CPU ignores, or the entry has R = W = X = 0.
 *
 * State of an entry: bits 7:6, 56:53 and 9 together (7.3 lists the combinations). Whoever changes an entry holds its
 * lock, bit 11; readers take the entry in one load. Locks and the tree lock are the callers'.
 * Any core. Manual: TDX Module Base, "Secure EPT"; tdx-host-td.md 7.
 */
#include "tests/tdxemu/sept.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"

#define TABLE_INDEX_MASK (EPT_ENTRIES - 1ull)
#define ENTRY_RIGHTS (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define ENTRY_MEMTYPE (EPT_MEMTYPE_WB << EPT_MEMTYPE_SHIFT)
#define ENTRY_STATE_MASK (SEPT_ENTRY_STATE_LOW | SEPT_ENTRY_STATE_HIGH | SEPT_ENTRY_STATE_DIRTY)

/* clang-format off */
static const struct sept_coding {
	enum sept_state state;
	u64 bits;	/* those of ENTRY_STATE_MASK */
	u64 rest;	/* rights and memory type */
} codings[] = {
	{ SEPT_FREE, SEPT_ENTRY_TDEX | SEPT_ENTRY_TDBW | SEPT_ENTRY_TDB, 0 },
	{ SEPT_NL_MAPPED, 0, ENTRY_RIGHTS },
	{ SEPT_NL_BLOCKED, SEPT_ENTRY_TDB, 0 },
	{ SEPT_MAPPED, SEPT_ENTRY_STATE_LOW, ENTRY_RIGHTS | ENTRY_MEMTYPE },
	{ SEPT_BLOCKED, SEPT_ENTRY_STATE_LOW | SEPT_ENTRY_TDB, ENTRY_MEMTYPE },
	{ SEPT_PENDING, SEPT_ENTRY_STATE_LOW | SEPT_ENTRY_TDP, ENTRY_MEMTYPE },
	{ SEPT_PENDING_BLOCKED, SEPT_ENTRY_STATE_LOW | SEPT_ENTRY_TDP | SEPT_ENTRY_TDB, ENTRY_MEMTYPE },
};
/* clang-format on */

enum sept_state sept_entry_state(u64 entry)
{
	for (u32 i = 0; i < ARRAY_SIZE(codings); i++)
		if ((entry & ENTRY_STATE_MASK) == codings[i].bits)
			return codings[i].state;
	return SEPT_REMOVED;	/* no leaf of ours writes any other combination */
}

u64 sept_entry_make(enum sept_state state, u64 hpa)
{
	for (u32 i = 0; i < ARRAY_SIZE(codings); i++)
		if (codings[i].state == state)
			return SEPT_ENTRY_SUPPRESS_VE | codings[i].bits | codings[i].rest | hpa;
	return SEPT_ENTRY_FREE;
}

u64 sept_entry_hpa(u64 entry, enum tdx_level level)
{
	u64 hpa = entry & EPT_ADDRESS_MASK;

	/* A 2M page that is being accepted keeps the progress in the low bits of its address. */
	return sept_entry_is_leaf(entry) ? ALIGN_DOWN(hpa, level_bytes(level)) : hpa;
}

bool sept_entry_is_leaf(u64 entry)
{
	return (entry & SEPT_ENTRY_LEAF) != 0;
}

u64 sept_entry_read(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE) & ~SEPT_ENTRY_LOCK;
}

void sept_entry_write(u64 *entry, u64 value)
{
	__atomic_store_n(entry, value | SEPT_ENTRY_LOCK, __ATOMIC_RELEASE);
}

bool sept_entry_lock(u64 *entry)
{
	return (__atomic_fetch_or(entry, SEPT_ENTRY_LOCK, __ATOMIC_ACQUIRE) & SEPT_ENTRY_LOCK) == 0;
}

void sept_entry_unlock(u64 *entry)
{
	__atomic_fetch_and(entry, ~SEPT_ENTRY_LOCK, __ATOMIC_RELEASE);
}

enum tdx_level sept_root_level(const struct tdcs *tdcs)
{
	return (enum tdx_level)((tdcs->eptp_controls >> TD_EPTP_WALK_SHIFT) & SEPT_LEVEL_MASK);
}

static u64 *entry_in(u64 table, u64 gpa, enum tdx_level level)
{
	u64 *entries = phys(table);

	return &entries[(gpa >> (PAGE_SHIFT + LEVEL_SHIFT * level)) & TABLE_INDEX_MASK];
}

struct sept_walk sept_find(struct tdr *tdr, u64 gpa, enum tdx_level level)
{
	enum tdx_level at = sept_root_level(tdcs_of(tdr));
	u64 *entry = entry_in(tdcs_page(tdr, TDCS_PAGE_SEPT_ROOT), gpa, at);

	while (at > level) {
		u64 value = sept_entry_read(entry);

		if (sept_entry_state(value) != SEPT_NL_MAPPED)
			break;
		at--;
		entry = entry_in(sept_entry_hpa(value, at), gpa, at);
	}
	return (struct sept_walk){ .entry = entry, .level = at, .reached = at == level };
}

struct sept_walk sept_leaf(struct tdr *tdr, u64 gpa)
{
	struct sept_walk walk = sept_find(tdr, gpa, TDX_LEVEL_4K);

	walk.reached = sept_entry_is_leaf(sept_entry_read(walk.entry));
	return walk;
}

void sept_info(const struct sept_walk *walk, u64 *rcx, u64 *rdx)
{
	u64 entry = sept_entry_read(walk->entry);
	enum sept_state state = sept_entry_state(entry);
	u64 visible = ENTRY_RIGHTS | SEPT_ENTRY_LEAF;

	if (sept_entry_is_leaf(entry))
		visible |= (7ull << EPT_MEMTYPE_SHIFT) | EPT_IGNORE_PAT | EPT_ADDRESS_MASK | SEPT_ENTRY_SUPPRESS_VE;
	*rcx = state == SEPT_FREE ? SEPT_ENTRY_SUPPRESS_VE : entry & visible;
	*rdx = (u64)walk->level | (u64)state << SEPT_INFO_STATE_SHIFT;
}

u64 sept_translate(struct tdr *tdr, u64 gpa)
{
	struct sept_walk walk = sept_leaf(tdr, gpa);
	u64 entry = sept_entry_read(walk.entry);

	if (sept_entry_state(entry) != SEPT_MAPPED)
		return 0;
	return sept_entry_hpa(entry, walk.level) | (gpa & (level_bytes(walk.level) - 1));
}

void sept_fill_free(u64 table)
{
	u64 *entries = phys(table);

	for (u32 i = 0; i < EPT_ENTRIES; i++)
		entries[i] = SEPT_ENTRY_FREE;
}

bool sept_is_tracked(const struct tdcs *tdcs, u64 bepoch)
{
	u64 epoch = __atomic_load_n(&tdcs->td_epoch, __ATOMIC_ACQUIRE);

	if (bepoch >= epoch)
		return false;
	return bepoch != epoch - 1 || __atomic_load_n(&tdcs->refcount[bepoch & 1], __ATOMIC_ACQUIRE) == 0;
}
