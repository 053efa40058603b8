/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our pages, the memory map, our page tables.
 *
 * Pages come from one bump allocator between the end of the image and the end of our range. Boot modules may lie there
 * when GRUB starts us: loader.c moves them away before the first page is taken.
 * Page tables: entry.S maps 4 GiB by 2 MiB pages; more RAM is added here by 1 GiB pages, or 2 MiB ones where the CPU
 * has no 1 GiB pages. Everything is write-back: the MTRRs keep devices uncached.
 * Callers: emu_pages() any core; all else the boot core before others start.
 */
#include "tests/tdxemu/memory.h"

#include "arch/x86/insn.h"
#include "include/spec/multiboot2.h"
#include "include/spec/x86/cpuid.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/host_map.h"
#include "tests/tdxemu/verdict.h"

#define PTE_PRESENT_WRITE 0x3ull
#define PTE_LARGE BIT(7)
#define TABLE_ENTRIES 512

/* From tdxemu.ld and entry.S. */
extern u8 emu_image_end[];
extern u64 boot_pml4[TABLE_ENTRIES], boot_pdpt[TABLE_ENTRIES];

static struct {
	u64 next;	/* atomic: HPA of the next free page of ours */
	u32 range_count;
	struct memory_range ranges[MEMORY_MAX_RANGES];
	u64 ram_top;
} memory;

void *emu_pages(u64 count)
{
	u64 first, start;

	start = ALIGN_UP((u64)emu_image_end, PAGE_SIZE);
	first = 0;
	__atomic_compare_exchange_n(&memory.next, &first, start, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	first = __atomic_fetch_add(&memory.next, count * PAGE_SIZE, __ATOMIC_RELAXED);
	if (count > EMU_BYTES / PAGE_SIZE || first + count * PAGE_SIZE > EMU_BASE + EMU_BYTES)
		verdict_stop("out of own memory: %u MiB at 0x%x are used up", (u32)(EMU_BYTES >> 20), EMU_BASE);
	memset(phys(first), 0, count * PAGE_SIZE);
	return phys(first);
}

u64 emu_pages_left(void)
{
	return (EMU_BASE + EMU_BYTES - MAX(memory.next, (u64)emu_image_end)) / PAGE_SIZE;
}

void memory_add_range(u64 base, u64 bytes, u32 type)
{
	if (bytes == 0)
		return;
	if (memory.range_count == MEMORY_MAX_RANGES)
		verdict_stop("the firmware's memory map has more than %u ranges", MEMORY_MAX_RANGES);
	memory.ranges[memory.range_count++] = (struct memory_range){ .base = base, .bytes = bytes, .type = type };
	if (type == MB2_MEMORY_RAM)
		memory.ram_top = MAX(memory.ram_top, base + bytes);
}

/* Highest place in @range below 4 GiB, 0 if there is none. */
static u64 highest_place(const struct memory_range *range, u64 bytes, bool (*taken)(u64 base, u64 bytes))
{
	u64 end = ALIGN_DOWN(MIN(range->base + range->bytes, GIB(4)), PAGE_SIZE);

	if (range->type != MB2_MEMORY_RAM)
		return 0;
	for (; end >= bytes && end - bytes >= range->base; end -= PAGE_SIZE)
		if (!taken(end - bytes, bytes))
			return end - bytes;
	return 0;
}

u64 memory_carve(u64 bytes, u32 type, bool (*taken)(u64 base, u64 bytes))
{
	struct memory_range *from = NULL;
	u64 place = 0, end;

	bytes = ALIGN_UP(bytes, PAGE_SIZE);
	for (u32 i = 0; i < memory.range_count; i++) {
		u64 here = highest_place(&memory.ranges[i], bytes, taken);

		if (here > place) {
			place = here;
			from = &memory.ranges[i];
		}
	}
	if (from == NULL)
		return 0;
	end = from->base + from->bytes;
	from->bytes = place - from->base;
	memory_add_range(place, bytes, type);
	memory_add_range(place + bytes, end - place - bytes, MB2_MEMORY_RAM);
	return place;
}

const struct memory_range *memory_ranges(u32 *count)
{
	*count = memory.range_count;
	return memory.ranges;
}

struct host_map *memory_host_map(void)
{
	static struct host_map map;

	host_map_copy(&map, memory.ranges, memory.range_count);
	if (!host_map_reserve(&map, EMU_BASE, EMU_BYTES))
		verdict_stop("the firmware's memory map has too many ranges in the SEAM range");
	return &map;
}

u64 memory_ram_top(void)
{
	return memory.ram_top;
}

bool memory_is_ram(u64 hpa, u64 bytes)
{
	u64 end = hpa + bytes;

	/* Adjacent ranges may share an operand: advance through the map until @end is reached or a gap shows. */
	while (hpa < end) {
		u64 reached = hpa;

		for (u32 i = 0; i < memory.range_count; i++) {
			const struct memory_range *range = &memory.ranges[i];

			if (range->type == MB2_MEMORY_RAM && hpa >= range->base && hpa - range->base < range->bytes)
				reached = range->base + range->bytes;
		}
		if (reached == hpa)
			return false;
		hpa = reached;
	}
	return hpa >= end && end != 0;
}

bool memory_touches_ram(u64 hpa, u64 bytes)
{
	for (u32 i = 0; i < memory.range_count; i++) {
		const struct memory_range *range = &memory.ranges[i];

		if (range->type == MB2_MEMORY_RAM && range->base < hpa + bytes && hpa < range->base + range->bytes)
			return true;
	}
	return false;
}

static bool cpu_has_1g_pages(void)
{
	return (cpuid(CPUID_EXT_FEATURES, 0).edx & CPUID_EXT_EDX_1G_PAGES) != 0;
}

static u64 map_1g(u64 base, bool large)
{
	u64 *directory;

	if (large)
		return base | PTE_PRESENT_WRITE | PTE_LARGE;
	directory = emu_pages(1);
	for (u64 i = 0; i < TABLE_ENTRIES; i++)
		directory[i] = (base + i * PAGE_SIZE_2M) | PTE_PRESENT_WRITE | PTE_LARGE;
	return (u64)directory | PTE_PRESENT_WRITE;
}

void memory_map_all(u64 top)
{
	bool large = cpu_has_1g_pages();
	u64 *pdpt = boot_pdpt;

	for (u64 base = GIB(4); base < top; base += GIB(1)) {
		u64 slot = base >> 39;

		if (slot >= TABLE_ENTRIES / 2)
			verdict_stop("RAM above 128 TiB is not supported (memory map ends at 0x%lx)", top);
		if ((boot_pml4[slot] & PTE_PRESENT_WRITE) == 0) {
			pdpt = emu_pages(1);
			boot_pml4[slot] = (u64)pdpt | PTE_PRESENT_WRITE;
		}
		pdpt[(base >> 30) % TABLE_ENTRIES] = map_1g(base, large);
	}
}
