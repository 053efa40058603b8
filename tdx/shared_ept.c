/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared EPT: ordinary EPT tables that the CPU walks for GPAs with the SHARED bit (which takes part in the index). An
 * entry is one of four kinds: empty (only "suppress #VE": the access exits to the host), MMIO (all zero: the CPU raises
 * #VE in the TD), memory (4 KiB or 2 MiB), or a table; any of the first three may stand at every level, and is
 * inherited by all entries of a table that takes its place.
 *
 * Tables that were replaced are still walked by cores that run the TD: they are kept aside until an INVEPT on all
 * cores, as is the return to a caller who took rights away. INVEPT needs IPIs, so it happens after the lock was
 * released.
 *
 * Host pages, memory type WB, no execution: a TD cannot fetch from shared memory. Tasks with interrupts on.
 * Manual: SDM, "The Extended Page Table Mechanism (EPT)"; TDX Module Base, "Shared EPT".
 */
#include "tdx/shared_ept.h"

#include "arch/x86/vmx.h"
#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/sept.h"
#include "kernel/cpu_call.h"
#include "kernel/page.h"
#include "tdx/tdmr.h"

#define ENTRY_EMPTY EPT_SUPPRESS_VE
#define ENTRY_MMIO 0ull
#define TABLE_RIGHTS (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define PAGE_FLAGS (EPT_MEMTYPE_WB << EPT_MEMTYPE_SHIFT | EPT_IGNORE_PAT | EPT_SUPPRESS_VE)

enum { RETIRED_AT_ONCE = 32 };	/* replaced tables kept aside between two INVEPTs */

/* One change of a tree. */
struct change {
	struct shared_ept *ept;
	u64 gpa;	/* with the SHARED bit */
	u64 end;
	u64 entry;	/* what the range becomes: ENTRY_EMPTY, ENTRY_MMIO, or a memory entry of @level */
	enum tdx_level level;	/* largest entry to write */
	bool took_rights;	/* a memory entry was replaced */
	u32 retired_count;
	struct {
		u64 entry;	/* the table entry that was replaced */
		enum tdx_level level;	/* of that entry */
	} retired[RETIRED_AT_ONCE];
};

static enum tdx_level root_level(const struct shared_ept *ept)
{
	return ept->shared_bit == TDX_SHARED_BIT_GPAW52 ? TDX_LEVEL_256T : TDX_LEVEL_512G;
}

static bool is_present(u64 entry)
{
	return entry & (EPT_READ | EPT_WRITE | EPT_EXECUTE);
}

static bool is_table(u64 entry, enum tdx_level level)
{
	return level > TDX_LEVEL_4K && is_present(entry) && !(entry & EPT_LEAF);
}

static u64 *table_of(u64 entry)
{
	return hpa_to_hva(HPA(entry & EPT_ADDRESS_MASK));
}

static u64 *entry_in(u64 *table, u64 gpa, enum tdx_level level)
{
	return &table[gpa >> (PAGE_SHIFT + 9 * level) & (EPT_ENTRIES - 1)];
}

/* The CPU may walk the table meanwhile: an entry changes in one store. */
static void set_entry(u64 *entry, u64 value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static void fill(u64 *table, u64 first, u64 step)
{
	for (u32 i = 0; i < EPT_ENTRIES; i++)
		table[i] = first + i * step;
}

int shared_ept_create(struct shared_ept *ept, u64 shared_bit)
{
	u64 *root = page_zalloc(1, PAGE_SHARED_EPT);

	if (!root)
		return -ENOMEM;
	fill(root, ENTRY_EMPTY, 0);
	*ept = (struct shared_ept){ .root = hva_to_hpa(root), .shared_bit = shared_bit, .table_pages = 1 };
	return 0;
}

/* Free a table and everything below; returns the number of pages. @level: of the entry that led to it. */
static u64 free_tables(u64 *table, enum tdx_level level)
{
	u64 pages = 1;

	for (u32 i = 0; level > TDX_LEVEL_2M && i < EPT_ENTRIES; i++)
		if (is_table(table[i], level - 1))
			pages += free_tables(table_of(table[i]), level - 1);
	page_zfree(table, 1, PAGE_SHARED_EPT);
	return pages;
}

void shared_ept_destroy(struct shared_ept *ept)
{
	if (ept->table_pages)
		free_tables(hpa_to_hva(ept->root), root_level(ept) + 1);
	ept->table_pages = 0;
}

/* ---- changes ---- */

/* A table in the place of @entry whose entries all say what @entry said; -ENOMEM. Lock held. */
static int split(struct shared_ept *ept, u64 *entry, enum tdx_level level)
{
	u64 *table = page_zalloc(1, PAGE_SHARED_EPT);

	if (!table)
		return -ENOMEM;
	if (is_present(*entry))
		fill(table, level == TDX_LEVEL_2M ? *entry & ~EPT_LEAF : *entry, level_bytes(level - 1));
	else
		fill(table, *entry, 0);
	set_entry(entry, hva_to_hpa(table).raw | TABLE_RIGHTS);
	ept->table_pages++;
	return 0;
}

/* Put the change's value into one entry of @level. */
static void replace(struct change *change, u64 *entry, enum tdx_level level)
{
	u64 old = *entry;

	if (old == change->entry)
		return;
	set_entry(entry, change->entry);
	if (is_table(old, level)) {
		change->retired[change->retired_count].entry = old;
		change->retired[change->retired_count++].level = level;
		change->took_rights = true;
	} else if (is_present(old)) {
		change->took_rights = true;
	}
}

/* Is an entry of @level the right place for the part of the change that begins at its GPA? */
static bool fits(const struct change *change, enum tdx_level level)
{
	return level <= change->level && IS_ALIGNED(change->gpa, level_bytes(level)) &&
	       change->end - change->gpa >= level_bytes(level);
}

/* Write the next entry of the change and move on. Lock held. */
static int write_next(struct change *change)
{
	u64 *table = hpa_to_hva(change->ept->root);

	for (enum tdx_level level = root_level(change->ept);; level--) {
		u64 *entry = entry_in(table, change->gpa, level);
		u64 next = ALIGN_DOWN(change->gpa, level_bytes(level)) + level_bytes(level);

		if (fits(change, level)) {
			replace(change, entry, level);
			change->gpa = next;
			return 0;
		}
		if (*entry == change->entry && !is_present(*entry)) {
			change->gpa = MIN(next, change->end);	/* the whole block says so already */
			return 0;
		}
		if (!is_table(*entry, level)) {
			int result = split(change->ept, entry, level);

			if (result)
				return result;
		}
		table = table_of(*entry);
	}
}

static int invept_here(void *arg)
{
	(void)arg;
	invept_all();
	return 0;
}

/* No core uses a replaced entry or table any more when this returns. */
static void flush(struct change *change)
{
	u64 freed = 0;

	if (!change->took_rights)
		return;
	if (cpu_call_all(invept_here, NULL, NULL))
		return;	/* tables stay allocated rather than being reused under a walking CPU */
	for (u32 i = 0; i < change->retired_count; i++)
		freed += free_tables(table_of(change->retired[i].entry), change->retired[i].level);
	change->retired_count = 0;
	change->took_rights = false;
	spin_lock(&change->ept->lock);
	change->ept->table_pages -= freed;
	spin_unlock(&change->ept->lock);
}

static int apply(struct change *change)
{
	int result = 0;

	while (change->gpa < change->end && !result) {
		spin_lock(&change->ept->lock);
		while (change->gpa < change->end && change->retired_count < RETIRED_AT_ONCE && !result)
			result = write_next(change);
		spin_unlock(&change->ept->lock);
		flush(change);
	}
	return result;
}

static bool is_valid(const struct shared_ept *ept, gpa_t gpa, u64 bytes)
{
	return bytes && IS_ALIGNED(gpa.raw | bytes, PAGE_SIZE) && gpa.raw < ept->shared_bit &&
	       bytes <= ept->shared_bit - gpa.raw;
}

int shared_ept_map(struct shared_ept *ept, gpa_t gpa, hpa_t hpa, enum tdx_level level, enum shared_access access)
{
	struct change change = {
		.ept = ept,
		.gpa = gpa.raw | ept->shared_bit,
		.end = (gpa.raw | ept->shared_bit) + level_bytes(level),
		.entry = hpa.raw | PAGE_FLAGS | EPT_READ | (access == SHARED_READ_WRITE ? EPT_WRITE : 0) |
			 (level == TDX_LEVEL_2M ? EPT_LEAF : 0),
		.level = level,
	};

	if (level > TDX_LEVEL_2M || !IS_ALIGNED(gpa.raw | hpa.raw, level_bytes(level)) ||
	    !is_valid(ept, gpa, level_bytes(level)))
		return -EINVAL;
	return apply(&change);
}

static int set_range(struct shared_ept *ept, gpa_t gpa, u64 bytes, u64 entry)
{
	struct change change = {
		.ept = ept,
		.gpa = gpa.raw | ept->shared_bit,
		.end = (gpa.raw | ept->shared_bit) + bytes,
		.entry = entry,
		.level = TDX_LEVEL_512G,
	};

	return is_valid(ept, gpa, bytes) ? apply(&change) : -EINVAL;
}

int shared_ept_unmap(struct shared_ept *ept, gpa_t gpa, u64 bytes)
{
	return set_range(ept, gpa, bytes, ENTRY_EMPTY);
}

int shared_ept_set_mmio(struct shared_ept *ept, gpa_t gpa, u64 bytes)
{
	return set_range(ept, gpa, bytes, ENTRY_MMIO);
}

bool shared_ept_lookup(struct shared_ept *ept, gpa_t gpa, hpa_t *hpa)
{
	u64 at = gpa.raw | ept->shared_bit;
	bool found = false;
	u64 *table;

	if (gpa.raw >= ept->shared_bit)
		return false;
	spin_lock(&ept->lock);
	table = hpa_to_hva(ept->root);
	for (enum tdx_level level = root_level(ept);; level--) {
		u64 entry = *entry_in(table, at, level);

		if (is_table(entry, level)) {
			table = table_of(entry);
			continue;
		}
		if (is_present(entry)) {
			*hpa = HPA(ALIGN_DOWN(entry & EPT_ADDRESS_MASK, level_bytes(level)) +
				   (at & (level_bytes(level) - 1)));
			found = true;
		}
		break;
	}
	spin_unlock(&ept->lock);
	return found;
}
