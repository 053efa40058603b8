/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepting memory: a page that was never accepted by this shim and yet answers "already accepted" could hold content the
 * host chose, so it ends the TD. 2 MiB pages wherever alignment allows; where the host backed a range with small pages
 * (size mismatch) the 512 small ones are accepted instead.
 */
#include "boot/tdshim/memory.h"

#include "boot/tdshim/report.h"
#include "boot/tdshim/tdcall.h"

#define STATUS_CODE(status) ((status) & TDX_STATUS_CODE_MASK)

/* Busy means that the host holds the entry for a moment; the host cannot make progress for us by waiting, so no bound. */
static u64 accept_patiently(u64 gpa, enum tdx_level level)
{
	u64 status;

	do
		status = tdg_mem_page_accept(GPA(gpa), level);
	while (STATUS_CODE(status) == TDX_OPERAND_BUSY);
	return status;
}

static void accept_small(u64 gpa, u64 bytes)
{
	for (u64 end = gpa + bytes; gpa < end; gpa += PAGE_SIZE) {
		u64 status = accept_patiently(gpa, TDX_LEVEL_4K);

		if (status != 0)
			shim_refuse("page %#llx cannot be accepted: status %#llx", (unsigned long long)gpa,
				    (unsigned long long)status);
	}
}

static void accept_large(u64 gpa)
{
	u64 status = accept_patiently(gpa, TDX_LEVEL_2M);

	if (STATUS_CODE(status) == TDX_PAGE_SIZE_MISMATCH)
		accept_small(gpa, PAGE_SIZE_2M);
	else if (status != 0)
		shim_refuse("2 MiB at %#llx cannot be accepted: status %#llx", (unsigned long long)gpa,
			    (unsigned long long)status);
}

static void accept_range(u64 start, u64 end)
{
	u64 first_large = MIN(ALIGN_UP(start, PAGE_SIZE_2M), end);
	u64 last_large = MAX(ALIGN_DOWN(end, PAGE_SIZE_2M), first_large);

	accept_small(start, first_large - start);
	for (u64 gpa = first_large; gpa < last_large; gpa += PAGE_SIZE_2M)
		accept_large(gpa);
	accept_small(last_large, end - last_large);
}

u64 memory_accept(const struct handoff *handoff)
{
	u64 total = 0;

	for (u32 i = 0; i < handoff->unaccepted_count; i++) {
		const struct handoff_range *range = &handoff->unaccepted[i];

		accept_range(range->start, range->start + range->bytes);
		total += range->bytes;
	}
	return total;
}

u32 memory_e820(const struct handoff *handoff, struct e820_entry *map)
{
	u32 count = 0;

	map[count++] = (struct e820_entry){ 0, TDSHIM_NVS_BASE, E820_RAM };
	map[count++] = (struct e820_entry){ TDSHIM_NVS_BASE, TDSHIM_NVS_BYTES, E820_NVS };
	map[count++] = (struct e820_entry){ TDSHIM_NVS_BASE + TDSHIM_NVS_BYTES,
					    MIB(1) - TDSHIM_NVS_BASE - TDSHIM_NVS_BYTES, E820_RESERVED };
	map[count++] = (struct e820_entry){ MIB(1), handoff->low_ram_end - MIB(1), E820_RAM };
	map[count++] = (struct e820_entry){ GUEST_ECAM_BASE, GUEST_ECAM_BYTES, E820_RESERVED };
	map[count++] = (struct e820_entry){ TDSHIM_IMAGE_BASE, TDSHIM_IMAGE_BYTES, E820_RESERVED };
	for (u32 i = 0; i < handoff->unaccepted_count && count < E820_MAX; i++) {
		const struct handoff_range *range = &handoff->unaccepted[i];

		if (range->start >= GUEST_HIGH_RAM_BASE)
			map[count++] = (struct e820_entry){ range->start, range->bytes, E820_RAM };
	}
	return count;
}
