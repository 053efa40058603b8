/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PAMTs' pages from the plan to the module and back. One block per TDMR, in convertible memory only.
 *
 * Manual: TDX Module Base, "Physical Address Metadata Tables (PAMTs)".
 */
#include "tdx/pamt.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/page.h"
#include "kernel/panic.h"

static struct {
	u32 count;
	struct tdmr_range blocks[TDX_MAX_TDMRS];
	u32 unmapped;	/* of these */
} pamt;

int pamt_take(const struct tdmr_range *blocks, u32 count)
{
	for (; pamt.count < count; pamt.count++) {
		pamt.blocks[pamt.count] = blocks[pamt.count];
		if (page_alloc_at(HPA(blocks[pamt.count].base), blocks[pamt.count].bytes / PAGE_SIZE, PAGE_PAMT)) {
			pamt_give_back(PAMT_UNTOUCHED);
			return -ENOMEM;
		}
	}
	return 0;
}

int pamt_unmap(void)
{
	for (u32 i = 0; i < pamt.count; i++) {
		int result = arch_direct_map_remove(HPA(pamt.blocks[i].base), pamt.blocks[i].bytes);

		if (result)
			return result;
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
