/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tdshim's hand-off, and the map it makes of it. What is accepted never names memory accepted but the image's own two
 * sections, and never RAM where devices are.
 */
#include "boot/tdshim/handoff.h"

#include <string.h>

#include "boot/tdshim/memory.h"
#include "boot/tdshim/report.h"
#include "boot/tdshim/tdcall.h"
#include "tests/fuzz/fuzz.h"

static struct handoff handoff;
static struct e820_entry map[E820_MAX + 1];

/* memory.c's accepting side is not reached from here. */
u64 tdg_mem_page_accept(gpa_t gpa, enum tdx_level level)
{
	(void)gpa;
	(void)level;
	abort();
}

void shim_refuse(const char *format, ...)
{
	(void)format;
	abort();
}

static void check_file(u64 gpa, u64 bytes)
{
	if (bytes == 0)
		return;
	CLAIM(gpa >= GUEST_PAYLOAD_WINDOW && bytes <= GUEST_PAYLOAD_MAX);
	CLAIM(gpa + bytes <= GUEST_PAYLOAD_WINDOW + GUEST_PAYLOAD_MAX);
}

static bool touches(const struct handoff_range *range, u64 start, u64 bytes)
{
	return range->start < start + bytes && start < range->start + range->bytes;
}

static void check_ranges(void)
{
	for (u32 i = 0; i < handoff.unaccepted_count; i++) {
		const struct handoff_range *range = &handoff.unaccepted[i];

		CLAIM(range->bytes != 0 && range->start + range->bytes <= HANDOFF_MAX_GPA);
		CLAIM(i == 0 || range[-1].start + range[-1].bytes <= range->start);
		CLAIM(!touches(range, TDSHIM_TEMP_BASE, TDSHIM_TEMP_BYTES));
		CLAIM(!touches(range, TDSHIM_HOB_BASE, TDSHIM_HOB_BYTES));
		CLAIM(!touches(range, GUEST_LOW_RAM_MAX, GUEST_HIGH_RAM_BASE - GUEST_LOW_RAM_MAX));
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	u8 *list = calloc(1, TDSHIM_HOB_BYTES);
	u32 count;

	memcpy(list, data, MIN(bytes, (size_t)TDSHIM_HOB_BYTES));
	if (handoff_parse(list, &handoff) == NULL) {
		CLAIM(handoff.list_bytes <= TDSHIM_HOB_BYTES);
		CLAIM(handoff.unaccepted_count <= HANDOFF_MAX_RANGES);
		CLAIM(handoff.low_ram_end >= GUEST_RAM_MIN && handoff.low_ram_end <= GUEST_LOW_RAM_MAX);
		CLAIM(handoff.payload.kernel_bytes != 0);
		check_file(handoff.payload.kernel_gpa, handoff.payload.kernel_bytes);
		check_file(handoff.payload.initrd_gpa, handoff.payload.initrd_bytes);
		check_file(handoff.payload.cmdline_gpa, handoff.payload.cmdline_bytes);
		check_ranges();
		count = memory_e820(&handoff, map);
		CLAIM(count >= 4 && count <= E820_MAX);
	}
	free(list);
	return 0;
}
