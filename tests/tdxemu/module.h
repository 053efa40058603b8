/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Global state of the TDX module: life cycle, logical processors, TDMR table, KeyID ownership.
 * Locks are the module's: try only; a lock that is held gives a busy status.
 */
#ifndef TDXEMU_MODULE_H
#define TDXEMU_MODULE_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "tests/tdxemu/cpu.h"
#include "tests/tdxemu/sharex.h"

#define MODULE_RECORD_MAGIC "TDXEMOD1"
#define MODULE_MAX_TDMRS 64
#define MODULE_MAX_RESERVED 16
#define MODULE_PAMT_ENTRY_BYTES 16
#define MODULE_PAMT_BITMAP_ENTRY_BITS 1	/* dynamic PAMT: per 4 KiB page, instead of a 4K entry */
#define MODULE_MAX_DYNAMIC_PAMT_KEYID_SHIFT 48	/* PAMT nodes hold page numbers of 36 bits */
#define MODULE_TDCS_PAGES 6
#define MODULE_TDVPS_PAGES 6	/* with the TDVPR */
#define MODULE_MAX_VCPUS_PER_TD 576
#define MODULE_MAX_PACKAGES 8

/* KeyID split of the machine: 6 KeyID bits at the top of 48 physical address bits. */
#define PLATFORM_MAXPA 48
#define PLATFORM_KEYID_BITS 6
#define PLATFORM_KEYID_SHIFT (PLATFORM_MAXPA - PLATFORM_KEYID_BITS)
#define PLATFORM_MKTME_KEYIDS 15u	/* shared KeyIDs 1..15 */
#define PLATFORM_TDX_KEYIDS 48u	/* private KeyIDs 16..63 */
#define PLATFORM_FIRST_PRIVATE (PLATFORM_MKTME_KEYIDS + 1)
#define PLATFORM_KEYIDS (PLATFORM_FIRST_PRIVATE + PLATFORM_TDX_KEYIDS)

enum module_state {
	SYS_INIT_PENDING,
	SYS_INIT_DONE,
	SYS_CONFIG_DONE,
	SYS_READY,
	SYS_SHUTDOWN,
};

enum kot_state {
	KOT_FREE,
	KOT_ASSIGNED,
	KOT_FLUSHED,
	KOT_RESERVED,
};

struct kot_entry {
	enum kot_state state;
	u32 wb_pending;	/* FLUSHED: packages whose caches are not written back */
};

struct module_tdmr {
	u64 base, bytes;
	u64 pamt_1g, pamt_2m, pamt_4k;	/* donated arrays of struct pamt_entry */
	u64 pamt_1g_bytes, pamt_2m_bytes, pamt_4k_bytes;
	u32 reserved_count;
	struct tdx_reserved_area reserved[MODULE_MAX_RESERVED];
	u64 next_to_init;	/* HPA; below it (rounded down to 1 GiB) pages are usable */
	u16 lock;	/* sharex: the TDMR.INIT mutex */
};

/*
 * The start of a module image in the software machine's own format: what a module says about itself. The rest of an image
 * means nothing. tests/system/mkmodule.py writes the same.
 */
struct module_record {
	char magic[8];
	u16 major, minor, update, build_num;
	u32 build_date;	/* yyyymmdd as a number */
	u16 module_hv, min_update_hv;	/* handoff versions: written, oldest taken */
	u8 no_downgrade;	/* writes module_hv only */
	u8 reserved_25[7];
	u64 features;	/* TDX_FEATURES0 it offers, as far as this machine can do it */
} __packed;
_Static_assert(sizeof(struct module_record) == 40, "module_record is what mkmodule.py writes");

/* The module that P-SEAMLDR loaded last; TDH.SYS.DISABLE does not change it. */
struct module_image {
	struct module_record record;
	u8 measurement[48];	/* SHA-384 of the image, or a marker for the module that firmware loaded */
	u8 tcb_svn[16];	/* SEAM SVN: minor, major */
};

/* Memory of the module's range that survives an update: what TDH.SYS.SHUTDOWN left for TDH.SYS.UPDATE. */
struct module_handoff {
	bool valid;
	u16 version;
};

struct tdx_module {
	u16 lock;	/* sharex: global lock of the SYS leaves */
	enum module_state state;
	u32 lps_initialised;	/* atomic */
	u32 packages;	/* bitmap of packages that exist */
	u32 packages_configured;	/* bitmap: TDH.SYS.KEY.CONFIG done */
	u16 global_hkid;
	bool dynamic_pamt;	/* chosen by TDH.SYS.CONFIG */
	u32 tdmr_count;
	struct module_tdmr tdmrs[MODULE_MAX_TDMRS];
	u16 kot_lock;	/* sharex */
	struct kot_entry kot[PLATFORM_KEYIDS];
	u16 wbcache_lock[MODULE_MAX_PACKAGES];	/* sharex, one flush per package at a time */
	u32 wbcache_point[MODULE_MAX_PACKAGES];	/* 0: no interrupted flush */
	u64 wbcache_snapshot[MODULE_MAX_PACKAGES];	/* bit n: KeyID FIRST_PRIVATE + n was FLUSHED when the flush started */
	u32 cmr_count;
	struct tdx_cmr cmrs[TDX_MAX_CMRS];	/* from the machine's RAM */
	u64 tsc_adjust;	/* sampled by SYS.INIT */
	u32 td_count;	/* atomic: TDR pages in use */
	bool disabling;	/* TDH.SYS.DISABLE has begun: the state is SHUTDOWN, and only that leaf leads out of it */
	u32 tdmrs_released;	/* by it */
};

extern struct tdx_module module;
extern struct module_image module_image;
extern struct module_handoff module_handoff;

/** module_load() - what firmware does at power-on: P-SEAMLDR is there, with the firmware's module if it has one */
void module_load(void);
/**
 * module_reset() - the state of a freshly loaded module; cores uninitialised. CMRs: RAM above 1 MiB without our own range
 * The running image and the handoff data stay; so does the global lock, until its holder is done with the new state.
 */
void module_reset(void);
/** module_save_handoff(), module_take_handoff() - write and read back the data of TDH.SYS.SHUTDOWN and TDH.SYS.UPDATE */
void module_save_handoff(u16 version);
void module_take_handoff(void);
/** module_release_tdmr() - every page the module holds in TDMR @index, and its PAMT, are the host's again (module_release.c) */
void module_release_tdmr(u32 index);
/**
 * module_release_memory() - the same for all TDMRs, those of handoff data included; none is left
 * The module is gone, whatever TDs it had, and its KeyIDs are free. With handoff data: that module, not the one now loading.
 */
void module_release_memory(void);
/** module_add_ram() - called by main.c for each RAM range of the memory map before module_load() */
void module_add_ram(u64 base, u64 bytes);
/** hkid_is_private() - may TDs or the module use it? */
bool hkid_is_private(u64 hkid);

#endif
