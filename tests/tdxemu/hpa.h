/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical address operands of host leaves: KeyID bits, alignment, and what the module calls a shared HPA.
 * Manual: TDX Module ABI, "Physical Address Operands"; tdx-host-td.md 2.2 and 2.5.
 */
#ifndef TDXEMU_HPA_H
#define TDXEMU_HPA_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/module.h"

#define HPA_KEYID_MASK ((BIT(PLATFORM_KEYID_BITS) - 1) << PLATFORM_KEYID_SHIFT)
#define LEVEL_SHIFT 9	/* 512 entries per table */

/** level_bytes(), level_pages() - size of a page at @level, in bytes and in 4 KiB pages */
static inline u64 level_bytes(enum tdx_level level)
{
	return (u64)PAGE_SIZE << (LEVEL_SHIFT * level);
}

static inline u64 level_pages(enum tdx_level level)
{
	return 1ull << (LEVEL_SHIFT * level);
}

static inline u16 hpa_hkid(u64 hpa)
{
	return (u16)((hpa & HPA_KEYID_MASK) >> PLATFORM_KEYID_SHIFT);
}

static inline u64 hpa_without_hkid(u64 hpa)
{
	return hpa & ~HPA_KEYID_MASK;
}

/** hpa_is_plain() - aligned, inside the physical address width, no KeyID */
static inline bool hpa_is_plain(u64 hpa, u64 align)
{
	return IS_ALIGNED(hpa, align) && hpa < BIT(PLATFORM_MAXPA) && hpa_hkid(hpa) == 0;
}

/** hpa_is_shared() - may the host pass @bytes at @hpa as memory of its own? Aligned to @align, KeyID 0 or a shared one */
static inline bool hpa_is_shared(u64 hpa, u64 bytes, u64 align)
{
	return IS_ALIGNED(hpa, align) && hpa < BIT(PLATFORM_MAXPA) && !hkid_is_private(hpa_hkid(hpa)) &&
	       host_view_is_shared(hpa_without_hkid(hpa), bytes);
}

#endif
