/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges cut out of a memory map. Pure functions on a table; boot core. */
#include "tests/tdxemu/host_map.h"

#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"

void host_map_copy(struct host_map *map, const struct memory_range *ranges, u32 count)
{
	memcpy(map->ranges, ranges, count * sizeof(*ranges));
	map->count = count;
}

/* The part of [@base, @end) as a range at @place, the later ones moved up; nothing for an empty part. */
static bool insert(struct host_map *map, u32 place, u64 base, u64 end, u32 type)
{
	struct memory_range *at = &map->ranges[place];

	if (base >= end)
		return true;
	if (map->count == HOST_MAP_MAX_RANGES)
		return false;
	for (u32 i = map->count; i > place; i--)
		map->ranges[i] = map->ranges[i - 1];
	*at = (struct memory_range){ .base = base, .bytes = end - base, .type = type };
	map->count++;
	return true;
}

bool host_map_reserve(struct host_map *map, u64 base, u64 bytes)
{
	u64 end = base + bytes;

	for (u32 i = 0; i < map->count; i++) {
		struct memory_range old = map->ranges[i];
		u64 old_end = old.base + old.bytes;

		if (old_end <= base || old.base >= end)
			continue;
		map->ranges[i] = (struct memory_range){ .base = MAX(old.base, base),
							.bytes = MIN(old_end, end) - MAX(old.base, base),
							.type = MB2_MEMORY_RESERVED };
		/* The rest behind it first: what goes in front moves both along. */
		if (!insert(map, i + 1, end, old_end, old.type) || !insert(map, i, old.base, base, old.type))
			return false;
		i += old.base < base;
	}
	return true;
}

u64 host_map_ram_from(const struct host_map *map, u64 base)
{
	u64 reached = base;
	u64 before;

	/* Ranges that touch may be in any order: look again until none goes on where the last one ended. */
	do {
		before = reached;
		for (u32 i = 0; i < map->count; i++) {
			const struct memory_range *range = &map->ranges[i];

			if (range->type == MB2_MEMORY_RAM && reached >= range->base &&
			    reached - range->base < range->bytes)
				reached = range->base + range->bytes;
		}
	} while (reached != before);
	return reached - base;
}
