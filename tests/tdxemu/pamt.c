/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PAMT: three arrays per TDMR (1 GiB, 2 MiB, 4 KiB entries) in the memory the host donated.
 *
 * A walk locks the 1G entry shared, then the 2M entry shared, then the 4K entry as asked; it ends early at an entry
 * that is a large page of a TD, or at the size the caller wants. Only operands that the host names in a register take
 * the parents; pages found in other ways (owner TDR, page behind a Secure EPT entry) lock just their own entry. A
 * large leaf that must be exclusive is promoted from shared, which fails if anybody else is in that range.
 * Any core. Manual: TDX Module Base, "Physical Address Metadata Tables"; tdx-host-system.md 8, tdx-host-td.md 2.2.
 */
#include "tests/tdxemu/pamt.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/verdict.h"

static struct pamt_entry *entry_in(const struct module_tdmr *tdmr, u64 hpa, enum tdx_level level)
{
	u64 table = level == TDX_LEVEL_1G ? tdmr->pamt_1g : level == TDX_LEVEL_2M ? tdmr->pamt_2m : tdmr->pamt_4k;
	struct pamt_entry *entries = phys(table);

	return &entries[(hpa - tdmr->base) / level_bytes(level)];
}

/* The TDMR whose initialised part holds @hpa; only whole gigabytes count as initialised. */
static const struct module_tdmr *tdmr_of(u64 hpa)
{
	for (u32 i = 0; i < module.tdmr_count; i++) {
		const struct module_tdmr *tdmr = &module.tdmrs[i];
		u64 next = __atomic_load_n(&tdmr->next_to_init, __ATOMIC_ACQUIRE);

		if (hpa >= tdmr->base && hpa < ALIGN_DOWN(next, (u64)PAGE_SIZE_1G))
			return tdmr;
	}
	return NULL;
}

struct pamt_entry *pamt_entry_at(u64 hpa, enum tdx_level level)
{
	const struct module_tdmr *tdmr = tdmr_of(hpa);

	if (tdmr == NULL)
		verdict_stop("page 0x%lx is in use but in no TDMR", hpa);
	return entry_in(tdmr, hpa, level);
}

u64 pamt_owner(const struct pamt_entry *entry)
{
	u64 pfn = 0;

	for (u32 i = 0; i < sizeof(entry->owner_pfn); i++)
		pfn |= (u64)entry->owner_pfn[i] << (8 * i);
	return pfn << PAGE_SHIFT;
}

void pamt_set(struct pamt_entry *entry, enum pamt_page_type type, u64 owner_tdr)
{
	for (u32 i = 0; i < sizeof(entry->owner_pfn); i++)
		entry->owner_pfn[i] = (u8)(owner_tdr >> (PAGE_SHIFT + 8 * i));
	entry->bepoch = 0;
	__atomic_store_n(&entry->type, (u8)type, __ATOMIC_RELEASE);
}

/* A shared holder of @lock becomes its exclusive holder; false: somebody else holds it shared as well. */
static bool promote_lock(u16 *lock)
{
	u16 alone = SHAREX_READER;

	return __atomic_compare_exchange_n(lock, &alone, SHAREX_EXCLUSIVE, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void drop_parents(struct pamt_ref *ref)
{
	for (u32 i = 0; i < ARRAY_SIZE(ref->parents); i++) {
		if (ref->parents[i] != NULL)
			sharex_release(&ref->parents[i]->lock, LOCK_SHARED);
		ref->parents[i] = NULL;
	}
}

/* Walk to the leaf, or to @lowest if that comes first. False: a lock on the way is held; nothing is kept. */
static bool walk(const struct module_tdmr *tdmr, u64 hpa, enum tdx_level lowest, enum lock_mode mode,
		 struct pamt_ref *ref)
{
	u32 parents = 0;

	*ref = (struct pamt_ref){ .hpa = hpa, .mode = mode };
	for (enum tdx_level level = TDX_LEVEL_1G;; level--) {
		struct pamt_entry *entry = entry_in(tdmr, hpa, level);
		bool smallest = level == TDX_LEVEL_4K;

		if (!sharex_try(&entry->lock, smallest ? mode : LOCK_SHARED))
			break;
		if (!smallest && level != lowest && entry->type != PT_REG) {
			ref->parents[parents++] = entry;
			continue;
		}
		if (!smallest && mode == LOCK_EXCLUSIVE && !promote_lock(&entry->lock)) {
			sharex_release(&entry->lock, LOCK_SHARED);
			break;
		}
		ref->entry = entry;
		ref->level = level;
		return true;
	}
	drop_parents(ref);
	return false;
}

static bool all_small_free(u64 hpa)
{
	const struct pamt_entry *entry = pamt_entry_at(hpa, TDX_LEVEL_4K);

	for (u64 i = 0; i < level_pages(TDX_LEVEL_2M); i++)
		if (entry[i].type != PT_NDA)
			return false;
	return true;
}

/* The three first checks of a page operand: form, coverage, locks. */
static u64 take(u64 hpa, u32 operand, enum tdx_level lowest, u64 align, enum lock_mode mode, struct pamt_ref *ref)
{
	const struct module_tdmr *tdmr;

	*ref = (struct pamt_ref){ 0 };
	if (!hpa_is_plain(hpa, align))
		return TDX_OPERAND_INVALID | operand;
	tdmr = tdmr_of(hpa);
	if (tdmr == NULL)
		return TDX_OPERAND_ADDR_RANGE_ERROR | operand;
	if (!walk(tdmr, hpa, lowest, mode, ref))
		return TDX_OPERAND_BUSY | operand;
	return TDX_SUCCESS;
}

u64 pamt_take(u64 hpa, u32 operand, enum tdx_level level, enum pamt_page_type type, enum lock_mode mode,
	      struct pamt_ref *ref)
{
	u64 status = take(hpa, operand, level, level_bytes(level), mode, ref);
	bool fits;

	if (status != TDX_SUCCESS)
		return status;
	fits = ref->level == level && ref->entry->type == type;
	if (fits && level == TDX_LEVEL_2M && type == PT_NDA)
		fits = all_small_free(hpa);
	if (fits)
		return TDX_SUCCESS;
	pamt_drop(ref);
	return TDX_PAGE_METADATA_INCORRECT | operand;
}

u64 pamt_take_any(u64 hpa, u32 operand, enum lock_mode mode, struct pamt_ref *ref)
{
	return take(hpa, operand, TDX_LEVEL_4K, PAGE_SIZE, mode, ref);
}

u64 pamt_take_implicit(u64 hpa, enum tdx_level level, u64 busy_status, enum lock_mode mode, struct pamt_ref *ref)
{
	struct pamt_entry *entry = pamt_entry_at(hpa, level);

	*ref = (struct pamt_ref){ 0 };
	if (!sharex_try(&entry->lock, mode))
		return busy_status;
	*ref = (struct pamt_ref){ .entry = entry, .level = level, .mode = mode, .hpa = hpa };
	return TDX_SUCCESS;
}

void pamt_drop(struct pamt_ref *ref)
{
	if (ref->entry != NULL)
		sharex_release(&ref->entry->lock, ref->mode);
	ref->entry = NULL;
	drop_parents(ref);
}

void pamt_split(u64 hpa, enum tdx_level level, u64 owner_tdr)
{
	struct pamt_entry *small = pamt_entry_at(hpa, level - 1);

	for (u64 i = 0; i < level_pages(TDX_LEVEL_2M); i++)
		pamt_set(&small[i], PT_REG, owner_tdr);
	pamt_set(pamt_entry_at(hpa, level), PT_NDA, 0);
}

void pamt_join(u64 hpa, enum tdx_level level, u64 owner_tdr)
{
	struct pamt_entry *small = pamt_entry_at(hpa, level - 1);

	for (u64 i = 0; i < level_pages(TDX_LEVEL_2M); i++)
		pamt_set(&small[i], PT_NDA, 0);
	pamt_set(pamt_entry_at(hpa, level), PT_REG, owner_tdr);
}

/* Is [offset, offset + bytes) of the TDMR entirely inside one reserved area, or inside several that touch? */
static bool is_reserved(const struct module_tdmr *tdmr, u64 offset, u64 bytes)
{
	u64 end = offset + bytes;

	for (u32 i = 0; i < tdmr->reserved_count && offset < end; i++) {
		const struct tdx_reserved_area *area = &tdmr->reserved[i];

		if (offset >= area->offset_bytes && offset - area->offset_bytes < area->bytes)
			offset = area->offset_bytes + area->bytes;
	}
	return offset >= end;
}

void pamt_init_range(struct module_tdmr *tdmr, u64 from, u64 bytes)
{
	for (enum tdx_level level = TDX_LEVEL_4K; level <= TDX_LEVEL_1G; level++) {
		u64 size = level_bytes(level);

		/* A large entry is written by the piece that ends with its last small page. */
		for (u64 hpa = ALIGN_DOWN(from, size); hpa + size <= from + bytes; hpa += size) {
			struct pamt_entry *entry = entry_in(tdmr, hpa, level);

			entry->lock = 0;
			pamt_set(entry, is_reserved(tdmr, hpa - tdmr->base, size) ? PT_RSVD : PT_NDA, 0);
		}
	}
}
