/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the PAMTs lie: one block for all TDMRs if host memory has one, because a block costs at most one reserved area
 * per TDMR; otherwise one block per TDMR. A PAMT must lie inside CMRs; host RAM outside of them (persistent memory,
 * hot-added memory) is put back and another block is asked for.
 *
 * Manual: TDX Module Base, "Physical Address Metadata Tables (PAMTs)".
 */
#include "tdx/pamt.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "tdx/doctor.h"
#include "tdx/sysinfo.h"

enum { CONVERTIBLE_ATTEMPTS = 8 };	/* blocks outside CMRs that are looked at before giving up */

static struct {
	u32 count;
	struct tdmr_range blocks[TDX_MAX_TDMRS];
	u32 unmapped;	/* of these */
} pamt;

static int allocate_convertible(u64 bytes, struct tdmr_range *block)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();
	hpa_t refused[CONVERTIBLE_ATTEMPTS];
	u32 refused_count = 0;
	int result = -ENOMEM;

	while (refused_count < CONVERTIBLE_ATTEMPTS) {
		hpa_t start;

		if (page_alloc(ZONE_HOST, bytes / PAGE_SIZE, PAGE_SIZE, PAGE_PAMT, PAGE_ANY_NODE, &start))
			break;
		*block = (struct tdmr_range){ start.raw, bytes };
		if (tdmr_is_convertible(*block, sysinfo->cmrs, sysinfo->cmr_count)) {
			result = 0;
			break;
		}
		refused[refused_count++] = start;
	}
	while (refused_count)
		page_free(refused[--refused_count], bytes / PAGE_SIZE, PAGE_PAMT);
	return result;
}

static bool place_in_one_block(struct tdx_tdmr_info *tdmrs, u32 count, const struct tdmr_limits *limits)
{
	u64 total = 0;
	u64 at;

	for (u32 i = 0; i < count; i++)
		total += tdmr_pamt_bytes(tdmrs[i].bytes, limits);
	if (allocate_convertible(total, &pamt.blocks[0]))
		return false;
	pamt.count = 1;
	at = pamt.blocks[0].base;
	for (u32 i = 0; i < count; i++) {
		tdmr_set_pamt(&tdmrs[i], at, limits);
		at += tdmr_pamt_bytes(tdmrs[i].bytes, limits);
	}
	return true;
}

int pamt_place(struct tdx_tdmr_info *tdmrs, u32 count, const struct tdmr_limits *limits)
{
	if (place_in_one_block(tdmrs, count, limits))
		return 0;
	for (u32 i = 0; i < count; i++) {
		u64 bytes = tdmr_pamt_bytes(tdmrs[i].bytes, limits);

		if (allocate_convertible(bytes, &pamt.blocks[pamt.count])) {
			doctor_complain("pamt", "no contiguous %lu KiB of convertible host memory for the PAMT of TDMR %u: "
					"ask for a smaller TD pool", (bytes >> 10), i);
			pamt_give_back(PAMT_UNTOUCHED);
			return -ENOMEM;
		}
		tdmr_set_pamt(&tdmrs[i], pamt.blocks[pamt.count++].base, limits);
	}
	return 0;
}

int pamt_unmap(void)
{
	for (u32 i = 0; i < pamt.count; i++) {
		int result = arch_direct_map_remove(HPA(pamt.blocks[i].base), pamt.blocks[i].bytes);

		if (result) {
			doctor_complain("pamt", "the PAMTs could not be taken out of the direct map (error %d)", result);
			return result;
		}
		pamt.unmapped++;
	}
	return 0;
}

static void clear(struct tdmr_range block)
{
	for (u64 at = block.base; at < block.base + block.bytes; at += PAGE_SIZE)
		arch_window_clear(HPA(at), PAGE_SIZE);
}

void pamt_give_back(enum pamt_contents contents)
{
	while (pamt.count) {
		struct tdmr_range block = pamt.blocks[--pamt.count];

		if (contents == PAMT_WRITTEN)
			clear(block);
		if (pamt.count < pamt.unmapped) {
			panic_if(arch_direct_map_restore(HPA(block.base), block.bytes),
				 "tdx: no page table to map the PAMTs again");
			pamt.unmapped--;
		}
		page_free(HPA(block.base), block.bytes / PAGE_SIZE, PAGE_PAMT);
	}
}

u64 pamt_bytes(void)
{
	u64 bytes = 0;

	for (u32 i = 0; i < pamt.count; i++)
		bytes += pamt.blocks[i].bytes;
	return bytes;
}
