/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's page tables, one set for all cores: W^X image, NX direct map of RAM, device mappings, stacks with
 * guard pages, per-core windows. Large pages in the direct map; a range that is taken out splits them, and a 2 MiB
 * entry that is written over a table gives the table back. The map of regions is include/cella/memory_map.h. Code and
 * read-only data are mapped once, in the image: the direct map leaves them out, so that no writable alias exists.
 *
 * A change that removes a translation is followed by a TLB shoot-down: every core flushes in VECTOR_TLB and
 * acknowledges. paging.lock: tables and address space; taken before page.c's lock. paging.flush_lock: one shoot-down at
 * a time; waited for with interrupts on, because its holder waits for this core. SDM volume 3, "4-Level Paging",
 * "Recommended Invalidation".
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
#define NO_TABLES "no memory for Cella's own page tables"
#define STACK_SLOTS 1024	/* cores and tasks together */
_Static_assert(MAX_CPUS <= TABLE_ENTRIES, "all windows lie in one page table");

enum mapping {
	MAP_TEXT,
	MAP_RODATA,
	MAP_DATA,
	MAP_DEVICE,
	MAP_LOW_CODE,
};

extern const char image_start[], rodata_start[], data_start[], image_end[], boot_stack_guard[];

static struct {
	struct spinlock lock;
	u64 *root;
	u64 *windows;	/* one entry per core, the core's own */
	u64 device_next;	/* (l) */
	bool stack_taken[STACK_SLOTS];	/* (l) */
	bool ready;	/* our tables are the running ones */
	u32 flush_left;	/* atomic: cores that have not flushed yet */
	struct spinlock flush_lock;	/* one shoot-down at a time */
	u64 tables;	/* atomic: pages in tables, the root not counted */
} paging;

static const u64 flags_of[] = {
	[MAP_TEXT] = PTE_PRESENT | PTE_GLOBAL,
	[MAP_RODATA] = PTE_PRESENT | PTE_GLOBAL | PTE_NX,
	[MAP_DATA] = PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NX,
	[MAP_DEVICE] = PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NX | PTE_CACHE_DISABLE | PTE_WRITE_THROUGH,
	[MAP_LOW_CODE] = PTE_PRESENT,
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
	__atomic_fetch_add(&paging.tables, 1, __ATOMIC_RELAXED);
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
			__atomic_fetch_add(&paging.tables, 1, __ATOMIC_RELAXED);
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
	panic_if(map_range(va, hpa, bytes, kind, largest), NO_TABLES);
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

/* Global translations too. Interrupts off in between: a handler may change CR4 (VMX on). */
static void flush_all_local(void)
{
	u64 saved = arch_irq_save();
	u64 cr4 = read_cr4();

	write_cr4(cr4 & ~(u64)CR4_PGE);
	write_cr4(cr4);
	arch_irq_restore(saved);
}

static void flush_interrupt(void *arg)
{
	(void)arg;
	flush_all_local();
	__atomic_fetch_sub(&paging.flush_left, 1, __ATOMIC_RELEASE);
}

/* Every core forgets removed translations before this returns. Interrupts on where there are other cores. */
static void shoot_down(void)
{
	u32 self = ((struct percpu *)arch_this_cpu())->id;
	u32 count = cpu_count();

	if (count == 1) {
		flush_all_local();
		return;
	}
	spin_lock(&paging.flush_lock);
	__atomic_store_n(&paging.flush_left, count - 1, __ATOMIC_RELEASE);
	for (u32 cpu = 0; cpu < count; cpu++)
		if (cpu != self)
			arch_ipi(cpu, VECTOR_TLB);
	flush_all_local();
	while (__atomic_load_n(&paging.flush_left, __ATOMIC_ACQUIRE) != 0)
		arch_cpu_relax();
	spin_unlock(&paging.flush_lock);
}

static void free_detached(u64 *detached)
{
	while (detached) {
		u64 *next = (u64 *)detached[0];

		page_zfree(detached, 1, PAGE_KERNEL);
		__atomic_fetch_sub(&paging.tables, 1, __ATOMIC_RELAXED);
		detached = next;
	}
}

/*
 * Write entries of the direct map with @flags, 0: not present; whole 2 MiB entries where the range covers them. Tables
 * that are no longer used come out in @detached, to be freed when no core can walk them any more.
 */
static int change_direct_map(u64 start, u64 bytes, u64 flags, u64 **detached)
{
	while (bytes != 0) {
		bool large = bytes >= PAGE_SIZE_2M && IS_ALIGNED(start, PAGE_SIZE_2M);
		u64 size = large ? PAGE_SIZE_2M : PAGE_SIZE;
		u64 *entry = walk_create(DIRECT_MAP_BASE + start, large);
		u64 old;

		if (!entry)
			return -ENOMEM;
		old = *entry;
		*entry = flags ? start | flags | (large ? PTE_LARGE : 0) : 0;
		if (large && (old & PTE_PRESENT) && !(old & PTE_LARGE)) {
			/* the chain goes through the first entries, whose bit for "present" is 0 */
			table_of(old)[0] = (u64)*detached;
			*detached = table_of(old);
		}
		start += size;
		bytes -= size;
	}
	return 0;
}

static int change_and_flush(hpa_t start, u64 bytes, u64 flags)
{
	u64 *detached = NULL;
	u64 saved = spin_lock_irqsave(&paging.lock);
	int result = change_direct_map(start.raw, bytes, flags, &detached);

	spin_unlock_irqrestore(&paging.lock, saved);
	if (!flags || detached)
		shoot_down();	/* what was not present before is in no TLB */
	free_detached(detached);
	return result;
}

u64 arch_page_tables(void)
{
	return __atomic_load_n(&paging.tables, __ATOMIC_RELAXED);
}

int arch_direct_map_remove(hpa_t start, u64 bytes)
{
	return change_and_flush(start, bytes, 0);
}

int arch_direct_map_restore(hpa_t start, u64 bytes)
{
	return change_and_flush(start, bytes, flags_of[MAP_DATA]);
}

/* ---- bring-up ---- */

static void map_image(void)
{
	u64 *detached = NULL;
	u64 *guard;

	map_image_part(image_start, rodata_start, MAP_TEXT);
	map_image_part(rodata_start, data_start, MAP_RODATA);
	map_image_part(data_start, image_end, MAP_DATA);
	guard = walk_create((u64)boot_stack_guard, 0);
	if (guard)
		*guard = 0;
	panic_if(change_direct_map(CELLA_PHYS_BASE, (u64)(data_start - image_start), 0, &detached), NO_TABLES);
	free_detached(detached);
}

/* The lowest page of a slot is the guard page and stays unmapped. */
static u64 stack_base(u32 slot)
{
	return STACK_MAP_BASE + (u64)slot * (STACK_BYTES + PAGE_SIZE) + PAGE_SIZE;
}

void arch_paging_init(const struct boot_info *boot)
{
	u64 largest = cpu_features()->pages_1g ? PAGE_SIZE_1G : PAGE_SIZE_2M;

	paging.root = page_zalloc(1, PAGE_KERNEL);
	panic_if(!paging.root, NO_TABLES);
	paging.device_next = DEVICE_MAP_BASE;
	for (u32 i = 0; i < boot->range_count; i++) {
		const struct boot_range *range = &boot->ranges[i];
		u64 start = ALIGN_UP(range->base, PAGE_SIZE);
		u64 end = ALIGN_DOWN(MIN(range->base + range->bytes, DIRECT_MAP_BYTES), PAGE_SIZE);

		if (range->type == BOOT_RANGE_RAM && end > start)
			must_map(DIRECT_MAP_BASE + start, start, end - start, MAP_DATA, largest);
	}
	map_image();
	paging.windows = walk_create(WINDOW_BASE, 0);
	panic_if(!paging.windows, NO_TABLES);
	/* tables that will be needed later exist from the start, so that the page books of a TD's life balance */
	for (u64 va = STACK_MAP_BASE; va < stack_base(STACK_SLOTS); va += PAGE_SIZE_2M)
		panic_if(!walk_create(va, 0), NO_TABLES);
	write_cr3(paging_root());
	flush_all_local();
	panic_if(irq_register(VECTOR_TLB, flush_interrupt, NULL), "the TLB vector is taken");
	paging.ready = true;
}

bool paging_is_mapped(const void *address)
{
	u64 va = (u64)address;
	u64 *table = paging.root;

	if (!paging.ready)
		return va >= (u64)image_start && va < (u64)image_end;
	if (va < DIRECT_MAP_BASE)
		return false;	/* the lower half is empty, and what lies between the halves is no address */
	for (u32 level = LEVELS - 1;; level--) {
		u64 entry = table[index_at(va, level)];

		if (!(entry & PTE_PRESENT))
			return false;
		if (level == 0 || (entry & PTE_LARGE))
			return true;
		table = table_of(entry);
	}
}

/* ---- windows, devices, stacks ---- */

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
		u64 saved = arch_irq_save();	/* the window belongs to this core */
		u32 id = ((struct percpu *)arch_this_cpu())->id;
		void *window = (void *)(WINDOW_BASE + (u64)id * PAGE_SIZE);

		paging.windows[id] = (page.raw + done) | flags_of[MAP_DATA];
		clear_lines(window);
		paging.windows[id] = 0;
		invlpg(window);
		arch_irq_restore(saved);
	}
	mfence();
}

/* Page by page into the device region. NULL: beyond what the processor can address, or no room. */
static void *map_somewhere(hpa_t start, u64 bytes, enum mapping kind)
{
	u64 limit = 1ull << cpu_features()->physical_bits;
	u64 offset = start.raw & (PAGE_SIZE - 1);
	void *mapped = NULL;
	u64 saved, size, va;

	if (start.raw >= limit || bytes > limit - start.raw)
		return NULL;
	size = ALIGN_UP(bytes + offset, PAGE_SIZE);
	saved = spin_lock_irqsave(&paging.lock);
	va = paging.device_next;
	if (size + PAGE_SIZE <= DEVICE_MAP_BASE + DEVICE_MAP_BYTES - va &&
	    map_range(va, start.raw - offset, size, kind, PAGE_SIZE) == 0) {
		paging.device_next += size + PAGE_SIZE;	/* a hole between any two */
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

/* A free slot, taken; STACK_SLOTS when there is none. Caller holds the lock. */
static u32 take_stack_slot(void)
{
	u32 slot = 0;

	while (slot < STACK_SLOTS && paging.stack_taken[slot])
		slot++;
	if (slot < STACK_SLOTS)
		paging.stack_taken[slot] = true;
	return slot;
}

void *arch_stack_alloc(void)
{
	u64 saved;
	hpa_t pages;
	u32 slot;

	if (page_alloc(ZONE_HOST, STACK_BYTES / PAGE_SIZE, PAGE_SIZE, PAGE_KERNEL, PAGE_ANY_NODE, &pages))
		return NULL;
	saved = spin_lock_irqsave(&paging.lock);
	slot = take_stack_slot();
	/* the tables exist since arch_paging_init() */
	if (slot < STACK_SLOTS && map_range(stack_base(slot), pages.raw, STACK_BYTES, MAP_DATA, PAGE_SIZE))
		slot = STACK_SLOTS;
	spin_unlock_irqrestore(&paging.lock, saved);
	if (slot == STACK_SLOTS) {
		page_free(pages, STACK_BYTES / PAGE_SIZE, PAGE_KERNEL);
		return NULL;
	}
	return (void *)(stack_base(slot) + STACK_BYTES);
}

void arch_stack_free(void *top)
{
	u64 base = (u64)top - STACK_BYTES;
	u32 slot = (u32)((base - PAGE_SIZE - STACK_MAP_BASE) / (STACK_BYTES + PAGE_SIZE));
	u64 saved = spin_lock_irqsave(&paging.lock);
	u64 pages = *walk_create(base, 0) & PTE_ADDRESS;

	for (u64 offset = 0; offset < STACK_BYTES; offset += PAGE_SIZE)
		*walk_create(base + offset, 0) = 0;
	spin_unlock_irqrestore(&paging.lock, saved);
	shoot_down();
	saved = spin_lock_irqsave(&paging.lock);
	paging.stack_taken[slot] = false;
	spin_unlock_irqrestore(&paging.lock, saved);
	page_free(HPA(pages), STACK_BYTES / PAGE_SIZE, PAGE_KERNEL);
}
