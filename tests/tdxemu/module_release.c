/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host gets back when a module goes without having been asked for each page: TDH.SYS.DISABLE, a fresh module over
 * a running one. PAMT says which pages were the module's; as after TDH.PHYMEM.PAGE.RECLAIM the host clears them first.
 * So does an update that is not gone through with: TDs of the old module that the new one does not take over are nobody's.
 * Callers hold the global lock or are P-SEAMLDR; no other core uses a TDMR.
 * Manual: tdx-host-system.md 8.4, 8.5, 12.5.
 */
#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/tdxemu/td.h"

/* The page or pages of one PAMT entry. True: smaller entries need no look. */
static bool release_entry(u64 hpa, enum tdx_level level)
{
	struct pamt_entry *entry = pamt_entry_at(hpa, level);

	if (module.dynamic_pamt && level == TDX_LEVEL_2M && entry->type == PT_NDA)
		return true;	/* no page pair: no smaller entries */
	if (entry->type == PT_NDA || entry->type == PT_RSVD || (level != TDX_LEVEL_4K && entry->type != PT_REG))
		return entry->type == PT_RSVD;
	if (entry->type == PT_TDR)
		tdcs_release(phys(hpa));
	pamt_set(entry, PT_NDA, 0);
	host_view_release(hpa, level_bytes(level), RELEASE_CLEAR);
	return true;
}

static void release_range(u64 base, u64 end, enum tdx_level level)
{
	for (u64 hpa = base; hpa < end; hpa += level_bytes(level))
		if (!release_entry(hpa, level) && level != TDX_LEVEL_4K)
			release_range(hpa, hpa + level_bytes(level), level - 1);
}

void module_release_tdmr(u32 index)
{
	const struct module_tdmr *tdmr = &module.tdmrs[index];

	/* Only whole gigabytes that TDH.SYS.TDMR.INIT has finished were ever usable. */
	if (module.td_count != 0)
		release_range(tdmr->base, ALIGN_DOWN(tdmr->next_to_init, (u64)PAGE_SIZE_1G), TDX_LEVEL_1G);
	pamt_release_pairs(tdmr);
	host_view_release(tdmr->pamt_1g, tdmr->pamt_1g_bytes, RELEASE_AS_IS);
	host_view_release(tdmr->pamt_2m, tdmr->pamt_2m_bytes, RELEASE_AS_IS);
	host_view_release(tdmr->pamt_4k, tdmr->pamt_4k_bytes, RELEASE_AS_IS);
}

void module_release_memory(void)
{
	/* Between TDH.SYS.SHUTDOWN and TDH.SYS.UPDATE only the handoff data knows the TDMRs. */
	if (module_handoff.valid)
		module_take_handoff();
	for (u32 i = 0; i < module.tdmr_count; i++)
		module_release_tdmr(i);
	module.tdmr_count = 0;
	module.td_count = 0;
	memset(module.kot, 0, sizeof(module.kot));
	memset(module.wbcache_point, 0, sizeof(module.wbcache_point));
}
