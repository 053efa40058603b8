/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's page tables, one set for all cores: W^X image, NX direct map of RAM, device mappings, stacks with guard
 * pages, per-core windows. 2 MiB pages in the direct map; a range that is taken out splits them. The map of regions is
 * include/cella/memory_map.h. One lock; tables are never freed but for nothing: they are few.
 *
 * A change that removes a translation is followed by a TLB shoot-down: every core flushes in VECTOR_TLB and acknowledges.
 */
#include "arch/x86/paging.h"

#include "arch/x86/cpu.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/x86/cr.h"
#include "kernel/irq.h"
#include "kernel/lib/string.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

#define PTE_PRESENT BIT(0)
#define PTE_WRITE BIT(1)
#define PTE_WRITE_THROUGH BIT(3)
#define PTE_CACHE_DISABLE BIT(4)
#define PTE_LARGE BIT(7)
#define PTE_GLOBAL BIT(8)
#define PTE_NX BIT(63)
#define PTE_ADDRESS 0x000ffffffffff000ull
#define TABLE_ENTRIES 512
#define LEVELS 4
#define CACHE_LINE 64

enum mapping {
	MAP_TEXT,
	MAP_RODATA,
	MAP_DATA,
	MAP_DEVICE,
	MAP_LOW_CODE,
};

extern const char image_start[], rodata_start[], data_start[], image_end[];

static struct {
	struct spinlock lock;
	u64 *root;
	u64 device_next;	/* (l) */
	u64 stack_next;	/* (l) */
	void *free_stacks;	/* (l) chain through the lowest word of each free stack */
	bool ready;
	u32 flush_left;	/* atomic: cores that have not flushed yet */
	struct spinlock flush_lock;	/* one shoot-down at a time */
} paging;

static const u64 flags_of[] = {
	[MAP_TEXT] = PTE_PRESENT | PTE_GLOBAL,
	[MAP_RODATA] = PTE_PRESENT | PTE_GLOBAL | PTE_NX,
	[MAP_DATA] = PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NX,
	[MAP_DEVICE] = PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NX | PTE_CACHE_DISABLE | PTE_WRITE_THROUGH,
	[MAP_LOW_CODE] = PTE_PRESENT | PTE_WRITE,
};

static u32 index_at(u64 va, u32 level)
{
	return (u32)(va >> (PAGE_SHIFT + 9 * level)) & (TABLE_ENTRIES - 1);
}

static u64 *table_of(u64 entry)
{
	return hpa_to_hva(HPA(entry & PTE_ADDRESS));
}

/* A 2 MiB or 1 GiB entry becomes a table of the next smaller size with the same rights. */
static int split(u64 *entry, u32 level)
{
	u64 *table = page_zalloc(1, PAGE_KERNEL);
	u64 step = 1ull << (PAGE_SHIFT + 9 * (level - 1));
	u64 flags = *entry & ~PTE_ADDRESS;

	if (!table)
		return -ENOMEM;
	if (level == 1)
		flags &= ~PTE_LARGE;
	for (u64 i = 0; i < TABLE_ENTRIES; i++)
		table[i] = ((*entry & PTE_ADDRESS) + i * step) | flags;
	*entry = hva_to_hpa(table).raw | PTE_PRESENT | PTE_WRITE;
	return 0;
}

/* Entry of @va at @level (0 = 4 KiB), creating tables on the way. NULL: no page for a table. */
static u64 *walk_create(u64 va, u32 level)
{
	u64 *table = paging.root;

	for (u32 at = LEVELS - 1; at > level; at--) {
		u64 *entry = &table[index_at(va, at)];

		if (!(*entry & PTE_PRESENT)) {
			u64 *fresh = page_zalloc(1, PAGE_KERNEL);

			if (!fresh)
				return NULL;
			*entry = hva_to_hpa(fresh).raw | PTE_PRESENT | PTE_WRITE;
		} else if ((*entry & PTE_LARGE) && split(entry, at)) {
			return NULL;
		}
		table = table_of(*entry);
	}
	return &table[index_at(va, level)];
}

static int map_range(u64 va, u64 hpa, u64 bytes, enum mapping kind, u64 largest)
{
	while (bytes != 0) {
		u32 level = 0;
		u64 size = PAGE_SIZE;
		u64 *entry;

		while (size * TABLE_ENTRIES <= largest && bytes >= size * TABLE_ENTRIES &&
		       IS_ALIGNED(va | hpa, size * TABLE_ENTRIES)) {
			size *= TABLE_ENTRIES;
			level++;
		}
		entry = walk_create(va, level);
		if (!entry)
			return -ENOMEM;
		*entry = hpa | flags_of[kind] | (level ? PTE_LARGE : 0);
		va += size;
		hpa += size;
		bytes -= size;
	}
	return 0;
}

static void must_map(u64 va, u64 hpa, u64 bytes, enum mapping kind, u64 largest)
{
	panic_if(map_range(va, hpa, bytes, kind, largest), "no memory for Cella's own page tables");
}

static void map_image_part(const char *from, const char *to, enum mapping kind)
{
	u64 va = (u64)from;

	must_map(va, va - CELLA_VIRT_BASE + CELLA_PHYS_BASE, ALIGN_UP((u64)(to - from), PAGE_SIZE), kind, PAGE_SIZE);
}

u64 paging_root(void)
{
	return hva_to_hpa(paging.root).raw;
}

static void flush_all_local(void)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 & ~(u64)CR4_PGE);
	write_cr4(cr4);
}

static void flush_interrupt(void *arg)
{
	(void)arg;
	flush_all_local();
	__atomic_fetch_sub(&paging.flush_left, 1, __ATOMIC_RELEASE);
}

/* Every core forgets removed translations before this returns. */
static void shoot_down(void)
{
	struct percpu *self = arch_this_cpu();

	if (cpu_count() > 1) {
		spin_lock(&paging.flush_lock);
		__atomic_store_n(&paging.flush_left, cpu_count() - 1, __ATOMIC_RELEASE);
		for (u32 cpu = 0; cpu < cpu_count(); cpu++)
			if (cpu != self->id)
				arch_ipi(cpu, VECTOR_TLB);
		flush_all_local();
		while (__atomic_load_n(&paging.flush_left, __ATOMIC_ACQUIRE) != 0)
			arch_cpu_relax();
		spin_unlock(&paging.flush_lock);
	} else {
		flush_all_local();
	}
}

void arch_paging_init(const struct boot_info *boot)
{
	u64 largest = cpu_features()->pages_1g ? PAGE_SIZE_1G : PAGE_SIZE_2M;

	paging.root = page_zalloc(1, PAGE_KERNEL);
	panic_if(!paging.root, "no memory for Cella's own page tables");
	paging.device_next = DEVICE_MAP_BASE;
	paging.stack_next = STACK_MAP_BASE;
	map_image_part(image_start, rodata_start, MAP_TEXT);
	map_image_part(rodata_start, data_start, MAP_RODATA);
	map_image_part(data_start, image_end, MAP_DATA);
	for (u32 i = 0; i < boot->range_count; i++) {
		const struct boot_range *range = &boot->ranges[i];
		u64 start = ALIGN_UP(range->base, PAGE_SIZE);
		u64 end = ALIGN_DOWN(range->base + range->bytes, PAGE_SIZE);

		if (range->type == BOOT_RANGE_RAM && end > start)
			must_map(DIRECT_MAP_BASE + start, start, end - start, MAP_DATA, largest);
	}
	write_cr3(paging_root());
	flush_all_local();
	panic_if(irq_register(VECTOR_TLB, flush_interrupt, NULL), "the TLB vector is taken");
	paging.ready = true;
}

/* Remove or restore 4 KiB entries of the direct map, whole 2 MiB entries where they are covered. */
static int change_direct_map(u64 start, u64 bytes, bool present)
{
	while (bytes != 0) {
		u64 va = DIRECT_MAP_BASE + start;
		bool large = bytes >= PAGE_SIZE_2M && IS_ALIGNED(start, PAGE_SIZE_2M);
		u64 size = large ? PAGE_SIZE_2M : PAGE_SIZE;
		u64 *entry = walk_create(va, large);

		if (!entry)
			return -ENOMEM;
		if (present)
			*entry = start | flags_of[MAP_DATA] | (large ? PTE_LARGE : 0);
		else
			*entry = 0;
		start += size;
		bytes -= size;
	}
	return 0;
}

int arch_direct_map_remove(hpa_t start, u64 bytes)
{
	u64 saved = spin_lock_irqsave(&paging.lock);
	int result = change_direct_map(start.raw, bytes, false);

	spin_unlock_irqrestore(&paging.lock, saved);
	shoot_down();
	return result;
}

int arch_direct_map_restore(hpa_t start, u64 bytes)
{
	u64 saved = spin_lock_irqsave(&paging.lock);
	int result = change_direct_map(start.raw, bytes, true);

	spin_unlock_irqrestore(&paging.lock, saved);
	return result;
}

static void clear_lines(void *page)
{
	static const u64 zeros[CACHE_LINE / sizeof(u64)] __aligned(CACHE_LINE);

	if (!cpu_features()->movdir64b) {
		memset(page, 0, PAGE_SIZE);
		return;
	}
	for (u32 offset = 0; offset < PAGE_SIZE; offset += CACHE_LINE)
		movdir64b((u8 *)page + offset, zeros);
}

void arch_window_clear(hpa_t page, u64 bytes)
{
	for (u64 done = 0; done < bytes; done += PAGE_SIZE) {
		u64 saved = arch_irq_save();
		u64 va = WINDOW_BASE + (u64)((struct percpu *)arch_this_cpu())->id * PAGE_SIZE;
		u64 *entry;

		spin_lock(&paging.lock);
		entry = walk_create(va, 0);
		spin_unlock(&paging.lock);
		panic_if(!entry, "no memory for a core's window");
		*entry = (page.raw + done) | flags_of[MAP_DATA];
		invlpg((void *)va);
		clear_lines((void *)va);
		mfence();
		*entry = 0;
		invlpg((void *)va);
		arch_irq_restore(saved);
	}
}

static void *map_somewhere(hpa_t start, u64 bytes, enum mapping kind)
{
	u64 offset = start.raw & (PAGE_SIZE - 1);
	u64 size = ALIGN_UP(bytes + offset, PAGE_SIZE);
	u64 saved = spin_lock_irqsave(&paging.lock);
	u64 va = paging.device_next;
	void *mapped = NULL;

	if (size <= DEVICE_MAP_BASE + DEVICE_MAP_BYTES - va && map_range(va, start.raw - offset, size, kind, PAGE_SIZE) == 0) {
		paging.device_next += size + PAGE_SIZE;
		mapped = (void *)(va + offset);
	}
	spin_unlock_irqrestore(&paging.lock, saved);
	return mapped;
}

void *arch_map_device(hpa_t start, u64 bytes)
{
	return map_somewhere(start, bytes, MAP_DEVICE);
}

const void *paging_map_readonly(hpa_t start, u64 bytes)
{
	return map_somewhere(start, bytes, MAP_RODATA);
}

void paging_map_low_page(u64 hpa)
{
	must_map(hpa, hpa, PAGE_SIZE, MAP_LOW_CODE, PAGE_SIZE);
}

void paging_unmap_low_page(u64 hpa)
{
	u64 *entry = walk_create(hpa, 0);

	if (entry)
		*entry = 0;
	shoot_down();
}

void *arch_stack_alloc(void)
{
	u64 saved = spin_lock_irqsave(&paging.lock);
	u64 base = (u64)paging.free_stacks;
	hpa_t pages;

	if (base) {
		paging.free_stacks = *(void **)base;
		spin_unlock_irqrestore(&paging.lock, saved);
		return (void *)(base + STACK_BYTES);
	}
	base = paging.stack_next + PAGE_SIZE;	/* the guard page stays unmapped */
	paging.stack_next = base + STACK_BYTES;
	spin_unlock_irqrestore(&paging.lock, saved);
	if (paging.stack_next > STACK_MAP_BASE + STACK_MAP_BYTES ||
	    page_alloc(ZONE_HOST, STACK_BYTES / PAGE_SIZE, PAGE_SIZE, PAGE_KERNEL, PAGE_ANY_NODE, &pages))
		return NULL;
	saved = spin_lock_irqsave(&paging.lock);
	if (map_range(base, pages.raw, STACK_BYTES, MAP_DATA, PAGE_SIZE)) {
		spin_unlock_irqrestore(&paging.lock, saved);
		page_free(pages, STACK_BYTES / PAGE_SIZE, PAGE_KERNEL);
		return NULL;
	}
	spin_unlock_irqrestore(&paging.lock, saved);
	return (void *)(base + STACK_BYTES);
}

void arch_stack_free(void *top)
{
	u64 base = (u64)top - STACK_BYTES;
	u64 saved = spin_lock_irqsave(&paging.lock);

	*(void **)base = paging.free_stacks;
	paging.free_stacks = (void *)base;
	spin_unlock_irqrestore(&paging.lock, saved);
}
