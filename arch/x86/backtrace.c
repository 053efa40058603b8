/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Call chain by frame pointers, with symbols. exception.S leaves a frame of its own, so the chain goes on through an
 * exception into what was interrupted, on another stack if need be. Every frame is looked up in the page tables before
 * it is read: a broken chain ends, it does not fault. The table is appended to the image by the build
 * (arch/x86/symbols.py): count, then for each function its offset from CELLA_VIRT_BASE and the offset of its name,
 * ascending; then the names.
 */
#include "arch/x86/insn.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
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
extern const char image_start[], rodata_start[];

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

/* Callers' frames lie above; a jump elsewhere is an exception's change of stacks, and MAX_FRAMES bounds those. */
static bool plausible(const u64 *frame, const u64 *previous)
{
	bool backwards = frame <= previous && (u64)previous - (u64)frame < STACK_BYTES;

	return IS_ALIGNED((u64)frame, sizeof(u64)) && !backwards && paging_is_mapped(frame) &&
	       paging_is_mapped(frame + 1);
}

void arch_backtrace(void)
{
	const u64 *frame = read_frame_pointer();
	const u64 *previous = frame - 1;
	bool interrupted = false;	/* the frame is that of exception.S: its RIP is no return address */

	for (u32 depth = 0; depth < MAX_FRAMES && plausible(frame, previous); depth++) {
		u64 rip = frame[1];
		u64 into;
		const char *name;

		if (rip == 0)
			return;
		/* a call that never returns may be its function's last instruction */
		name = symbol_of(interrupted ? rip : rip - 1, &into);
		log_error("trap", "  %016lx %s+%#lx", rip, name, interrupted ? into : into + 1);
		interrupted = rip == (u64)trap_return;
		previous = frame;
		frame = (const u64 *)frame[0];
	}
}
