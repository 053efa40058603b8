/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/sept_map.h"

#include <string.h>

#include "kernel/page.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static struct page_books before;

static struct sept_map *new_map(void)
{
	tdx_world_reset();
	page_books_read(&before);
	return sept_map_create(TDX_LEVEL_512G);
}

/* Tables down to the entries of @level. */
static void tables_for(struct sept_map *map, gpa_t gpa, enum tdx_level level)
{
	for (enum tdx_level at = TDX_LEVEL_512G; at > level; at--) {
		if (sept_map_find(map, gpa, at).kind == SEPT_MAP_NOTHING) {
			CHECK_EQ(sept_map_prepare_table(map), 0);
			sept_map_set_table(map, gpa, at, HPA(0x1000000ull * at));
		}
	}
}

static void check_nothing_is_left(struct sept_map *map)
{
	struct page_books after;

	sept_map_destroy(map);
	page_books_read(&after);
	CHECK(page_books_equal(&before, &after));
}

TEST(sept_map_finds_where_the_walk_stops)
{
	struct sept_map *map = new_map();
	struct sept_map_entry entry;

	entry = sept_map_find(map, GPA(GIB(5)), TDX_LEVEL_4K);
	CHECK_EQ(entry.kind, SEPT_MAP_NOTHING);
	CHECK_EQ(entry.level, TDX_LEVEL_512G);
	CHECK_EQ(entry.gpa.raw, 0);
	tables_for(map, GPA(GIB(5)), TDX_LEVEL_2M);
	entry = sept_map_find(map, GPA(GIB(5) + MIB(3)), TDX_LEVEL_4K);
	CHECK_EQ(entry.kind, SEPT_MAP_NOTHING);
	CHECK_EQ(entry.level, TDX_LEVEL_2M);
	CHECK_EQ(entry.gpa.raw, GIB(5) + MIB(2));
	CHECK_EQ(sept_map_find(map, GPA(GIB(6)), TDX_LEVEL_4K).level, TDX_LEVEL_1G);
	check_nothing_is_left(map);
}

TEST(sept_map_keeps_pages_of_both_sizes)
{
	struct sept_map *map = new_map();
	struct sept_map_entry entry;

	tables_for(map, GPA(0), TDX_LEVEL_2M);
	sept_map_set_page(map, GPA(MIB(4)), TDX_LEVEL_2M, HPA(MIB(200)));
	tables_for(map, GPA(MIB(6)), TDX_LEVEL_4K);
	sept_map_set_page(map, GPA(MIB(6) + KIB(8)), TDX_LEVEL_4K, HPA(MIB(300)));
	entry = sept_map_find(map, GPA(MIB(5)), TDX_LEVEL_4K);
	CHECK_EQ(entry.kind, SEPT_MAP_PAGE);
	CHECK_EQ(entry.level, TDX_LEVEL_2M);
	CHECK_EQ(entry.hpa.raw, MIB(200));
	entry = sept_map_find(map, GPA(MIB(6) + KIB(8)), TDX_LEVEL_4K);
	CHECK_EQ(entry.kind, SEPT_MAP_PAGE);
	CHECK_EQ(entry.level, TDX_LEVEL_4K);
	CHECK_EQ(entry.hpa.raw, MIB(300));
	entry = sept_map_find(map, GPA(MIB(6)), TDX_LEVEL_2M);
	CHECK_EQ(entry.kind, SEPT_MAP_TABLE);
	CHECK_EQ(entry.hpa.raw, 0x1000000);
	check_nothing_is_left(map);
}

TEST(sept_map_splits_a_page_into_its_512_parts)
{
	struct sept_map *map = new_map();

	tables_for(map, GPA(0), TDX_LEVEL_2M);
	sept_map_set_page(map, GPA(MIB(2)), TDX_LEVEL_2M, HPA(MIB(64)));
	CHECK_EQ(sept_map_prepare_table(map), 0);
	sept_map_split(map, GPA(MIB(2)), HPA(MIB(99)));
	CHECK_EQ(sept_map_find(map, GPA(MIB(2)), TDX_LEVEL_2M).hpa.raw, MIB(99));
	for (u64 offset = 0; offset < MIB(2); offset += PAGE_SIZE)
		CHECK_EQ(sept_map_find(map, GPA(MIB(2) + offset), TDX_LEVEL_4K).hpa.raw, MIB(64) + offset);
	CHECK(!sept_map_table_is_empty(map, GPA(MIB(2)), TDX_LEVEL_2M));
	for (u64 offset = 0; offset < MIB(2); offset += PAGE_SIZE)
		sept_map_clear(map, GPA(MIB(2) + offset), TDX_LEVEL_4K);
	CHECK(sept_map_table_is_empty(map, GPA(MIB(2)), TDX_LEVEL_2M));
	sept_map_clear(map, GPA(MIB(2)), TDX_LEVEL_2M);
	CHECK_EQ(sept_map_find(map, GPA(MIB(2)), TDX_LEVEL_4K).kind, SEPT_MAP_NOTHING);
	check_nothing_is_left(map);
}

struct tally {
	u32 pages, tables;
	enum tdx_level last_level;
};

static void tally_entry(const struct sept_map_entry *entry, void *arg)
{
	struct tally *tally = arg;

	if (entry->kind == SEPT_MAP_PAGE)
		tally->pages++;
	else
		tally->tables++;
	tally->last_level = entry->level;
}

TEST(sept_map_visits_everything_once_and_tables_last)
{
	struct sept_map *map = new_map();
	struct tally tally = { 0 };

	for (u64 gpa = 0; gpa < GIB(1) * 4; gpa += GIB(1)) {
		tables_for(map, GPA(gpa), TDX_LEVEL_2M);
		sept_map_set_page(map, GPA(gpa), TDX_LEVEL_2M, HPA(gpa + MIB(2)));
	}
	sept_map_visit(map, tally_entry, &tally);
	CHECK_EQ(tally.pages, 4);
	CHECK_EQ(tally.tables, 5);	/* one of 512 GiB, four of 1 GiB */
	CHECK_EQ(tally.last_level, TDX_LEVEL_512G);
	check_nothing_is_left(map);
}

TEST(sept_map_with_five_levels)
{
	struct sept_map *map;

	tdx_world_reset();
	page_books_read(&before);
	map = sept_map_create(TDX_LEVEL_256T);
	CHECK_EQ(sept_map_find(map, GPA(0x4000000000000ull), TDX_LEVEL_4K).level, TDX_LEVEL_256T);
	CHECK_EQ(sept_map_prepare_table(map), 0);
	sept_map_set_table(map, GPA(0x4000000000000ull), TDX_LEVEL_256T, HPA(MIB(8)));
	CHECK_EQ(sept_map_find(map, GPA(0x4000000000000ull), TDX_LEVEL_4K).level, TDX_LEVEL_512G);
	CHECK_EQ(sept_map_find(map, GPA(0), TDX_LEVEL_4K).level, TDX_LEVEL_256T);
	check_nothing_is_left(map);
}
