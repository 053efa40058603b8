/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The books behind kernel/page.c: one tag per 4 KiB page, a summary per 2 MiB block and per group of 512 blocks.
 * Internal to kernel/page.c and kernel/page_map.c; the caller holds page.c's lock.
 *
 * Only blocks that contain RAM have books, so holes of terabytes cost nothing. Pages are named by their index in the
 * books; neighbours in the index are neighbours in RAM as long as they lie in the same span.
 */
#ifndef KERNEL_PAGE_MAP_H
#define KERNEL_PAGE_MAP_H

#include "include/cella/boot_info.h"
#include "include/cella/types.h"
#include "kernel/page.h"

#define BLOCK_PAGES 512ull	/* 4 KiB pages in a 2 MiB block */
#define GROUP_BLOCKS 512ull

/* A tag is an owner, and in bit 7 the zone. */
typedef u8 page_tag_t;
#define PAGE_TAG(zone, owner) ((page_tag_t)((zone) << 7 | (owner)))

#define PAGE_NODE_NONE 0xff	/* not told by the SRAT */
#define PAGE_NODE_MIXED 0xfe	/* group only: its blocks differ */

struct page_block {
	u16 free[ZONE_COUNT];	/* free pages */
	u8 node;
};

struct page_group {
	u16 some[ZONE_COUNT];	/* blocks with at least one free page */
	u16 full[ZONE_COUNT];	/* blocks that are free altogether */
	u8 node;
};

/* Contiguous blocks. */
struct page_span {
	u64 first_block;	/* HPA / 2 MiB */
	u64 blocks;
	u64 first_index;	/* of its first page in the books */
};

struct page_map {
	u32 span_count;
	struct page_span spans[BOOT_MAX_RANGES];	/* ascending */
	u64 block_count;
	u64 group_count;
	page_tag_t *tags;	/* block_count * BLOCK_PAGES */
	struct page_block *blocks;
	struct page_group *groups;
	hpa_t ram_top;
	struct page_books books;
};

extern struct page_map page_map;

/** page_map_build() - make the books for the machine of @boot: find room for them, tag all that is not free */
void page_map_build(const struct boot_info *boot);

/** page_map_index() - index of the page at @page; false outside all spans */
bool page_map_index(hpa_t page, u64 *index);
/** page_map_hpa() - the reverse */
hpa_t page_map_hpa(u64 index);
/** page_map_span_end() - index behind the last page of the span that holds @index */
u64 page_map_span_end(u64 index);

/** page_map_retag() - @count pages from @index, all tagged @from, become @to; all summaries and counters follow */
void page_map_retag(u64 index, u64 count, page_tag_t from, page_tag_t to);
/** page_map_retag_some() - the same for those of the pages that are tagged @from; returns how many */
u64 page_map_retag_some(u64 index, u64 count, page_tag_t from, page_tag_t to);

/**
 * page_map_next_run() - longest run of free pages of @zone that starts at or after *@index
 * Moves *@index behind the run. False: no more. Steps over groups without free pages.
 */
bool page_map_next_run(enum page_zone zone, u64 *index, u64 *start, u64 *count);

#endif
