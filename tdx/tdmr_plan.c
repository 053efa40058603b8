/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan for the TD pool, in five decisions.
 *
 * 1. Granules. A TDMR covers whole GiBs and costs its PAMT for all of them, so memory is chosen by the GiB, the fullest
 *    first and the highest among equals; inside one the pool takes what is free from the top. When every further run of
 *    granules would need a TDMR too many, only neighbours of chosen ones are taken, and then gaps are bridged as long
 *    as the memory behind a gap is more than the PAMT of the gap.
 * 2. TDMRs. Runs are cut where one TDMR could not reserve all holes, and between nodes if there are TDMRs enough, so that
 *    a PAMT serves one node; then as evenly as they go into as many TDMRs as the module takes: cores initialise them
 *    side by side, and the largest has one core at a time.
 * 3. Pool. Memory between two holes is given up where a TDMR would have more holes than reserved areas: an area may be
 *    larger than a hole. So a plan never fails for holes.
 * 4. PAMTs. In memory that did not become pool, from the top, or in the pool, on the node they serve; then on any.
 * 5. Reserved areas: holes and PAMTs of all TDMRs, merged as in 3.
 *
 * A TDMR may cover host memory as long as that is convertible: it is just never given to the module.
 * Manual: TDX Module ABI, "TDMR_INFO" and "TDH.SYS.CONFIG Leaf" (order and rules of the checks).
 */
#include "tdx/tdmr_plan.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "kernel/lib/string.h"
#include "kernel/page.h"

enum { PAMT_AREAS = 2 };	/* reserved areas per TDMR kept free for PAMTs */

#define NO_NEIGHBOUR (~0u)

static void remove_entry(struct tdmr_range *list, u32 *count, u32 at)
{
	memmove(&list[at], &list[at + 1], (--*count - at) * sizeof(list[0]));
}

void tdmr_plan_clear(struct tdmr_plan *plan)
{
	plan->memory_count = 0;
	plan->granule_count = 0;
	plan->pool_count = 0;
	plan->tdmr_count = 0;
	plan->foreign_pamts = 0;
}

void tdmr_plan_add(struct tdmr_plan *plan, struct tdmr_range range, const struct tdx_cmr *cmrs, u32 cmr_count)
{
	struct tdmr_range hole;

	for (u64 at = range.base; at < tdmr_end(range) && plan->memory_count < TDMR_MAX_RANGES; at = tdmr_end(hole)) {
		u64 start = ALIGN_UP(at, PAGE_SIZE_2M);

		hole = tdmr_next_hole(range, at, cmrs, cmr_count);
		if (start < ALIGN_DOWN(hole.base, PAGE_SIZE_2M))
			plan->memory[plan->memory_count++] = (struct tdmr_range){
				start, ALIGN_DOWN(hole.base, PAGE_SIZE_2M) - start, range.node,
			};
	}
}

/* ---- 1. granules ---- */

static u32 areas_for_holes(const struct tdmr_limits *limits)
{
	/* one on each side of some memory is the least that leaves any */
	return MAX(limits->max_reserved, 2 + PAMT_AREAS) - PAMT_AREAS;
}

/* What @within must reserve for holes, and gives up because it can reserve no more; false: it cannot even so. */
static bool find_holes(const struct tdmr_plan *plan, const struct tdmr_request *request, struct tdmr_range within,
		       struct tdmr_areas *areas)
{
	tdmr_holes(areas, within, request->cmrs, request->cmr_count);
	tdmr_merge_areas(areas, areas_for_holes(&request->limits), plan->memory, plan->memory_count,
			 request->nodes);
	return areas->count <= request->limits.max_reserved;
}

/* Part of memory @m that lies in @within and could be pool; bytes 0: none. */
static struct tdmr_range usable_part(const struct tdmr_request *request, struct tdmr_range m, struct tdmr_range within,
				     const struct tdmr_areas *reserved)
{
	u64 start = MAX(m.base, within.base);
	u64 end = MIN(tdmr_end(m), tdmr_end(within));

	if (start >= end || !tdmr_is_on(m, request->nodes) || tdmr_is_reserved(reserved, start))
		end = start;
	return (struct tdmr_range){ start, end - start, m.node };
}

static void find_granules(struct tdmr_plan *plan, const struct tdmr_request *request)
{
	static struct tdmr_areas areas;	/* of the last granule; too large for a stack */
	bool usable = false;

	for (u32 i = 0; i < plan->memory_count; i++) {
		struct tdmr_range m = plan->memory[i];

		for (u64 base = ALIGN_DOWN(m.base, TDX_TDMR_ALIGN); base < tdmr_end(m); base += TDX_TDMR_ALIGN) {
			struct tdmr_range within = { .base = base, .bytes = TDX_TDMR_ALIGN };
			struct tdmr_granule *last = &plan->granules[plan->granule_count];
			u64 bytes;

			if (!plan->granule_count || last[-1].base != base) {
				if (plan->granule_count == TDMR_MAX_GRANULES)
					return;
				plan->granule_count++;
				*last++ = (struct tdmr_granule){ .base = base };
				usable = find_holes(plan, request, within, &areas);
			}
			bytes = usable ? usable_part(request, m, within, &areas).bytes : 0;
			if (bytes)
				last[-1].node = m.node;
			last[-1].usable_bytes += bytes;
		}
	}
}

/* Do TDMRs go on from granule @i to the next one, if both are covered? */
static bool is_linked(const struct tdmr_plan *plan, u32 i)
{
	return i + 1 < plan->granule_count &&
	       (plan->granules[i].bridged || plan->granules[i + 1].base == plan->granules[i].base + TDX_TDMR_ALIGN);
}

static u32 covered_neighbours(const struct tdmr_plan *plan, u32 i)
{
	return (i > 0 && is_linked(plan, i - 1) && plan->granules[i - 1].covered) +
	       (is_linked(plan, i) && plan->granules[i + 1].covered);
}

/* The untaken granule with most usable memory that needs no TDMR too many; NULL: none. */
static struct tdmr_granule *best_granule(struct tdmr_plan *plan, u64 pamt_bytes, bool alone)
{
	struct tdmr_granule *best = NULL;

	for (u32 i = 0; i < plan->granule_count; i++) {
		struct tdmr_granule *granule = &plan->granules[i];

		if (granule->taken_bytes || (best && granule->usable_bytes < best->usable_bytes))
			continue;
		if (granule->covered ? granule->usable_bytes > 0 :
				       granule->usable_bytes > pamt_bytes && (alone || covered_neighbours(plan, i)))
			best = granule;
	}
	return best;
}

/* Memory of granule @to less the PAMT of the GiBs up to the covered granule @from; 0: not worth it, or above @spare. */
static u64 gain(const struct tdmr_plan *plan, u32 from, u32 to, u64 pamt_bytes, u64 spare)
{
	u64 a = plan->granules[from].base;
	u64 b = plan->granules[to].base;
	u64 cost = (a < b ? b - a : a - b) / TDX_TDMR_ALIGN * pamt_bytes;

	if (plan->granules[to].usable_bytes <= cost || spare < cost + PAGE_SIZE_2M)
		return 0;
	return plan->granules[to].usable_bytes - cost;
}

/* Cover the gap whose far side is worth most; returns the GiBs it has, 0: none is worth its PAMT or can be paid. */
static u64 bridge(struct tdmr_plan *plan, u64 pamt_bytes, u64 spare)
{
	struct tdmr_granule *granules = plan->granules;
	u32 near[2] = { 0, 0 };	/* ends of the best gap, in order */
	u64 most = 0;
	u64 gibs;

	for (u32 upwards = 0; upwards < 2; upwards++) {
		u32 from = NO_NEIGHBOUR;

		for (u32 n = 0; n < plan->granule_count; n++) {
			u32 i = upwards ? n : plan->granule_count - 1 - n;

			if (granules[i].covered) {
				from = i;
			} else if (from != NO_NEIGHBOUR && gain(plan, from, i, pamt_bytes, spare) > most) {
				most = gain(plan, from, i, pamt_bytes, spare);
				near[0] = MIN(from, i);
				near[1] = MAX(from, i);
			}
		}
	}
	if (!most)
		return 0;
	gibs = (granules[near[1]].base - granules[near[0]].base) / TDX_TDMR_ALIGN - 1;
	for (u32 i = near[0]; i < near[1]; i++) {
		granules[i].bridged = true;
		granules[i].covered |= i > near[0];	/* the far side follows when it is taken, as a neighbour */
	}
	return gibs;
}

/* Take up to @wanted bytes; returns the GiBs covered. */
static u64 choose(struct tdmr_plan *plan, const struct tdmr_request *request, u64 wanted)
{
	u64 pamt_bytes = tdmr_pamt_bytes(TDX_TDMR_ALIGN, &request->limits);
	u64 spare = request->spare_bytes;
	u64 gibs = 0;
	u32 runs = 0;

	for (u32 i = 0; i < plan->granule_count; i++) {
		struct tdmr_granule *granule = &plan->granules[i];

		granule->taken_bytes = 0;
		granule->covered = granule->bridged = false;
	}
	while (wanted) {
		struct tdmr_granule *granule = best_granule(plan, pamt_bytes, runs < request->limits.max_tdmrs);
		u64 more = granule ? !granule->covered : bridge(plan, pamt_bytes, spare);
		u64 cost = more * pamt_bytes;

		if (granule ? spare < cost + PAGE_SIZE_2M : !more)
			break;
		gibs += more;
		spare -= cost;
		if (!granule)
			continue;
		if (more)
			runs += 1 - covered_neighbours(plan, (u32)(granule - plan->granules));
		granule->covered = true;
		granule->taken_bytes = MIN(MIN(granule->usable_bytes, wanted), ALIGN_DOWN(spare, PAGE_SIZE_2M));
		wanted -= granule->taken_bytes;
		spare -= granule->taken_bytes;
	}
	return gibs;
}

/* ---- 2. TDMRs ---- */

/* A stretch of address space that is cut into TDMRs. */
struct stretch {
	u64 base;
	u64 gibs;
	u64 parts;
};

/* Where a run of granules is cut whatever their number. */
struct cuts {
	bool at_nodes;
	u32 max_holes;	/* in a TDMR */
};

/* Stretches of covered granules between such cuts; more than TDX_MAX_TDMRS are counted, not written. */
static u32 find_stretches(const struct tdmr_plan *plan, const struct tdmr_request *request, struct cuts cuts,
			  struct stretch stretches[TDX_MAX_TDMRS])
{
	static struct tdmr_areas holes;
	u32 count = 0;

	for (u32 i = 0; i < plan->granule_count; i++) {
		u64 base = plan->granules[i].base;
		u64 end;

		if (!plan->granules[i].covered)
			continue;
		while (is_linked(plan, i) && plan->granules[i + 1].covered &&
		       (!cuts.at_nodes || plan->granules[i + 1].node == plan->granules[i].node))
			i++;
		end = plan->granules[i].base + TDX_TDMR_ALIGN;
		while (base < end) {
			struct tdmr_range part = { .base = base, .bytes = end - base };

			tdmr_holes(&holes, part, request->cmrs, request->cmr_count);
			for (; part.bytes > TDX_TDMR_ALIGN && holes.count > cuts.max_holes;
			     tdmr_holes(&holes, part, request->cmrs, request->cmr_count))
				part.bytes -= TDX_TDMR_ALIGN;
			if (count < TDX_MAX_TDMRS)
				stretches[count] = (struct stretch){ base, part.bytes / TDX_TDMR_ALIGN, 1 };
			count++;
			base = tdmr_end(part);
		}
	}
	return count;
}

/* Cut into @wanted TDMRs, or one per GiB: always the stretch with the largest parts gets one more. */
static void cut(struct tdmr_plan *plan, struct stretch *stretches, u32 count, u32 wanted)
{
	u32 used = 0;

	for (u32 i = 0; i < count; i++)
		stretches[i].parts = 1;
	for (u32 extra = wanted - count; extra; extra--) {
		struct stretch *coarsest = stretches;

		for (u32 i = 1; i < count; i++)
			if (stretches[i].gibs * coarsest->parts > coarsest->gibs * stretches[i].parts)
				coarsest = &stretches[i];
		if (coarsest->parts == coarsest->gibs)
			break;
		coarsest->parts++;
	}
	for (u32 i = 0; i < count; i++) {
		u64 base = stretches[i].base;

		for (u64 part = 0; part < stretches[i].parts; part++) {
			u64 larger = part < stretches[i].gibs % stretches[i].parts;
			u64 bytes = (stretches[i].gibs / stretches[i].parts + larger) * TDX_TDMR_ALIGN;

			plan->tdmrs[used++] = (struct tdx_tdmr_info){ .base = base, .bytes = bytes };
			base += bytes;
		}
	}
	plan->tdmr_count = used;
}

static void cover(struct tdmr_plan *plan, const struct tdmr_request *request, u64 gibs)
{
	static struct stretch stretches[TDX_MAX_TDMRS];
	u32 most = (u32)MIN(request->limits.max_tdmrs, gibs);
	struct cuts cuts = { true, areas_for_holes(&request->limits) };
	u32 count;

	while ((count = find_stretches(plan, request, cuts, stretches)) > most) {
		cuts.max_holes += !cuts.at_nodes;
		cuts.at_nodes = false;
	}
	cut(plan, stretches, count, most);
}

/* ---- 3. the pool ---- */

/* Append a range below everything noted so far. */
static void add_to_pool(struct tdmr_plan *plan, struct tdmr_range range)
{
	struct tdmr_range *last = plan->pool_count ? &plan->pool[plan->pool_count - 1] : NULL;

	if (last && last->base == tdmr_end(range) && last->node == range.node) {
		last->base = range.base;
		last->bytes += range.bytes;
	} else if (plan->pool_count < TDMR_MAX_RANGES) {
		plan->pool[plan->pool_count++] = range;
	}
}

static void fill_granule(struct tdmr_plan *plan, const struct tdmr_request *request, const struct tdmr_granule *granule,
			 const struct tdmr_areas *reserved)
{
	struct tdmr_range within = { .base = granule->base, .bytes = TDX_TDMR_ALIGN };
	u64 left = granule->taken_bytes;

	for (u32 i = plan->memory_count; left && i-- > 0;) {
		struct tdmr_range part = usable_part(request, plan->memory[i], within, reserved);
		u64 bytes = MIN(part.bytes, left);

		if (bytes)
			add_to_pool(plan, (struct tdmr_range){ tdmr_end(part) - bytes, bytes, part.node });
		left -= bytes;
	}
}

static void fill_pool(struct tdmr_plan *plan, const struct tdmr_request *request)
{
	static struct tdmr_areas areas;
	u32 g = plan->granule_count;

	for (u32 i = plan->tdmr_count; i-- > 0;) {
		struct tdmr_range tdmr = { .base = plan->tdmrs[i].base, .bytes = plan->tdmrs[i].bytes };

		(void)find_holes(plan, request, tdmr, &areas);
		for (; g > 0 && plan->granules[g - 1].base >= tdmr.base; g--)
			if (plan->granules[g - 1].taken_bytes)
				fill_granule(plan, request, &plan->granules[g - 1], &areas);
	}
}

u64 tdmr_plan_pool_bytes(const struct tdmr_plan *plan)
{
	u64 bytes = 0;

	for (u32 i = 0; i < plan->pool_count; i++)
		bytes += plan->pool[i].bytes;
	return bytes;
}

/* ---- 4. PAMTs ---- */

/* Highest place for @bytes below @end, and above @bottom, that neither pool nor one of @placed PAMTs takes; 0: none. */
static u64 find_gap(const struct tdmr_plan *plan, u64 bottom, u64 end, u64 bytes, u32 placed)
{
	bool moved = true;

	while (moved && end >= bottom + bytes) {
		moved = false;
		for (u32 i = 0; i < plan->pool_count + placed; i++) {
			struct tdmr_range taken = i < plan->pool_count ? plan->pool[i] : plan->pamts[i - plan->pool_count];

			if (taken.base < end && tdmr_end(taken) > end - bytes) {
				end = taken.base;
				moved = true;
				if (end < bottom + bytes)
					break;
			}
		}
	}
	return end >= bottom + bytes ? end - bytes : 0;
}

static bool find_room(struct tdmr_plan *plan, u32 tdmr, u64 bytes, u32 node)
{
	for (u32 i = plan->memory_count; i-- > 0;) {
		struct tdmr_range m = plan->memory[i];
		u64 base = node != PAGE_ANY_NODE && m.node != node ? 0 : find_gap(plan, m.base, tdmr_end(m), bytes, tdmr);

		if (base) {
			plan->pamts[tdmr] = (struct tdmr_range){ base, bytes, m.node };
			return true;
		}
	}
	return false;
}

/* The bottom of the lowest range of the pool that is large enough, unless that were all of the pool. */
static bool take_from_pool(struct tdmr_plan *plan, u32 tdmr, u64 bytes, u32 node)
{
	if (tdmr_plan_pool_bytes(plan) <= ALIGN_UP(bytes, PAGE_SIZE_2M))
		return false;
	for (u32 i = plan->pool_count; i-- > 0;) {
		struct tdmr_range *range = &plan->pool[i];

		if (range->bytes < bytes || (node != PAGE_ANY_NODE && range->node != node))
			continue;
		plan->pamts[tdmr] = (struct tdmr_range){ range->base, bytes, range->node };
		range->base += ALIGN_UP(bytes, PAGE_SIZE_2M);
		range->bytes -= ALIGN_UP(bytes, PAGE_SIZE_2M);
		if (!range->bytes)
			remove_entry(plan->pool, &plan->pool_count, i);
		return true;
	}
	return false;
}

/* Node of the pool in @tdmr. */
static u32 node_served(const struct tdmr_plan *plan, const struct tdx_tdmr_info *tdmr)
{
	for (u32 i = 0; i < plan->pool_count; i++)
		if (plan->pool[i].base < tdmr->base + tdmr->bytes && tdmr_end(plan->pool[i]) > tdmr->base)
			return plan->pool[i].node;
	return PAGE_ANY_NODE;
}

static bool place_pamts(struct tdmr_plan *plan, const struct tdmr_limits *limits)
{
	for (u32 i = 0; i < plan->tdmr_count; i++) {
		u32 node = node_served(plan, &plan->tdmrs[i]);
		u64 bytes = tdmr_pamt_bytes(plan->tdmrs[i].bytes, limits);

		if (!find_room(plan, i, bytes, node) && !take_from_pool(plan, i, bytes, node) &&
		    !find_room(plan, i, bytes, PAGE_ANY_NODE) && !take_from_pool(plan, i, bytes, PAGE_ANY_NODE))
			return false;
		plan->foreign_pamts += node != PAGE_ANY_NODE && node != plan->pamts[i].node;
		tdmr_set_pamt(&plan->tdmrs[i], plan->pamts[i].base, limits);
	}
	return true;
}

/* ---- 5. reserved areas ---- */

static bool reserve(struct tdmr_plan *plan, const struct tdmr_request *request)
{
	static struct tdmr_areas areas;
	u32 max = request->limits.max_reserved;

	for (u32 i = 0; i < plan->tdmr_count; i++) {
		struct tdmr_range tdmr = { .base = plan->tdmrs[i].base, .bytes = plan->tdmrs[i].bytes };

		tdmr_holes(&areas, tdmr, request->cmrs, request->cmr_count);
		for (u32 j = 0; j < plan->tdmr_count; j++)
			tdmr_add_area(&areas, tdmr, plan->pamts[j]);
		tdmr_merge_areas(&areas, max, plan->pool, plan->pool_count, TDMR_ALL_NODES);
		if (areas.count > max)
			return false;
		for (u32 a = 0; a < areas.count; a++) {
			plan->tdmrs[i].reserved[a].offset_bytes = areas.area[a].base - tdmr.base;
			plan->tdmrs[i].reserved[a].bytes = areas.area[a].bytes;
		}
		for (u32 p = plan->pool_count; p-- > 0;)
			if (tdmr_is_reserved(&areas, plan->pool[p].base))
				remove_entry(plan->pool, &plan->pool_count, p);
	}
	return true;
}

static bool try(struct tdmr_plan *plan, const struct tdmr_request *request, u64 gibs)
{
	plan->pool_count = 0;
	plan->foreign_pamts = 0;
	cover(plan, request, gibs);
	fill_pool(plan, request);
	return place_pamts(plan, &request->limits) && reserve(plan, request) && plan->pool_count;
}

int tdmr_plan_make(struct tdmr_plan *plan, const struct tdmr_request *request)
{
	u64 wanted = ALIGN_UP(request->wanted_bytes, PAGE_SIZE_2M);

	find_granules(plan, request);
	/* With half the pool there is more room for PAMTs, and fewer are needed. */
	for (; wanted; wanted = ALIGN_DOWN(wanted / 2, PAGE_SIZE_2M)) {
		u64 gibs = choose(plan, request, wanted);

		if (gibs && try(plan, request, gibs))
			return 0;
	}
	return -ENOMEM;
}
