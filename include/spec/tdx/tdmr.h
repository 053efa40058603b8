/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory facts of the TDX module: convertible ranges, TDMR_INFO, PAMT page types.
 * Manual: TDX Module ABI, "TDMR_INFO"; TDX Module Base, "Physical Memory Management".
 */
#ifndef SPEC_TDX_TDMR_H
#define SPEC_TDX_TDMR_H

#include "include/cella/types.h"

#define TDX_MAX_CMRS 32
#define TDX_MAX_TDMRS 64	/* of module 1.5; the running module reports its own */
#define TDX_MAX_RESERVED_AREAS 16	/* the same */
#define TDX_TDMR_ALIGN GIB(1)
#define TDX_TDMR_INFO_ALIGN 512	/* also the stride of packed entries */
#define TDX_TDMR_PA_ARRAY_ALIGN 512

#define TDX_SYS_CONFIG_DYNAMIC_PAMT (1ull << 16)	/* R8 of TDH.SYS.CONFIG, beside the global KeyID */
#define TDX_DYNAMIC_PAMT_KEYID_BIT_MAX 48	/* the lowest KeyID bit of an address may be this one */
#define TDX_DYNAMIC_PAMT_TDMR_INIT_BYTES MIB(16)	/* memory per TDH.SYS.TDMR.INIT call; static: 4 MiB */
#define TDX_STATIC_PAMT_TDMR_INIT_BYTES MIB(4)

struct tdx_cmr {
	u64 base;	/* HPA, 4 KiB multiple */
	u64 bytes;	/* 0: null slot */
};

struct tdx_reserved_area {
	u64 offset_bytes;	/* from the TDMR's base */
	u64 bytes;	/* 0: null; all areas behind a null one are null */
};

struct tdx_tdmr_info {
	u64 base;	/* 1 GiB aligned */
	u64 bytes;	/* multiple of 1 GiB */
	u64 pamt_1g_base;
	u64 pamt_1g_bytes;
	u64 pamt_2m_base;
	u64 pamt_2m_bytes;
	u64 pamt_4k_base;
	u64 pamt_4k_bytes;
	struct tdx_reserved_area reserved[TDX_MAX_RESERVED_AREAS];
} __aligned(TDX_TDMR_INFO_ALIGN);

/* Page types of the PAMT, as TDH.PHYMEM.PAGE.RDMD and RECLAIM report them. */
enum pamt_page_type {
	PT_NDA = 0,	/* free, or covered by a larger page */
	PT_RSVD = 1,	/* reserved area */
	PT_REG = 3,	/* TD private memory */
	PT_TDR = 4,
	PT_TDCX = 5,	/* TDCS page or TDVPS child page */
	PT_TDVPR = 6,
	PT_EPT = 8,
	PT_PAMT = 15,	/* dynamic PAMT node */
};

/* Page sizes as leaves number them. */
enum tdx_level {
	TDX_LEVEL_4K = 0,
	TDX_LEVEL_2M = 1,
	TDX_LEVEL_1G = 2,
	TDX_LEVEL_512G = 3,	/* entries of a 4-level tree's root */
	TDX_LEVEL_256T = 4,
};

#endif
