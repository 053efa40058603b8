/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical pages: who owns every 4 KiB of RAM, and contiguous aligned allocation up to many GiB.
 *
 * Two zones. ZONE_HOST is mapped in the direct map. ZONE_TD is the TD pool: carved out once by page_carve_td_pool(),
 * never mapped, given to the TDX module page by page. Every page carries an owner tag; page_books() counts them, and
 * the books after a TD's death equal those from before its birth.
 * Any core, any context with interrupts on or off; one internal lock.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include "include/cella/boot_info.h"
#include "include/cella/types.h"

enum page_zone {
	ZONE_HOST,
	ZONE_TD,
	ZONE_COUNT,
};

/* Who holds a page. The order is that of the `mem` command. */
enum page_owner {
	PAGE_FREE,	/* RAM nobody holds */
	PAGE_ABSENT,	/* not RAM, or RAM the firmware kept */
	PAGE_IMAGE,	/* Cella's own image and first 1 MiB */
	PAGE_BOOT_MODULE,
	PAGE_KERNEL,	/* page tables, stacks, the allocator's own books, kernel objects */
	PAGE_GUEST,	/* host-side objects of a guest: struct guest, device state, queues */
	PAGE_GUEST_SHARED,	/* RAM a guest sees as shared */
	PAGE_SHARED_EPT,	/* tables of a guest's shared EPT */
	PAGE_PAMT,
	PAGE_TDR,	/* from here on: held by the TDX module for one TD */
	PAGE_TDCX,	/* TDCS and TDVPS child pages */
	PAGE_TDVPR,
	PAGE_SEPT,
	PAGE_TD_PRIVATE,
	PAGE_QUARANTINE,	/* could not be reclaimed: counted, shown, never reused */
	PAGE_OWNER_COUNT,
};

#define PAGE_ANY_NODE 0xffffffffu

struct page_books {
	u64 pages[ZONE_COUNT][PAGE_OWNER_COUNT];	/* 4 KiB pages */
};

/** page_init() - take over RAM as the boot loader described it. Boot core, once, before anything allocates */
void page_init(const struct boot_info *boot);

/**
 * page_set_node() - the range lies on NUMA node @node (from SRAT). After page_init()
 */
void page_set_node(hpa_t start, u64 bytes, u32 node);

/**
 * page_alloc() - contiguous pages
 * @zone: which pool. @count: 4 KiB pages, > 0. @align_bytes: power of two, >= 4 KiB
 * @owner: tag, one of the owners above PAGE_BOOT_MODULE. @node: preferred NUMA node or PAGE_ANY_NODE (never a refusal)
 * @start: written on success only. Content undefined.
 * -ENOMEM: no such run is free. Large runs are searched from the top, single pages from the bottom, to keep 2 MiB
 * blocks whole.
 */
int __must_check page_alloc(enum page_zone zone, u64 count, u64 align_bytes, enum page_owner owner, u32 node,
			    hpa_t *start);

/** page_alloc_at() - exactly these host pages. @owner: as for page_alloc(). -ENOMEM: one of them is not free RAM */
int __must_check page_alloc_at(hpa_t start, u64 count, enum page_owner owner);

/**
 * page_free() - give pages back
 * @owner: what they were allocated as; a mismatch is our own bug and panics with both names
 */
void page_free(hpa_t start, u64 count, enum page_owner owner);

/**
 * page_set_owner() - change the tag of held pages (private memory to quarantine, for instance); panics on a mismatch
 */
void page_set_owner(hpa_t start, u64 count, enum page_owner from, enum page_owner to);

/** page_zalloc() - one zeroed host page in the direct map, or NULL; page_zfree() gives it back */
void *page_zalloc(u64 count, enum page_owner owner);
void page_zfree(void *pages, u64 count, enum page_owner owner);

/**
 * page_carve_td_pool() - move free RAM into ZONE_TD
 * @start: HPA, 2 MiB aligned. @bytes: multiple of 2 MiB. Pages in the range that somebody already holds stay ZONE_HOST.
 * Returns the number of 4 KiB pages moved. page_return_td_pool() moves free ones back (failed bring-up).
 */
u64 page_carve_td_pool(hpa_t start, u64 bytes);
u64 page_return_td_pool(hpa_t start, u64 bytes);

/** page_owner_of() - tag of the page at @page; PAGE_ABSENT outside RAM. For traps and sanitizers */
enum page_owner page_owner_of(hpa_t page);
enum page_zone page_zone_of(hpa_t page);
/** page_node_of() - NUMA node of the 2 MiB block at @page; 0 when the firmware does not tell */
u32 page_node_of(hpa_t page);
const char *page_owner_name(enum page_owner owner);

/** page_books_read() - count all pages. O(1): counters are kept */
void page_books_read(struct page_books *books);
bool page_books_equal(const struct page_books *a, const struct page_books *b);

/** page_ram_top() - first HPA above all RAM; page_largest_free() - bytes of the longest free run in a zone */
hpa_t page_ram_top(void);
u64 page_largest_free(enum page_zone zone);

/** page_for_each_free_range() - walk the free runs of @zone of at least @min_bytes, ascending */
void page_for_each_free_range(enum page_zone zone, u64 min_bytes, void (*visit)(hpa_t start, u64 bytes, void *arg),
			      void *arg);

#endif
