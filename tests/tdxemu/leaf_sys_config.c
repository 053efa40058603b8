/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.SYS.CONFIG: the TDMR list, the global KeyID, and whether PAMT is dynamic.
 *
 * Every entry is checked against the rules of tdx-host-system.md 7.3 in that order, and against the entries before it
 * in both directions, so the order of entries does not matter for where PAMTs lie. Nothing is kept unless all entries
 * pass. A new module that is configured instead of updated does not know the old one's TDs: their pages, and the old
 * PAMT, are the host's again, and no handoff data is left. The global lock is held exclusive.
 * Manual: TDX Module ABI, "TDH.SYS.CONFIG Leaf"; "TDMR_INFO".
 */
#include "tests/tdxemu/seamcall.h"

#include "include/spec/tdx/metadata.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/refusal.h"

#define DETAIL_LEVEL_SHIFT 8	/* status details: TDMR, then PAMT level or area, then other TDMR */
#define DETAIL_OTHER_SHIFT 16
#define PAMT_LEVELS 3

#define OPTION_HKID_MASK 0xffffull	/* R8 */
#define OPTION_DYNAMIC_PAMT BIT(16)

struct range {
	u64 base, bytes;
};

/* Working copies of the entries under check, and which PAMT they are for; the global lock's holder owns them. */
static struct tdx_tdmr_info candidates[MODULE_MAX_TDMRS];
static bool dynamic_wanted;

static bool adds_up(u64 base, u64 bytes)
{
	return base + bytes >= base;
}

static bool overlap(struct range a, struct range b)
{
	return a.bytes != 0 && b.bytes != 0 && a.base < b.base + b.bytes && b.base < a.base + a.bytes;
}

static bool in_address_space(u64 base, u64 bytes)
{
	return hpa_is_plain(base, 1) && hpa_is_plain(base + bytes - 1, 1);
}

static struct range pamt_of(const struct tdx_tdmr_info *info, enum tdx_level level)
{
	if (level == TDX_LEVEL_1G)
		return (struct range){ info->pamt_1g_base, info->pamt_1g_bytes };
	if (level == TDX_LEVEL_2M)
		return (struct range){ info->pamt_2m_base, info->pamt_2m_bytes };
	return (struct range){ info->pamt_4k_base, info->pamt_4k_bytes };
}

static u64 check_base(u32 i)
{
	const struct tdx_tdmr_info *info = &candidates[i];

	if (!adds_up(info->base, info->bytes))
		return TDX_INVALID_TDMR | i;
	if (i > 0 && (info->base < candidates[i - 1].base ||
		      info->base < candidates[i - 1].base + candidates[i - 1].bytes))
		return TDX_NON_ORDERED_TDMR | i;
	if (!IS_ALIGNED(info->base, TDX_TDMR_ALIGN) || !IS_ALIGNED(info->bytes, TDX_TDMR_ALIGN) || info->bytes == 0)
		return TDX_INVALID_TDMR | i;
	if (!in_address_space(info->base, info->bytes))
		return TDX_INVALID_TDMR | i;
	return TDX_SUCCESS;
}

static u64 check_reserved(u32 i)
{
	const struct tdx_tdmr_info *info = &candidates[i];

	for (u32 j = 0; j < MODULE_MAX_RESERVED; j++) {
		const struct tdx_reserved_area *area = &info->reserved[j];
		u64 detail = i | (u64)j << DETAIL_LEVEL_SHIFT;

		if (area->bytes == 0) {
			if (j + 1 < MODULE_MAX_RESERVED && area[1].bytes != 0)
				return TDX_NON_ORDERED_RESERVED_IN_TDMR | detail;
			continue;
		}
		if (!adds_up(area->offset_bytes, area->bytes))
			return TDX_INVALID_RESERVED_IN_TDMR | detail;
		if (j > 0 && area->offset_bytes < area[-1].offset_bytes + area[-1].bytes)
			return TDX_NON_ORDERED_RESERVED_IN_TDMR | detail;
		if (!IS_ALIGNED(area->offset_bytes, PAGE_SIZE) || !IS_ALIGNED(area->bytes, PAGE_SIZE) ||
		    area->offset_bytes + area->bytes > info->bytes)
			return TDX_INVALID_RESERVED_IN_TDMR | detail;
	}
	return TDX_SUCCESS;
}

static u64 check_pamt_form(u32 i)
{
	for (u32 n = PAMT_LEVELS; n-- > 0;) {
		enum tdx_level level = (enum tdx_level)n;
		struct range pamt = pamt_of(&candidates[i], level);
		u64 pages = candidates[i].bytes / level_bytes(level);
		u64 needed = dynamic_wanted && level == TDX_LEVEL_4K ? pages * MODULE_PAMT_BITMAP_ENTRY_BITS / 8 :
								       pages * MODULE_PAMT_ENTRY_BYTES;

		if (!adds_up(pamt.base, pamt.bytes) || !IS_ALIGNED(pamt.base, PAGE_SIZE) ||
		    !IS_ALIGNED(pamt.bytes, PAGE_SIZE) || pamt.bytes < needed ||
		    !in_address_space(pamt.base, pamt.bytes))
			return TDX_INVALID_PAMT | i | (u64)level << DETAIL_LEVEL_SHIFT;
	}
	return TDX_SUCCESS;
}

static u64 pamt_overlap(u32 i, enum tdx_level level, u32 other)
{
	return TDX_PAMT_OVERLAP | i | (u64)level << DETAIL_LEVEL_SHIFT | (u64)other << DETAIL_OTHER_SHIFT;
}

static u64 check_pamts_apart(u32 i)
{
	const struct tdx_tdmr_info *own = &candidates[i];

	for (u32 j = 0; j < i; j++)
		for (enum tdx_level level = TDX_LEVEL_4K; level <= TDX_LEVEL_1G; level++)
			for (enum tdx_level other = TDX_LEVEL_4K; other <= TDX_LEVEL_1G; other++)
				if (overlap(pamt_of(own, level), pamt_of(&candidates[j], other)))
					return pamt_overlap(i, level, j);
	for (enum tdx_level level = TDX_LEVEL_4K; level < TDX_LEVEL_1G; level++)
		for (enum tdx_level other = level + 1; other <= TDX_LEVEL_1G; other++)
			if (overlap(pamt_of(own, level), pamt_of(own, other)))
				return pamt_overlap(i, level, i);
	return TDX_SUCCESS;
}

/* The next piece of the TDMR that is not reserved, from *offset on; advances *offset behind it. False: none left. */
static bool next_usable(const struct tdx_tdmr_info *info, u64 *offset, struct range *piece)
{
	u64 start = *offset;
	u64 end = info->bytes;

	for (u32 j = 0; j < MODULE_MAX_RESERVED && info->reserved[j].bytes != 0; j++) {
		const struct tdx_reserved_area *area = &info->reserved[j];

		if (area->offset_bytes + area->bytes <= start)
			continue;
		if (area->offset_bytes > start) {
			end = area->offset_bytes;
			break;
		}
		start = area->offset_bytes + area->bytes;
	}
	*piece = (struct range){ info->base + start, end - start };
	*offset = end;
	return start < end;
}

static bool touches_usable(struct range pamt, const struct tdx_tdmr_info *info)
{
	struct range piece;
	u64 offset = 0;

	while (next_usable(info, &offset, &piece))
		if (overlap(pamt, piece))
			return true;
	return false;
}

static u64 check_pamts_reserved(u32 i)
{
	for (u32 j = 0; j <= i; j++) {
		for (enum tdx_level level = TDX_LEVEL_4K; level <= TDX_LEVEL_1G; level++)
			if (touches_usable(pamt_of(&candidates[i], level), &candidates[j]))
				return pamt_overlap(i, level, j);
		for (enum tdx_level level = TDX_LEVEL_4K; j < i && level <= TDX_LEVEL_1G; level++)
			if (touches_usable(pamt_of(&candidates[j], level), &candidates[i]))
				return pamt_overlap(j, level, i);
	}
	return TDX_SUCCESS;
}

/* In one CMR, or in a run of CMRs that touch. */
static bool in_cmrs(struct range range)
{
	u64 end = range.base + range.bytes;
	u64 at = range.base;

	for (u32 i = 0; i < module.cmr_count && at < end; i++)
		if (at >= module.cmrs[i].base && at - module.cmrs[i].base < module.cmrs[i].bytes)
			at = module.cmrs[i].base + module.cmrs[i].bytes;
	return at >= end;
}

static u64 check_convertible(u32 i)
{
	struct range piece;
	u64 offset = 0;

	for (u32 n = PAMT_LEVELS; n-- > 0;)
		if (!in_cmrs(pamt_of(&candidates[i], (enum tdx_level)n)))
			return TDX_PAMT_OUTSIDE_CMRS | i | (u64)n << DETAIL_LEVEL_SHIFT;
	while (next_usable(&candidates[i], &offset, &piece))
		if (!in_cmrs(piece))
			return TDX_TDMR_OUTSIDE_CMRS | i;
	return TDX_SUCCESS;
}

static u64 check_entry(u32 i)
{
	static u64 (*const checks[])(u32) = { check_base, check_reserved, check_pamt_form, check_pamts_apart,
					      check_pamts_reserved, check_convertible };

	for (u32 n = 0; n < ARRAY_SIZE(checks); n++) {
		u64 status = checks[n](i);

		if (status != TDX_SUCCESS)
			return status;
	}
	return TDX_SUCCESS;
}

static void accept_entry(u32 i)
{
	const struct tdx_tdmr_info *info = &candidates[i];
	struct module_tdmr *tdmr = &module.tdmrs[i];

	*tdmr = (struct module_tdmr){
		.base = info->base,
		.bytes = info->bytes,
		.pamt_1g = info->pamt_1g_base,
		.pamt_2m = info->pamt_2m_base,
		.pamt_4k = info->pamt_4k_base,
		.pamt_1g_bytes = info->pamt_1g_bytes,
		.pamt_2m_bytes = info->pamt_2m_bytes,
		.pamt_4k_bytes = info->pamt_4k_bytes,
		.next_to_init = info->base,
	};
	for (u32 j = 0; j < MODULE_MAX_RESERVED && info->reserved[j].bytes != 0; j++)
		tdmr->reserved[tdmr->reserved_count++] = info->reserved[j];
	host_view_hide(tdmr->pamt_1g, tdmr->pamt_1g_bytes, HIDDEN_PAMT);
	host_view_hide(tdmr->pamt_2m, tdmr->pamt_2m_bytes, HIDDEN_PAMT);
	host_view_hide(tdmr->pamt_4k, tdmr->pamt_4k_bytes, HIDDEN_PAMT);
}

static u64 check_operands(const u64 gpr[GPR_COUNT], u32 version)
{
	u64 list = gpr[GPR_RCX], count = gpr[GPR_RDX], options = gpr[GPR_R8];
	u64 features = metadata_features();
	u64 known = OPTION_HKID_MASK | ((features & TDX_FEATURE_DYNAMIC_PAMT) != 0 ? OPTION_DYNAMIC_PAMT : 0);

	if (!hpa_is_shared(list, sizeof(u64), TDX_TDMR_PA_ARRAY_ALIGN))
		return INVALID(RCX);
	if (count > MODULE_MAX_TDMRS || count == 0)
		return INVALID(RDX);
	if (!hpa_is_shared(list, count * sizeof(u64), TDX_TDMR_PA_ARRAY_ALIGN))
		return INVALID(RCX);
	if ((options & ~known) != 0 || !hkid_is_private(options & OPTION_HKID_MASK))
		return INVALID(R8);
	/* Features to switch on are features there are. */
	if (version == 1 && (gpr[GPR_R9] & ~features) != 0)
		return INVALID(R9);
	if (version == 1 && gpr[GPR_R10] != 0)
		return INVALID(R10);
	if ((options & OPTION_DYNAMIC_PAMT) != 0 && PLATFORM_KEYID_SHIFT > MODULE_MAX_DYNAMIC_PAMT_KEYID_SHIFT)
		return INVALID(R8);
	return TDX_SUCCESS;
}

static u64 check_list(u64 list, u64 count)
{
	const u64 *entries = phys(hpa_without_hkid(list));

	for (u32 i = 0; i < count; i++) {
		u64 entry = __atomic_load_n(&entries[i], __ATOMIC_RELAXED);
		u64 status;

		if (!hpa_is_shared(entry, sizeof(struct tdx_tdmr_info), TDX_TDMR_INFO_ALIGN))
			return INVALID(RCX);
		memcpy(&candidates[i], phys(hpa_without_hkid(entry)), sizeof(candidates[i]));
		status = check_entry(i);
		if (status != TDX_SUCCESS)
			return status;
	}
	return TDX_SUCCESS;
}

static u64 config_locked(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 count = gpr[GPR_RDX], hkid = gpr[GPR_R8] & OPTION_HKID_MASK;
	u64 status;

	(void)cpu;
	if (module.state != SYS_INIT_DONE || module.lps_initialised < platform_lp_count())
		return TDX_SYS_CONFIG_NOT_PENDING;
	status = check_operands(gpr, version);
	dynamic_wanted = (gpr[GPR_R8] & OPTION_DYNAMIC_PAMT) != 0;
	if (status == TDX_SUCCESS)
		status = check_list(gpr[GPR_RCX], count);
	if (status != TDX_SUCCESS)
		return status;
	/* nothing fails below */
	if (module_handoff.valid)
		module_release_memory();
	for (u32 i = 0; i < count; i++)
		accept_entry(i);
	module.tdmr_count = (u32)count;
	module.global_hkid = (u16)hkid;
	module.dynamic_pamt = dynamic_wanted;
	module.kot[hkid].state = KOT_RESERVED;
	module.packages_configured = 0;
	for (u32 i = 0; i < emu_cpu_count(); i++)
		emu_cpu_at(i)->wbinvd_done = false;
	module.state = SYS_CONFIG_DONE;
	return TDX_SUCCESS;
}

u64 leaf_sys_config(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	return version <= 1 ? seamcall_exclusive(cpu, gpr, version, config_locked) : INVALID(RAX);
}
