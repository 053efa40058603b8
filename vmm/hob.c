/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building a TD HOB list.
 *
 * RAM is listed in ascending order, below 4 GiB first, without a hole from address 0 on and never across 4 GiB: OVMF
 * finds the size of low memory by chaining descriptors. Pages that the builder adds are system memory; everything else
 * is unaccepted and is the guest's to accept. Each region that was added keeps a descriptor of its own, so that tdshim
 * can compare it with the sections it was linked for. A firmware that dislikes the list spins silently, so the unit
 * tests hold every list against OVMF's and tdshim's rules (tests/unit/hob_check.c). Pure; any core.
 *
 * PI specification, volume 3, "HOB Code Definitions"; edk2's TD HOB rules.
 */
#include "vmm/hob.h"

#include "include/cella/errno.h"
#include "include/spec/hob.h"
#include "kernel/lib/string.h"

struct writer {
	u8 *at;
	u64 left;
	bool full;
};

/* Room for one block of @bytes, padded to the list's alignment; NULL: full, and then for good. */
static void *append(struct writer *writer, u16 type, u64 bytes)
{
	u64 padded = ALIGN_UP(bytes, HOB_ALIGN);
	struct hob_header header = { .type = type, .bytes = (u16)padded };
	void *block = writer->at;

	writer->full |= padded > writer->left;
	if (writer->full)
		return NULL;
	memcpy(block, &header, sizeof(header));
	writer->at += padded;
	writer->left -= padded;
	return block;
}

static void append_ram(struct writer *writer, u32 type, u64 start, u64 end)
{
	struct hob_resource *resource = start < end ? append(writer, HOB_TYPE_RESOURCE, sizeof(*resource)) : NULL;

	if (!resource)
		return;
	resource->type = type;
	resource->attributes = HOB_RESOURCE_ATTRIBUTES_RAM;
	resource->start = start;
	resource->bytes = end - start;
}

/* One piece of RAM: the added regions inside it, with unaccepted memory around them. @added is sorted. */
static void append_range(struct writer *writer, const struct hob_plan *plan, u64 start, u64 end)
{
	for (u32 i = 0; i < plan->added_count; i++) {
		const struct hob_region *region = &plan->added[i];

		if (region->start < start || region->start >= end)
			continue;
		append_ram(writer, HOB_RESOURCE_UNACCEPTED_MEMORY, start, region->start);
		start = region->start + region->bytes;
		append_ram(writer, HOB_RESOURCE_SYSTEM_MEMORY, region->start, start);
	}
	append_ram(writer, HOB_RESOURCE_UNACCEPTED_MEMORY, start, end);
}

static void sort_added(struct hob_plan *plan)
{
	for (u32 i = 1; i < plan->added_count; i++)
		for (u32 j = i; j > 0 && plan->added[j].start < plan->added[j - 1].start; j--) {
			struct hob_region moved = plan->added[j];

			plan->added[j] = plan->added[j - 1];
			plan->added[j - 1] = moved;
		}
}

static void append_payload(struct writer *writer, const struct tdshim_payload *payload)
{
	static const u8 guid[] = TDSHIM_PAYLOAD_GUID;
	struct hob_guid *block = append(writer, HOB_TYPE_GUID_EXTENSION, sizeof(*block) + sizeof(*payload));

	if (!block)
		return;
	memcpy(block->guid, guid, sizeof(guid));
	memcpy(block + 1, payload, sizeof(*payload));
}

int hob_build(void *to, struct hob_plan *plan, u64 *used)
{
	struct writer writer = { .at = to, .left = plan->list_bytes };
	struct hob_handoff *handoff = append(&writer, HOB_TYPE_HANDOFF, sizeof(*handoff));

	sort_added(plan);
	append_range(&writer, plan, 0, plan->low_bytes);
	append_range(&writer, plan, GUEST_HIGH_RAM_BASE, GUEST_HIGH_RAM_BASE + plan->high_bytes);
	if (plan->payload)
		append_payload(&writer, plan->payload);
	append(&writer, HOB_TYPE_END, sizeof(struct hob_header));
	if (writer.full)
		return -ENOSPC;
	*used = plan->list_bytes - writer.left;
	handoff->version = HOB_HANDOFF_VERSION;
	handoff->boot_mode = HOB_BOOT_FULL_CONFIGURATION;
	handoff->end_of_list = plan->list_gpa + *used;
	return 0;
}
