/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's global state and what a module load makes of it: convertible memory ranges from the machine's RAM,
 * every KeyID free, every core uninitialised. Which module it is (the image) and what one module leaves for the next (the
 * handoff data) live longer.
 * Callers: module_add_ram() and module_load() the boot core; module_reset() P-SEAMLDR and TDH.SYS.DISABLE with no other
 * core in the module. Manual: TDX Module Base, "Intel TDX Module Lifecycle"; tdx-host-system.md 4.10, 4.11.
 */
#include "tests/tdxemu/module.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/seamldr.h"
#include "tests/tdxemu/verdict.h"

#define CMR_LOWEST MIB(1)
#define LOCK_BYTES offsetof(struct tdx_module, state)	/* the global lock is the first member, and its holder's */
#define NO_RBP_MOD BIT(18)
#define FIRMWARE_SVN_MINOR 5
#define FIRMWARE_SVN_MAJOR 1
#define FIRMWARE_MARKER "SOFTWARE TDX MACHINE - NOT A REAL TDX MODULE"

struct tdx_module module;
struct module_image module_image;
struct module_handoff module_handoff;

/* The module in the machine's firmware: 1.5 with what Linux 7.2 and this interface need beyond 1.5.01. */
static const struct module_image firmware_image = {
	.record = {
		.major = 1,
		.minor = 5,
		.update = 16,
		.build_num = 744,
		.build_date = 20250101,
		.features = ~0ull,
	},
	.measurement = FIRMWARE_MARKER,
	.tcb_svn = { FIRMWARE_SVN_MINOR, FIRMWARE_SVN_MAJOR },
};

static struct tdx_module handoff_data;

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

void module_reset(void)
{
	for (u32 i = 0; i < emu_cpu_count(); i++)
		emu_cpu_at(i)->lp_initialised = false;
	memset((u8 *)&module + LOCK_BYTES, 0, sizeof(module) - LOCK_BYTES);
	for (u32 i = 0; i < ram.count; i++) {
		u64 base = ram.ranges[i].base;
		u64 end = base + ram.ranges[i].bytes;

		/* SEAMRR is no CMR: the part below it, the part above it. */
		add_cmr(base, MIN(end, (u64)EMU_BASE));
		add_cmr(MAX(base, (u64)EMU_BASE + EMU_BYTES), end);
	}
	platform_change_cmrs(module.cmrs, &module.cmr_count);
	fault_module_loaded();
}

void module_load(void)
{
	module_image = firmware_image;
	if (fault_platform(PLATFORM_OLD_MODULE)) {
		module_image.record.update = 0;
		module_image.record.features &= ~NO_RBP_MOD;
	}
	module_handoff.valid = false;
	seamldr_start();
	module_reset();
}

void module_save_handoff(u16 version)
{
	handoff_data = module;
	module_handoff = (struct module_handoff){ .valid = true, .version = version };
}

/* All but what TDH.SYS.INIT and TDH.SYS.LP.INIT of the new module found out for themselves. */
void module_take_handoff(void)
{
	handoff_data.lock = module.lock;
	handoff_data.state = module.state;
	handoff_data.lps_initialised = module.lps_initialised;
	handoff_data.packages = module.packages;
	handoff_data.tsc_adjust = module.tsc_adjust;
	module = handoff_data;
	module_handoff.valid = false;
}

bool hkid_is_private(u64 hkid)
{
	u64 count = fault_platform(PLATFORM_ONE_KEYID) ? 1 : PLATFORM_TDX_KEYIDS;

	return hkid >= PLATFORM_FIRST_PRIVATE && hkid < PLATFORM_FIRST_PRIVATE + count;
}
