/* SPDX-License-Identifier: BSD-2-Clause */
/* The page allocator as kernel/page.h promises it, on machines made of a few ranges. */
#include "kernel/page.h"

#include <string.h>

#include "include/cella/errno.h"
#include "kernel/page_map.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

static struct boot_info boot;

static void add_range(u64 base, u64 bytes, enum boot_range_type type)
{
	boot.ranges[boot.range_count++] = (struct boot_range){ base, bytes, type };
}

/* A machine with @high_bytes of RAM above 4 GiB and 1 GiB below it, with the usual holes. */
static void start_machine(u64 high_bytes)
{
	fake_reset(1);
	memset(&boot, 0, sizeof(boot));
	add_range(0, 0x9fc00, BOOT_RANGE_RAM);
	add_range(0x9fc00, 0x400, BOOT_RANGE_RESERVED);
	add_range(0xf0000, 0x10000, BOOT_RANGE_RESERVED);
	add_range(MIB(1), GIB(1) - MIB(1), BOOT_RANGE_RAM);
	add_range(0xfffc0000, 0x40000, BOOT_RANGE_RESERVED);
	if (high_bytes)
		add_range(GIB(4), high_bytes, BOOT_RANGE_RAM);
	boot.module_count = 1;
	boot.modules[0].start = HPA(MIB(40));
	boot.modules[0].bytes = MIB(1) + 1;
	page_init(&boot);
}

static u64 free_pages(enum page_zone zone)
{
	struct page_books books;

	page_books_read(&books);
	return books.pages[zone][PAGE_FREE];
}

static hpa_t must_alloc(enum page_zone zone, u64 count, u64 align, enum page_owner owner)
{
	hpa_t start = HPA(~0ull);

	CHECK_EQ(page_alloc(zone, count, align, owner, PAGE_ANY_NODE, &start), 0);
	CHECK_EQ(start.raw % align, 0);
	CHECK_EQ(page_owner_of(start), owner);
	CHECK_EQ(page_owner_of(hpa_add(start, (count - 1) * PAGE_SIZE)), owner);
	return start;
}

/* The summaries agree with the tags, and the counters with both. */
static void check_summaries(void)
{
	struct page_books counted = { 0 };

	for (u64 block = 0; block < page_map.block_count; block++) {
		u64 free[ZONE_COUNT] = { 0 };

		for (u64 i = 0; i < BLOCK_PAGES; i++) {
			page_tag_t tag = page_map.tags[block * BLOCK_PAGES + i];

			counted.pages[tag >> 7][tag & 0x7f]++;
			free[tag >> 7] += (tag & 0x7f) == PAGE_FREE;
		}
		CHECK_EQ(page_map.blocks[block].free[ZONE_HOST], free[ZONE_HOST]);
		CHECK_EQ(page_map.blocks[block].free[ZONE_TD], free[ZONE_TD]);
	}
	CHECK(page_books_equal(&counted, &page_map.books));
	for (u64 group = 0; group < page_map.group_count; group++) {
		for (u32 zone = 0; zone < ZONE_COUNT; zone++) {
			u64 end = MIN((group + 1) * GROUP_BLOCKS, page_map.block_count);
			u64 some = 0, full = 0;

			for (u64 block = group * GROUP_BLOCKS; block < end; block++) {
				some += page_map.blocks[block].free[zone] > 0;
				full += page_map.blocks[block].free[zone] == BLOCK_PAGES;
			}
			CHECK_EQ(page_map.groups[group].some[zone], some);
			CHECK_EQ(page_map.groups[group].full[zone], full);
		}
	}
}

TEST(image_modules_low_memory_and_books_are_held)
{
	start_machine(GIB(2));
	CHECK_EQ(page_owner_of(HPA(0)), PAGE_IMAGE);
	CHECK_EQ(page_owner_of(HPA(0x9e000)), PAGE_IMAGE);
	CHECK_EQ(page_owner_of(HPA(0x9f000)), PAGE_ABSENT);	/* not a whole page of RAM */
	CHECK_EQ(page_owner_of(HPA(0xa0000)), PAGE_ABSENT);
	CHECK_EQ(page_owner_of(HPA(FAKE_IMAGE_HPA)), PAGE_IMAGE);
	CHECK_EQ(page_owner_of(HPA(FAKE_IMAGE_HPA + FAKE_IMAGE_BYTES - 1)), PAGE_IMAGE);
	CHECK_EQ(page_owner_of(HPA(MIB(40))), PAGE_BOOT_MODULE);
	CHECK_EQ(page_owner_of(HPA(MIB(41))), PAGE_BOOT_MODULE);
	CHECK_EQ(page_owner_of(HPA(MIB(41) + PAGE_SIZE)), PAGE_FREE);
	CHECK_EQ(page_owner_of(HPA(GIB(2))), PAGE_ABSENT);
	CHECK_EQ(page_owner_of(hva_to_hpa(page_map.tags)), PAGE_KERNEL);
	CHECK_EQ(page_ram_top().raw, GIB(6));
	check_summaries();
}

TEST(single_pages_fill_one_block_before_they_break_the_next)
{
	hpa_t first, page;

	start_machine(0);
	first = must_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL);
	for (u32 i = 0; i < 100; i++) {
		page = must_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL);
		CHECK_EQ(page.raw / PAGE_SIZE_2M, first.raw / PAGE_SIZE_2M);
	}
	check_summaries();
}

TEST(small_runs_keep_their_alignment)
{
	start_machine(0);
	must_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL);
	for (u64 pages = 2; pages <= 256; pages *= 2) {
		must_alloc(ZONE_HOST, pages, pages * PAGE_SIZE, PAGE_GUEST);
		must_alloc(ZONE_HOST, pages + 1, PAGE_SIZE, PAGE_GUEST);
	}
	check_summaries();
}

TEST(whole_blocks_come_from_the_top)
{
	hpa_t first, second;

	start_machine(GIB(1));
	first = must_alloc(ZONE_HOST, 512, PAGE_SIZE_2M, PAGE_GUEST_SHARED);
	second = must_alloc(ZONE_HOST, 512, PAGE_SIZE_2M, PAGE_GUEST_SHARED);
	CHECK_EQ(first.raw, GIB(5) - PAGE_SIZE_2M);
	CHECK_EQ(second.raw, GIB(5) - 2 * PAGE_SIZE_2M);
}

TEST(runs_of_gibibytes_are_found_and_aligned)
{
	hpa_t run;

	start_machine(GIB(3) + MIB(100));
	run = must_alloc(ZONE_HOST, GIB(2) / PAGE_SIZE, GIB(1), PAGE_PAMT);
	CHECK_EQ(run.raw, GIB(5));
	CHECK_EQ(page_alloc(ZONE_HOST, GIB(2) / PAGE_SIZE, PAGE_SIZE, PAGE_PAMT, PAGE_ANY_NODE, &run), -ENOMEM);
	run = must_alloc(ZONE_HOST, GIB(1) / PAGE_SIZE, GIB(1), PAGE_PAMT);
	CHECK_EQ(run.raw, GIB(4));
	check_summaries();
}

TEST(a_run_never_spans_a_hole)
{
	hpa_t run;

	start_machine(MIB(4));
	/* 1 GiB below 4 GiB and 4 MiB above: no 1 GiB + 1 page in one piece */
	CHECK_EQ(page_alloc(ZONE_HOST, GIB(1) / PAGE_SIZE + 1, PAGE_SIZE, PAGE_KERNEL, PAGE_ANY_NODE, &run), -ENOMEM);
	CHECK_EQ(page_largest_free(ZONE_HOST) % PAGE_SIZE, 0);
	CHECK(page_largest_free(ZONE_HOST) < GIB(1));
}

TEST(exhaustion_is_refused_and_books_are_equal_afterwards)
{
	struct page_books before, after;
	static hpa_t pages[300000];
	u32 count = 0;

	start_machine(0);
	page_books_read(&before);
	while (page_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &pages[count]) == 0)
		count++;
	CHECK_EQ(count, before.pages[ZONE_HOST][PAGE_FREE]);
	CHECK_EQ(free_pages(ZONE_HOST), 0);
	CHECK_EQ(page_largest_free(ZONE_HOST), 0);
	CHECK(page_zalloc(1, PAGE_KERNEL) == NULL);
	while (count--)
		page_free(pages[count], 1, PAGE_TD_PRIVATE);
	page_books_read(&after);
	CHECK(page_books_equal(&before, &after));
	check_summaries();
}

TEST(fragmented_memory_still_gives_what_fits)
{
	static hpa_t pages[300000];
	u32 count = 0;
	hpa_t run;

	start_machine(0);
	while (page_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL, PAGE_ANY_NODE, &pages[count]) == 0)
		count++;
	/* every other page free: single pages only */
	for (u32 i = 0; i < count; i++) {
		if (pages[i].raw / PAGE_SIZE % 2)
			page_free(pages[i], 1, PAGE_KERNEL);
	}
	CHECK_EQ(page_alloc(ZONE_HOST, 2, PAGE_SIZE, PAGE_GUEST, PAGE_ANY_NODE, &run), -ENOMEM);
	CHECK_EQ(page_largest_free(ZONE_HOST), PAGE_SIZE);
	/* a run across the border of two blocks */
	CHECK_EQ(page_owner_of(HPA(MIB(512))), PAGE_KERNEL);
	page_free(HPA(MIB(512)), 1, PAGE_KERNEL);
	page_free(HPA(MIB(512) - 2 * PAGE_SIZE), 1, PAGE_KERNEL);
	run = must_alloc(ZONE_HOST, 4, PAGE_SIZE, PAGE_GUEST);
	CHECK_EQ(run.raw, MIB(512) - 2 * PAGE_SIZE);
	check_summaries();
}

TEST(zones_do_not_mix)
{
	hpa_t page, held, run;
	u64 before, moved;

	start_machine(GIB(1));
	before = free_pages(ZONE_HOST);
	CHECK_EQ(page_alloc(ZONE_TD, 1, PAGE_SIZE, PAGE_TDR, PAGE_ANY_NODE, &page), -ENOMEM);
	held = must_alloc(ZONE_HOST, 512, PAGE_SIZE_2M, PAGE_PAMT);
	moved = page_carve_td_pool(HPA(GIB(5) - MIB(64)), MIB(64));
	CHECK_EQ(moved, MIB(62) / PAGE_SIZE);
	CHECK_EQ(free_pages(ZONE_TD), MIB(62) / PAGE_SIZE);
	CHECK_EQ(page_zone_of(held), ZONE_HOST);
	page = must_alloc(ZONE_TD, 1, PAGE_SIZE, PAGE_TDR);
	CHECK(page.raw >= GIB(5) - MIB(64));
	CHECK_EQ(page_zone_of(page), ZONE_TD);
	run = must_alloc(ZONE_TD, MIB(62) / PAGE_SIZE - 512, PAGE_SIZE_2M, PAGE_TD_PRIVATE);
	CHECK_EQ(page_alloc(ZONE_TD, 512, PAGE_SIZE_2M, PAGE_TD_PRIVATE, PAGE_ANY_NODE, &held), -ENOMEM);
	check_summaries();
	/* Freed pages go back to the pool, and from there only by page_return_td_pool(). */
	page_free(run, MIB(62) / PAGE_SIZE - 512, PAGE_TD_PRIVATE);
	page_free(page, 1, PAGE_TDR);
	CHECK_EQ(free_pages(ZONE_TD), MIB(62) / PAGE_SIZE);
	CHECK_EQ(page_return_td_pool(HPA(GIB(5) - MIB(64)), MIB(64)), MIB(62) / PAGE_SIZE);
	page_free(HPA(GIB(5) - MIB(2)), 512, PAGE_PAMT);
	CHECK_EQ(free_pages(ZONE_HOST), before);
	check_summaries();
}

TEST(quarantine_keeps_the_zone_and_is_counted)
{
	struct page_books books;
	hpa_t page;

	start_machine(GIB(1));
	page_carve_td_pool(HPA(GIB(4)), MIB(2));
	page = must_alloc(ZONE_TD, 2, PAGE_SIZE, PAGE_TD_PRIVATE);
	page_set_owner(page, 1, PAGE_TD_PRIVATE, PAGE_QUARANTINE);
	page_books_read(&books);
	CHECK_EQ(books.pages[ZONE_TD][PAGE_QUARANTINE], 1);
	CHECK_EQ(books.pages[ZONE_TD][PAGE_TD_PRIVATE], 1);
	CHECK_PANICS(page_free(page, 2, PAGE_TD_PRIVATE));
	CHECK(strstr(fake.panic_text, "quarantine"));
	CHECK(strstr(fake.panic_text, "TD private"));
}

TEST(freeing_twice_or_as_another_panics)
{
	hpa_t page;

	start_machine(0);
	page = must_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL);
	CHECK_PANICS(page_free(page, 1, PAGE_GUEST));

	start_machine(0);
	page = must_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL);
	page_free(page, 1, PAGE_KERNEL);
	CHECK_PANICS(page_free(page, 1, PAGE_KERNEL));

	start_machine(0);
	CHECK_PANICS(page_free(HPA(GIB(3)), 1, PAGE_KERNEL));
	start_machine(0);
	CHECK_PANICS(page_free(HPA(FAKE_IMAGE_HPA), 1, PAGE_IMAGE));
	start_machine(0);
	page = must_alloc(ZONE_HOST, 4, PAGE_SIZE, PAGE_KERNEL);
	CHECK_PANICS(page_free(HPA(page.raw + 1), 1, PAGE_KERNEL));
}

TEST(a_preferred_node_is_kept_while_it_has_memory)
{
	hpa_t page;

	start_machine(GIB(1));
	page_set_node(HPA(0), GIB(1), 0);
	page_set_node(HPA(GIB(4)), GIB(1), 1);
	CHECK_EQ(page_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL, 1, &page), 0);
	CHECK(page.raw >= GIB(4));
	CHECK_EQ(page_alloc(ZONE_HOST, 512, PAGE_SIZE_2M, PAGE_KERNEL, 0, &page), 0);
	CHECK(page.raw < GIB(1));
	CHECK_EQ(page_alloc(ZONE_HOST, 1024, PAGE_SIZE_2M, PAGE_KERNEL, 0, &page), 0);
	CHECK(page.raw < GIB(1));
	/* more than node 1 has in one piece next to that page: another node's memory is no refusal */
	CHECK_EQ(page_alloc(ZONE_HOST, 512 * 511, PAGE_SIZE_2M, PAGE_KERNEL, 1, &page), 0);
	CHECK_EQ(page_alloc(ZONE_HOST, 512, PAGE_SIZE_2M, PAGE_KERNEL, 1, &page), 0);
	CHECK(page.raw < GIB(1));
	CHECK_EQ(page_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL, 77, &page), 0);
	check_summaries();
}

TEST(ranges_unsorted_overlapping_and_odd_are_tolerated)
{
	fake_reset(1);
	memset(&boot, 0, sizeof(boot));
	add_range(GIB(4), MIB(3) + 5, BOOT_RANGE_RAM);
	add_range(MIB(300), MIB(100), BOOT_RANGE_RESERVED);
	add_range(MIB(1), MIB(600), BOOT_RANGE_RAM);
	add_range(MIB(500), MIB(200), BOOT_RANGE_RAM);
	add_range(0x1000, 0x800, BOOT_RANGE_RAM);
	add_range(GIB(1) + 1, 0x1ffe, BOOT_RANGE_RAM);
	add_range(~0ull - 0xfff, 0x2000, BOOT_RANGE_RAM);
	add_range(GIB(2), GIB(1), BOOT_RANGE_PERSISTENT);
	page_init(&boot);
	CHECK_EQ(page_owner_of(HPA(MIB(350))), PAGE_ABSENT);
	CHECK_EQ(page_owner_of(HPA(MIB(299))), PAGE_FREE);
	CHECK_EQ(page_owner_of(HPA(MIB(650))), PAGE_FREE);
	CHECK_EQ(page_owner_of(HPA(MIB(700))), PAGE_ABSENT);
	CHECK_EQ(page_owner_of(HPA(GIB(1))), PAGE_ABSENT);
	CHECK_EQ(page_owner_of(HPA(GIB(1) + 0x1000)), PAGE_ABSENT);
	CHECK_EQ(page_owner_of(HPA(GIB(2))), PAGE_ABSENT);
	CHECK_EQ(page_owner_of(HPA(GIB(4) + MIB(3) - 1)), PAGE_FREE);
	CHECK_EQ(page_owner_of(HPA(GIB(4) + MIB(3))), PAGE_ABSENT);
	check_summaries();
}

TEST(a_machine_of_256_ranges_is_taken_whole)
{
	u64 expected = 0;

	fake_reset(1);
	memset(&boot, 0, sizeof(boot));
	add_range(MIB(1), MIB(255), BOOT_RANGE_RAM);
	for (u32 i = 1; i < BOOT_MAX_RANGES; i++)
		add_range(GIB(4) + i * MIB(5), MIB(3), BOOT_RANGE_RAM);
	page_init(&boot);
	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		expected += owner == PAGE_ABSENT ? 0 : page_map.books.pages[ZONE_HOST][owner];
	CHECK_EQ(expected, (MIB(255) + 255 * MIB(3)) / PAGE_SIZE);
	check_summaries();
}

TEST(terabytes_work_and_their_books_lie_below_4_gib)
{
	hpa_t run;

	fake_reset(1);
	memset(&boot, 0, sizeof(boot));
	add_range(MIB(1), GIB(2), BOOT_RANGE_RAM);
	add_range(GIB(4), 512 * GIB(1), BOOT_RANGE_RAM);
	add_range(8192 * GIB(1), 512 * GIB(1), BOOT_RANGE_RAM);
	page_init(&boot);
	CHECK_EQ(page_ram_top().raw, 8704 * GIB(1));
	CHECK(hva_to_hpa(page_map.tags).raw + page_map.block_count * BLOCK_PAGES < GIB(4));
	CHECK_EQ(page_alloc(ZONE_HOST, 300 * GIB(1) / PAGE_SIZE, GIB(1), PAGE_PAMT, PAGE_ANY_NODE, &run), 0);
	CHECK_EQ(run.raw, (8704 - 300) * GIB(1));
	page_free(run, 300 * GIB(1) / PAGE_SIZE, PAGE_PAMT);
}

TEST(memory_whose_books_find_no_room_is_left_out)
{
	fake_reset(1);
	memset(&boot, 0, sizeof(boot));
	add_range(MIB(1), MIB(63), BOOT_RANGE_RAM);
	add_range(GIB(4), 512 * GIB(1), BOOT_RANGE_RAM);
	page_init(&boot);
	CHECK(page_ram_top().raw > GIB(100));
	CHECK(page_ram_top().raw < GIB(400));
	CHECK(hva_to_hpa(page_map.tags).raw + page_map.block_count * BLOCK_PAGES < MIB(64));
}

static struct {
	u32 count;
	u64 bytes;
} visited;

static void visit(hpa_t start, u64 bytes, void *arg)
{
	visited.count++;
	visited.bytes += bytes;
	page_carve_td_pool(HPA(ALIGN_UP(start.raw, (u64)PAGE_SIZE_2M)),
			   ALIGN_DOWN(start.raw + bytes, (u64)PAGE_SIZE_2M) - ALIGN_UP(start.raw, (u64)PAGE_SIZE_2M));
}

TEST(free_ranges_can_be_carved_while_they_are_visited)
{
	start_machine(GIB(1));
	memset(&visited, 0, sizeof(visited));
	page_for_each_free_range(ZONE_HOST, MIB(16), visit, NULL);
	CHECK_EQ(visited.count, 3);	/* up to the boot module, behind it, and above 4 GiB */
	CHECK(free_pages(ZONE_HOST) < MIB(64) / PAGE_SIZE);
	CHECK(free_pages(ZONE_TD) > GIB(1) / PAGE_SIZE);
	check_summaries();
}

TEST(zeroed_pages_are_zero)
{
	u8 *page;
	u32 i;

	start_machine(0);
	page = page_zalloc(2, PAGE_KERNEL);
	memset(page, 0xee, 2 * PAGE_SIZE);
	page_zfree(page, 2, PAGE_KERNEL);
	page = page_zalloc(2, PAGE_KERNEL);
	for (i = 0; i < 2 * PAGE_SIZE && page[i] == 0; i++)
		;
	CHECK_EQ(i, 2 * PAGE_SIZE);
}

/*
 * A year of guests in short: random sizes, zones, owners; the summaries hold, and the books are those of the beginning.
 */
TEST(random_allocations_leave_no_trace)
{
	static struct {
		hpa_t start;
		u64 count;
		enum page_owner owner;
	} held[200];
	struct page_books before, after;
	u64 state = 42;

	start_machine(GIB(1));
	page_carve_td_pool(HPA(GIB(4) + MIB(256)), MIB(512));
	page_books_read(&before);
	memset(held, 0, sizeof(held));
	for (u32 round = 0; round < 20000; round++) {
		u32 slot;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		slot = (u32)(state >> 33) % ARRAY_SIZE(held);
		if (held[slot].count) {
			page_free(held[slot].start, held[slot].count, held[slot].owner);
			held[slot].count = 0;
		} else {
			u64 pages = 1 + (state >> 50) % (state >> 20 & 1 ? 4 : 1500);
			u64 align = (u64)PAGE_SIZE << (state >> 40) % 11;
			enum page_zone zone = state >> 21 & 1 ? ZONE_TD : ZONE_HOST;

			held[slot].owner = zone == ZONE_TD ? PAGE_TD_PRIVATE : PAGE_GUEST;
			if (page_alloc(zone, pages, align, held[slot].owner, PAGE_ANY_NODE, &held[slot].start))
				continue;
			held[slot].count = pages;
			CHECK_EQ(held[slot].start.raw % align, 0);
			CHECK_EQ(page_zone_of(held[slot].start), zone);
		}
	}
	check_summaries();
	for (u32 i = 0; i < ARRAY_SIZE(held); i++) {
		if (held[i].count)
			page_free(held[i].start, held[i].count, held[i].owner);
	}
	page_books_read(&after);
	CHECK(page_books_equal(&before, &after));
	check_summaries();
}
