/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory map the host gets: the firmware's, with ranges of ours taken out. */
#ifndef TDXEMU_HOST_MAP_H
#define TDXEMU_HOST_MAP_H

#include "include/cella/types.h"
#include "tests/tdxemu/memory.h"

/* A range taken out splits at most one of the firmware's in three. */
#define HOST_MAP_MAX_RANGES (MEMORY_MAX_RANGES + 4)

struct host_map {
	u32 count;
	struct memory_range ranges[HOST_MAP_MAX_RANGES];
};

/** host_map_copy() - start with the firmware's @count ranges, at most MEMORY_MAX_RANGES, in their order */
void host_map_copy(struct host_map *map, const struct memory_range *ranges, u32 count);
/** host_map_reserve() - whatever the map has from @base on for @bytes becomes reserved; false: the table is full */
__must_check bool host_map_reserve(struct host_map *map, u64 base, u64 bytes);
/** host_map_ram_from() - bytes of RAM from @base on without a hole; 0: no RAM there */
u64 host_map_ram_from(const struct host_map *map, u64 base);

#endif
