/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A radix tree in the shape of the secure EPT. A node with entries of level 1 and higher has two host pages: what each
 * entry leads to, and for tables the HPA of the secure EPT page. A node with 4 KiB entries has one. So 2 MiB backing
 * costs 8 KiB of books per GiB, 4 KiB backing 2 MiB per GiB, and every look-up is one walk of at most five steps.
 *
 * Entry: 0 = nothing; HPA | ENTRY_PAGE = private page; host address of the node below | ENTRY_TABLE.
 */
#include "tdx/sept_map.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/sept.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "tdx/tdmr.h"

#define ENTRY_PAGE 1ull
#define ENTRY_TABLE 2ull
#define ENTRY_KIND 3ull

struct node {
	u64 entry[EPT_ENTRIES];
	u64 table[];	/* levels above 4 KiB: EPT_ENTRIES HPAs of secure EPT pages */
};

struct sept_map {
	enum tdx_level root_level;
	struct node *root;
	struct node *spare;	/* two pages, for the next table; NULL: not prepared */
};

static u32 index_of(gpa_t gpa, enum tdx_level level)
{
	return (u32)(gpa.raw >> (PAGE_SHIFT + 9 * level)) & (EPT_ENTRIES - 1);
}

static u32 node_pages(enum tdx_level level)
{
	return level == TDX_LEVEL_4K ? 1 : 2;
}

static struct node *child_of(u64 entry)
{
	return (struct node *)(entry & ~ENTRY_KIND);
}

static enum sept_map_kind kind_of(u64 entry)
{
	if (entry & ENTRY_TABLE)
		return SEPT_MAP_TABLE;
	return entry & ENTRY_PAGE ? SEPT_MAP_PAGE : SEPT_MAP_NOTHING;
}

static struct sept_map_entry describe(const struct node *node, u32 index, gpa_t gpa, enum tdx_level level)
{
	struct sept_map_entry found = {
		.kind = kind_of(node->entry[index]),
		.level = level,
		.gpa = GPA(ALIGN_DOWN(gpa.raw, level_bytes(level))),
	};

	if (found.kind == SEPT_MAP_TABLE)
		found.hpa = HPA(node->table[index]);
	else if (found.kind == SEPT_MAP_PAGE)
		found.hpa = HPA(node->entry[index] & ~ENTRY_KIND);
	return found;
}

/* The node whose entries have @level, on the way to @gpa; every table above must exist. */
static struct node *node_at(const struct sept_map *map, gpa_t gpa, enum tdx_level level)
{
	struct node *node = map->root;

	for (enum tdx_level at = map->root_level; at > level; at--) {
		u64 entry = node->entry[index_of(gpa, at)];

		panic_if(kind_of(entry) != SEPT_MAP_TABLE, "sept_map: no table at level %d for GPA 0x%lx", at, gpa.raw);
		node = child_of(entry);
	}
	return node;
}

struct sept_map *sept_map_create(enum tdx_level root_level)
{
	struct sept_map *map = page_zalloc(1, PAGE_GUEST);

	if (!map)
		return NULL;
	map->root_level = root_level;
	map->root = page_zalloc(node_pages(root_level), PAGE_GUEST);
	if (!map->root) {
		page_zfree(map, 1, PAGE_GUEST);
		return NULL;
	}
	return map;
}

static void free_node(struct node *node, enum tdx_level level)
{
	for (u32 i = 0; level > TDX_LEVEL_4K && i < EPT_ENTRIES; i++)
		if (kind_of(node->entry[i]) == SEPT_MAP_TABLE)
			free_node(child_of(node->entry[i]), level - 1);
	page_zfree(node, node_pages(level), PAGE_GUEST);
}

void sept_map_destroy(struct sept_map *map)
{
	free_node(map->root, map->root_level);
	if (map->spare)
		page_zfree(map->spare, 2, PAGE_GUEST);
	page_zfree(map, 1, PAGE_GUEST);
}

struct sept_map_entry sept_map_find(const struct sept_map *map, gpa_t gpa, enum tdx_level stop)
{
	const struct node *node = map->root;

	for (enum tdx_level level = map->root_level;; level--) {
		u32 index = index_of(gpa, level);

		if (level == stop || kind_of(node->entry[index]) != SEPT_MAP_TABLE)
			return describe(node, index, gpa, level);
		node = child_of(node->entry[index]);
	}
}

int sept_map_prepare_table(struct sept_map *map)
{
	if (!map->spare)
		map->spare = page_zalloc(2, PAGE_GUEST);
	return map->spare ? 0 : -ENOMEM;
}

/* The prepared node; one for 4 KiB entries gives its second page back at once. */
static struct node *take_spare(struct sept_map *map, enum tdx_level child_level)
{
	struct node *node = map->spare;

	panic_if(!node, "sept_map: no table prepared");
	map->spare = NULL;
	if (child_level == TDX_LEVEL_4K)
		page_zfree(node->table, 1, PAGE_GUEST);
	return node;
}

void sept_map_set_table(struct sept_map *map, gpa_t gpa, enum tdx_level level, hpa_t hpa)
{
	struct node *node = node_at(map, gpa, level);
	u32 index = index_of(gpa, level);

	panic_if(node->entry[index], "sept_map: entry for a table is not empty");
	node->entry[index] = (u64)take_spare(map, level - 1) | ENTRY_TABLE;
	node->table[index] = hpa.raw;
}

void sept_map_set_page(struct sept_map *map, gpa_t gpa, enum tdx_level level, hpa_t hpa)
{
	struct node *node = node_at(map, gpa, level);
	u32 index = index_of(gpa, level);

	panic_if(node->entry[index], "sept_map: entry for a page is not empty");
	node->entry[index] = hpa.raw | ENTRY_PAGE;
}

bool sept_map_table_is_empty(const struct sept_map *map, gpa_t gpa, enum tdx_level level)
{
	const struct node *child = node_at(map, gpa, level - 1);

	for (u32 i = 0; i < EPT_ENTRIES; i++)
		if (child->entry[i])
			return false;
	return true;
}

void sept_map_clear(struct sept_map *map, gpa_t gpa, enum tdx_level level)
{
	struct node *node = node_at(map, gpa, level);
	u32 index = index_of(gpa, level);

	if (kind_of(node->entry[index]) == SEPT_MAP_TABLE) {
		panic_if(!sept_map_table_is_empty(map, gpa, level), "sept_map: table is not empty");
		page_zfree(child_of(node->entry[index]), node_pages(level - 1), PAGE_GUEST);
		node->table[index] = 0;
	}
	node->entry[index] = 0;
}

void sept_map_split(struct sept_map *map, gpa_t gpa, hpa_t hpa)
{
	struct node *node = node_at(map, gpa, TDX_LEVEL_2M);
	u32 index = index_of(gpa, TDX_LEVEL_2M);
	u64 page = node->entry[index] & ~ENTRY_KIND;
	struct node *child;

	panic_if(kind_of(node->entry[index]) != SEPT_MAP_PAGE, "sept_map: no 2 MiB page to split");
	child = take_spare(map, TDX_LEVEL_4K);
	for (u32 i = 0; i < EPT_ENTRIES; i++)
		child->entry[i] = (page + (u64)i * PAGE_SIZE) | ENTRY_PAGE;
	node->entry[index] = (u64)child | ENTRY_TABLE;
	node->table[index] = hpa.raw;
}

static void visit_node(const struct node *node, enum tdx_level level, gpa_t gpa,
		       void (*visit)(const struct sept_map_entry *entry, void *arg), void *arg)
{
	for (u32 i = 0; i < EPT_ENTRIES; i++, gpa = gpa_add(gpa, level_bytes(level))) {
		struct sept_map_entry entry = describe(node, i, gpa, level);

		if (entry.kind == SEPT_MAP_TABLE)
			visit_node(child_of(node->entry[i]), level - 1, gpa, visit, arg);
		if (entry.kind != SEPT_MAP_NOTHING)
			visit(&entry, arg);
	}
}

void sept_map_visit(const struct sept_map *map, void (*visit)(const struct sept_map_entry *entry, void *arg), void *arg)
{
	visit_node(map->root, map->root_level, GPA(0), visit, arg);
}
