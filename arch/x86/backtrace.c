/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Call chain by frame pointers, with symbols. The table is appended to the image by the build (arch/x86/symbols.py): count,
 * then for each function its offset from CELLA_VIRT_BASE and the offset of its name, ascending; then the names.
 */
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/cella/memory_map.h"
#include "kernel/log.h"

#define MAX_FRAMES 24

struct symbol {
	u32 offset, name;
};
struct symbol_table {
	u32 count;
	u32 names;	/* offset of the text */
	struct symbol symbols[];
};
/* Weak: the first link has no table yet. */
extern const struct symbol_table image_symbols __attribute__((weak));
extern const char image_start[], rodata_start[], image_end[];

static const char *symbol_of(u64 rip, u64 *into)
{
	const struct symbol_table *table = &image_symbols;
	u32 low = 0, high;

	*into = 0;
	if (!table || table->count == 0 || rip < (u64)image_start || rip >= (u64)rodata_start)
		return "?";
	high = table->count;
	while (high - low > 1) {
		u32 middle = (low + high) / 2;

		if (table->symbols[middle].offset <= rip - CELLA_VIRT_BASE)
			low = middle;
		else
			high = middle;
	}
	*into = rip - CELLA_VIRT_BASE - table->symbols[low].offset;
	return (const char *)table + table->names + table->symbols[low].name;
}

static bool plausible(const u64 *frame, const u64 *previous)
{
	u64 at = (u64)frame;
	bool in_stack = at >= STACK_MAP_BASE && at < STACK_MAP_BASE + STACK_MAP_BYTES;
	bool in_image = at >= (u64)rodata_start && at < (u64)image_end;

	return IS_ALIGNED(at, sizeof(u64)) && (in_stack || in_image) && frame > previous &&
	       at - (u64)previous < STACK_BYTES;
}

void arch_backtrace(void)
{
	const u64 *frame = read_frame_pointer();
	const u64 *previous = frame - 1;

	for (u32 depth = 0; depth < MAX_FRAMES && plausible(frame, previous); depth++) {
		u64 rip = frame[1];
		u64 into;
		const char *name = symbol_of(rip, &into);

		if (rip == 0)
			return;
		log_error("trap", "  %016lx %s+%#lx", rip, name, into);
		previous = frame;
		frame = (const u64 *)frame[0];
	}
}
