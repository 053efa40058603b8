/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's bus: which device model answers a port or an MMIO address.
 *
 * A list of ranges that never overlap within their space. A range is copied out under the lock and its model is called
 * without it, so that a model may move ranges itself (BARs) and may wait. A model can be called just after its range
 * was removed by another vCPU; that is harmless, because device states live as long as the guest's platform. vCPU
 * tasks, outside the TD; the lock is the innermost of the device models.
 */
#include "vmm/bus.h"

#include "include/cella/errno.h"

static bool ranges_meet(const struct bus_range *a, const struct bus_range *b)
{
	return a->space == b->space && a->base < b->base + b->bytes && b->base < a->base + a->bytes;
}

int bus_add(struct bus *bus, const struct bus_range *range)
{
	int error = 0;

	if (range->base + range->bytes <= range->base)
		return -EINVAL;
	spin_lock(&bus->lock);
	for (u32 i = 0; i < bus->count; i++)
		if (ranges_meet(&bus->ranges[i], range))
			error = -EEXIST;
	if (!error && bus->count == BUS_MAX_RANGES)
		error = -ENOSPC;
	if (!error)
		bus->ranges[bus->count++] = *range;
	spin_unlock(&bus->lock);
	return error;
}

void bus_remove(struct bus *bus, enum bus_space space, u64 base)
{
	spin_lock(&bus->lock);
	for (u32 i = 0; i < bus->count; i++) {
		if (bus->ranges[i].space != space || bus->ranges[i].base != base)
			continue;
		bus->ranges[i] = bus->ranges[--bus->count];
		break;
	}
	spin_unlock(&bus->lock);
}

/* The range that holds all of [@address, @address + @bytes). */
static bool find(struct bus *bus, enum bus_space space, u64 address, u32 bytes, struct bus_range *found)
{
	bool hit = false;

	spin_lock(&bus->lock);
	for (u32 i = 0; i < bus->count && !hit; i++) {
		const struct bus_range *range = &bus->ranges[i];

		hit = range->space == space && address >= range->base && address - range->base < range->bytes &&
		      bytes <= range->bytes - (address - range->base);
		if (hit)
			*found = *range;
	}
	spin_unlock(&bus->lock);
	return hit;
}

u64 bus_read(struct bus *bus, enum bus_space space, u64 address, u32 bytes)
{
	u64 mask = bytes < sizeof(u64) ? BIT(8 * bytes) - 1 : BUS_ALL_ONES;
	struct bus_range range;

	if (!find(bus, space, address, bytes, &range))
		return mask;
	return range.ops->read(range.device, address - range.base, bytes) & mask;
}

void bus_write(struct bus *bus, enum bus_space space, u64 address, u32 bytes, u64 value)
{
	struct bus_range range;

	if (find(bus, space, address, bytes, &range))
		range.ops->write(range.device, address - range.base, bytes, value);
}
