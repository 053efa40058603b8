/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PAMT: three arrays per TDMR (1 GiB, 2 MiB, 4 KiB entries) in the memory the host donated. With dynamic PAMT the third
 * is a bitmap, and the 4 KiB entries of a region are where pamt_dynamic.c has them.
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
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/verdict.h"

/* NULL: a 4 KiB page in a region without a page pair. */
static struct pamt_entry *entry_in(const struct module_tdmr *tdmr, u64 hpa, enum tdx_level level)
{
	u64 table = level == TDX_LEVEL_1G ? tdmr->pamt_1g : level == TDX_LEVEL_2M ? tdmr->pamt_2m : tdmr->pamt_4k;
	struct pamt_entry *entries = phys(table);

	if (module.dynamic_pamt && level == TDX_LEVEL_4K)
		return pamt_pair_entry(entry_in(tdmr, hpa, TDX_LEVEL_2M), hpa);
	return &entries[(hpa - tdmr->base) / level_bytes(level)];
}

const struct module_tdmr *pamt_tdmr_of(u64 hpa)
{
	for (u32 i = 0; i < module.tdmr_count; i++) {
		const struct module_tdmr *tdmr = &module.tdmrs[i];
		u64 next = __atomic_load_n(&tdmr->next_to_init, __ATOMIC_ACQUIRE);

		if (hpa >= tdmr->base && hpa < ALIGN_DOWN(next, (u64)PAGE_SIZE_1G))
			return tdmr;
	}
	return NULL;
}

struct pamt_entry *pamt_find_entry(u64 hpa, enum tdx_level level)
{
	const struct module_tdmr *tdmr = pamt_tdmr_of(hpa);

	return tdmr != NULL ? entry_in(tdmr, hpa, level) : NULL;
}

struct pamt_entry *pamt_entry_at(u64 hpa, enum tdx_level level)
{
	struct pamt_entry *entry = pamt_find_entry(hpa, level);

	if (entry == NULL)
		verdict_stop("page 0x%lx is in use but has no PAMT entry", hpa);
	return entry;
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

/* Are there smaller entries below this one? */
static bool is_node(const struct pamt_entry *entry, enum tdx_level level)
{
	if (level == TDX_LEVEL_2M && module.dynamic_pamt)
		return entry->type == PT_PAMT;
	return entry->type != PT_REG;
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
		if (!smallest && level != lowest && is_node(entry, level)) {
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

/* Is the page, which its own entry calls free, used in no other way? */
static bool nothing_inside(u64 hpa, enum tdx_level level)
{
	if (module.dynamic_pamt)
		return !pamt_bits_any(hpa, level_pages(level));
	return level == TDX_LEVEL_4K || all_small_free(hpa);
}

/* The three first checks of a page operand: form, coverage, locks. */
static u64 take(u64 hpa, u32 operand, enum tdx_level lowest, u64 align, enum lock_mode mode, struct pamt_ref *ref)
{
	const struct module_tdmr *tdmr;

	*ref = (struct pamt_ref){ 0 };
	if (!hpa_is_plain(hpa, align))
		return TDX_OPERAND_INVALID | operand;
	tdmr = pamt_tdmr_of(hpa);
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
	if (status != TDX_SUCCESS)
		return status;
	if (ref->level == level && ref->entry->type == type && (type != PT_NDA || nothing_inside(hpa, level)))
		return TDX_SUCCESS;
	status = TDX_PAGE_METADATA_INCORRECT;
	if (module.dynamic_pamt && level == TDX_LEVEL_4K && ref->level == TDX_LEVEL_2M && type == PT_NDA &&
	    ref->entry->type == PT_NDA)
		status = TDX_MISSING_PAMT_PAGE_PAIR;
	pamt_drop(ref);
	return status | operand;
}

u64 pamt_take_any(u64 hpa, u32 operand, enum tdx_level lowest, enum lock_mode mode, struct pamt_ref *ref)
{
	return take(hpa, operand, lowest, level_bytes(lowest), mode, ref);
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

void pamt_split(u64 hpa, enum tdx_level level, u64 owner_tdr, const struct pamt_pair *pair)
{
	struct pamt_entry *large = pamt_entry_at(hpa, level);
	u64 step = level_bytes(level - 1);

	pamt_set(large, PT_NDA, 0);
	if (level == TDX_LEVEL_2M && module.dynamic_pamt)
		pamt_pair_install(large, pair, PAMT_PAIR_FULL);
	for (u64 i = 0; i < level_pages(TDX_LEVEL_2M); i++)
		pamt_set(pamt_entry_at(hpa + i * step, level - 1), PT_REG, owner_tdr);
}

void pamt_join(u64 hpa, enum tdx_level level, u64 owner_tdr, struct pamt_pair *pair)
{
	struct pamt_entry *large = pamt_entry_at(hpa, level);
	u64 step = level_bytes(level - 1);

	for (u64 i = 0; i < level_pages(TDX_LEVEL_2M); i++)
		pamt_set(pamt_entry_at(hpa + i * step, level - 1), PT_NDA, 0);
	if (level == TDX_LEVEL_2M && module.dynamic_pamt)
		*pair = pamt_pair_uninstall(large);
	pamt_set(large, PT_REG, owner_tdr);
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
	for (u64 hpa = from; module.dynamic_pamt && hpa < from + bytes; hpa += PAGE_SIZE)
		pamt_bit_init(tdmr, hpa, is_reserved(tdmr, hpa - tdmr->base, PAGE_SIZE));
	for (enum tdx_level level = module.dynamic_pamt ? TDX_LEVEL_2M : TDX_LEVEL_4K; level <= TDX_LEVEL_1G; level++) {
		u64 size = level_bytes(level);

		/* A large entry is written by the piece that ends with its last small page. */
		for (u64 hpa = ALIGN_DOWN(from, size); hpa + size <= from + bytes; hpa += size) {
			struct pamt_entry *entry = entry_in(tdmr, hpa, level);
			bool reserved = !module.dynamic_pamt && is_reserved(tdmr, hpa - tdmr->base, size);

			entry->lock = 0;
			pamt_set(entry, reserved ? PT_RSVD : PT_NDA, 0);
		}
	}
}
