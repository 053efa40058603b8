/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's global state and what a module load makes of it: convertible memory ranges from the machine's RAM,
 * every KeyID free, every core uninitialised.
 * Callers: module_add_ram() and module_load() the boot core; later module_load() from TDH.SYS.DISABLE with the global
 * lock held and no other core in the module. Manual: TDX Module Base, "Intel TDX Module Lifecycle".
 */
#include "tests/tdxemu/module.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/verdict.h"

#define CMR_LOWEST MIB(1)

struct tdx_module module;

static struct {
	u32 count;
	struct tdx_cmr ranges[MEMORY_MAX_RANGES];	/* ascending by base */
} ram;

void module_add_ram(u64 base, u64 bytes)
{
	u32 at = ram.count;

	if (ram.count == MEMORY_MAX_RANGES)
		verdict_stop("more than %u RAM ranges", MEMORY_MAX_RANGES);
	for (; at > 0 && ram.ranges[at - 1].base > base; at--)
		ram.ranges[at] = ram.ranges[at - 1];
	ram.ranges[at] = (struct tdx_cmr){ .base = base, .bytes = bytes };
	ram.count++;
}

/* One CMR for [base, end), joined to the last one when they touch. Whole pages only. */
static void add_cmr(u64 base, u64 end)
{
	struct tdx_cmr *last = module.cmr_count ? &module.cmrs[module.cmr_count - 1] : NULL;

	base = ALIGN_UP(MAX(base, CMR_LOWEST), (u64)PAGE_SIZE);
	end = ALIGN_DOWN(end, (u64)PAGE_SIZE);
	if (base >= end)
		return;
	if (last != NULL && last->base + last->bytes >= base) {
		last->bytes = MAX(last->base + last->bytes, end) - last->base;
		return;
	}
	if (module.cmr_count == TDX_MAX_CMRS) {
		verdict_note("RAM at 0x%lx is not convertible: the module knows only %u ranges", base, TDX_MAX_CMRS);
		return;
	}
	module.cmrs[module.cmr_count++] = (struct tdx_cmr){ .base = base, .bytes = end - base };
}

void module_load(void)
{
	memset(&module, 0, sizeof(module));
	for (u32 i = 0; i < ram.count; i++) {
		u64 base = ram.ranges[i].base;
		u64 end = base + ram.ranges[i].bytes;

		/* SEAMRR is no CMR: the part below it, the part above it. */
		add_cmr(base, MIN(end, (u64)EMU_BASE));
		add_cmr(MAX(base, (u64)EMU_BASE + EMU_BYTES), end);
	}
	platform_change_cmrs(module.cmrs, &module.cmr_count);
	for (u32 i = 0; i < emu_cpu_count(); i++)
		emu_cpu_at(i)->lp_initialised = false;
}

bool hkid_is_private(u64 hkid)
{
	u64 count = fault_platform(PLATFORM_ONE_KEYID) ? 1 : PLATFORM_TDX_KEYIDS;

	return hkid >= PLATFORM_FIRST_PRIVATE && hkid < PLATFORM_FIRST_PRIVATE + count;
}
