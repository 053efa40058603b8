/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/host_map.h"

#include "include/spec/multiboot2.h"
#include "tests/unit/test.h"

static struct host_map map;

static void given(const struct memory_range *ranges, u32 count)
{
	host_map_copy(&map, ranges, count);
}

static void check_range(u32 index, u64 base, u64 end, u32 type)
{
	CHECK_EQ(map.ranges[index].base, base);
	CHECK_EQ(map.ranges[index].base + map.ranges[index].bytes, end);
	CHECK_EQ(map.ranges[index].type, type);
}

TEST(a_range_inside_ram_splits_it_in_three)
{
	given((struct memory_range[]){ { 0, MIB(8), MB2_MEMORY_RAM }, { MIB(8), MIB(1), MB2_MEMORY_ACPI } }, 2);
	CHECK(host_map_reserve(&map, MIB(2), MIB(1)));
	CHECK_EQ(map.count, 4);
	check_range(0, 0, MIB(2), MB2_MEMORY_RAM);
	check_range(1, MIB(2), MIB(3), MB2_MEMORY_RESERVED);
	check_range(2, MIB(3), MIB(8), MB2_MEMORY_RAM);
	check_range(3, MIB(8), MIB(9), MB2_MEMORY_ACPI);
}

TEST(a_range_at_an_edge_leaves_no_empty_range)
{
	given((struct memory_range[]){ { 0, MIB(4), MB2_MEMORY_RAM } }, 1);
	CHECK(host_map_reserve(&map, 0, MIB(1)));
	CHECK(host_map_reserve(&map, MIB(3), MIB(1)));
	CHECK_EQ(map.count, 3);
	check_range(0, 0, MIB(1), MB2_MEMORY_RESERVED);
	check_range(1, MIB(1), MIB(3), MB2_MEMORY_RAM);
	check_range(2, MIB(3), MIB(4), MB2_MEMORY_RESERVED);
}

TEST(a_range_over_several_takes_its_part_of_each_and_nothing_of_the_hole)
{
	given((struct memory_range[]){ { 0, MIB(2), MB2_MEMORY_RAM }, { MIB(3), MIB(3), MB2_MEMORY_RAM } }, 2);
	CHECK(host_map_reserve(&map, MIB(1), MIB(3)));
	CHECK_EQ(map.count, 4);
	check_range(0, 0, MIB(1), MB2_MEMORY_RAM);
	check_range(1, MIB(1), MIB(2), MB2_MEMORY_RESERVED);
	check_range(2, MIB(3), MIB(4), MB2_MEMORY_RESERVED);
	check_range(3, MIB(4), MIB(6), MB2_MEMORY_RAM);
}

TEST(a_full_table_is_refused)
{
	map.count = 0;
	while (map.count < HOST_MAP_MAX_RANGES - 1) {
		map.ranges[map.count] = (struct memory_range){ MIB(4) * map.count, MIB(3), MB2_MEMORY_RAM };
		map.count++;
	}
	CHECK(host_map_reserve(&map, 0, MIB(1)));
	CHECK(!host_map_reserve(&map, MIB(5), MIB(1)));
}

TEST(ram_is_counted_up_to_the_first_hole)
{
	static const struct memory_range ranges[] = {
		{ MIB(4), MIB(2), MB2_MEMORY_RAM },
		{ MIB(1), MIB(3), MB2_MEMORY_RAM },
		{ MIB(6), MIB(1), MB2_MEMORY_NVS },
	};

	given(ranges, ARRAY_SIZE(ranges));
	CHECK_EQ(host_map_ram_from(&map, MIB(1)), MIB(5));
	CHECK_EQ(host_map_ram_from(&map, MIB(2)), MIB(4));
	CHECK_EQ(host_map_ram_from(&map, MIB(6)), 0);
	CHECK(host_map_reserve(&map, MIB(3), MIB(1)));
	CHECK_EQ(host_map_ram_from(&map, MIB(1)), MIB(2));
}
