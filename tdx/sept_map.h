/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bookkeeping of one TD's secure EPT: which page backs which GPA, and which page is the table there. The module does
 * not tell a host its tables again, so these books are what reclaiming goes by. No locking: the TD's lock is the
 * caller's.
 */
#ifndef TDX_SEPT_MAP_H
#define TDX_SEPT_MAP_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"

struct sept_map;

/* What an entry of some level holds. */
enum sept_map_kind {
	SEPT_MAP_NOTHING,
	SEPT_MAP_PAGE,	/* private memory: 4 KiB (level 0) or 2 MiB (level 1) */
	SEPT_MAP_TABLE,
};

struct sept_map_entry {
	enum sept_map_kind kind;
	enum tdx_level level;	/* of the entry */
	gpa_t gpa;	/* first GPA the entry covers */
	hpa_t hpa;	/* of the private page or of the secure EPT page */
};

/**
 * sept_map_create() - empty books. @root_level: level of the root's entries (TDX_LEVEL_512G or TDX_LEVEL_256T). NULL:
 * no page
 */
struct sept_map *sept_map_create(enum tdx_level root_level);
/** sept_map_destroy() - frees the books, not the pages named in them */
void sept_map_destroy(struct sept_map *map);

/**
 * sept_map_find() - the entry that decides about @gpa
 * @stop: deepest level to look at. Returns the first entry on the way down that is not a table, or the entry at @stop.
 */
struct sept_map_entry sept_map_find(const struct sept_map *map, gpa_t gpa, enum tdx_level stop);

/**
 * sept_map_prepare_table() - memory for the books below the empty entry at @level; -ENOMEM. sept_map_set_table() uses
 * it
 */
int __must_check sept_map_prepare_table(struct sept_map *map);
/** sept_map_set_table() - the empty entry of @gpa at @level is now a table in page @hpa. After sept_map_prepare_table()
 */
void sept_map_set_table(struct sept_map *map, gpa_t gpa, enum tdx_level level, hpa_t hpa);
/** sept_map_set_page() - the empty entry of @gpa at @level now holds private page @hpa */
void sept_map_set_page(struct sept_map *map, gpa_t gpa, enum tdx_level level, hpa_t hpa);
/** sept_map_clear() - the entry at @level holds nothing any more; a table must be empty, its books are freed */
void sept_map_clear(struct sept_map *map, gpa_t gpa, enum tdx_level level);
/** sept_map_split() - the 2 MiB page at @gpa became a table in page @hpa with 512 pages. After sept_map_prepare_table()
 */
void sept_map_split(struct sept_map *map, gpa_t gpa, hpa_t hpa);
/** sept_map_table_is_empty() - nothing below the table entry of @gpa at @level? */
bool sept_map_table_is_empty(const struct sept_map *map, gpa_t gpa, enum tdx_level level);

/** sept_map_visit() - every page and table, tables after what lies below them; @visit must not change the books */
void sept_map_visit(const struct sept_map *map, void (*visit)(const struct sept_map_entry *entry, void *arg),
		    void *arg);

#endif
