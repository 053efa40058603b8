/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building and checking a TD HOB list.
 *
 * RAM is listed in ascending order, below 4 GiB first, without a hole from address 0 on and never across 4 GiB: OVMF
 * finds the size of low memory by chaining descriptors. Pages that the builder adds are system memory; everything else
 * is unaccepted and is the guest's to accept. Each region that was added keeps a descriptor of its own, so that tdshim
 * can compare it with the sections it was linked for. Pure; any core.
 *
 * PI specification, volume 3, "HOB Code Definitions"; edk2's TD HOB rules.
 */
#include "vmm/hob.h"

#include "include/cella/errno.h"
#include "include/spec/hob.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

static const u8 payload_guid[16] = TDSHIM_PAYLOAD_GUID;

struct writer {
	u8 *at;
	u64 left;
};

/* Room for one block of @bytes, padded to the list's alignment; NULL: full. */
static void *append(struct writer *writer, u16 type, u64 bytes)
{
	u64 padded = ALIGN_UP(bytes, HOB_ALIGN);
	struct hob_header header = { .type = type, .bytes = (u16)padded };
	void *block = writer->at;

	if (padded > writer->left)
		return NULL;
	memcpy(block, &header, sizeof(header));
	writer->at += padded;
	writer->left -= padded;
	return block;
}

static int append_ram(struct writer *writer, u32 type, u64 start, u64 end)
{
	struct hob_resource *resource;

	if (start >= end)
		return 0;
	resource = append(writer, HOB_TYPE_RESOURCE, sizeof(*resource));
	if (!resource)
		return -ENOSPC;
	resource->type = type;
	resource->attributes = HOB_RESOURCE_ATTRIBUTES_RAM;
	resource->start = start;
	resource->bytes = end - start;
	return 0;
}

/* One piece of RAM: the added regions inside it, with unaccepted memory around them. @added is sorted. */
static int append_range(struct writer *writer, const struct hob_plan *plan, u64 start, u64 end)
{
	int error = 0;

	for (u32 i = 0; i < plan->added_count && !error; i++) {
		const struct hob_region *region = &plan->added[i];

		if (region->start < start || region->start >= end)
			continue;
		error = append_ram(writer, HOB_RESOURCE_UNACCEPTED_MEMORY, start, region->start);
		if (!error)
			error = append_ram(writer, HOB_RESOURCE_SYSTEM_MEMORY, region->start,
					   region->start + region->bytes);
		start = region->start + region->bytes;
	}
	return error ? error : append_ram(writer, HOB_RESOURCE_UNACCEPTED_MEMORY, start, end);
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

static int check_added(const struct hob_plan *plan)
{
	u64 last_end = 0;

	for (u32 i = 0; i < plan->added_count; i++) {
		u64 start = plan->added[i].start, end = start + plan->added[i].bytes;
		bool low = end <= plan->low_bytes;
		bool high = start >= GUEST_HIGH_RAM_BASE && end <= GUEST_HIGH_RAM_BASE + plan->high_bytes;

		if (end <= start || start < last_end || !(low || high))
			return -EINVAL;
		last_end = end;
	}
	return 0;
}

static int append_payload(struct writer *writer, const struct tdshim_payload *payload)
{
	struct hob_guid *block = append(writer, HOB_TYPE_GUID_EXTENSION, sizeof(*block) + sizeof(*payload));

	if (!block)
		return -ENOSPC;
	memcpy(block->guid, payload_guid, sizeof(payload_guid));
	memcpy(block + 1, payload, sizeof(*payload));
	return 0;
}

int hob_build(void *to, struct hob_plan *plan, u64 *used)
{
	struct writer writer = { .at = to, .left = plan->list_bytes };
	struct hob_handoff *handoff;
	int error;

	sort_added(plan);
	error = check_added(plan);
	if (error)
		return error;
	handoff = append(&writer, HOB_TYPE_HANDOFF, sizeof(*handoff));
	if (!handoff)
		return -ENOSPC;
	error = append_range(&writer, plan, 0, plan->low_bytes);
	if (!error)
		error = append_range(&writer, plan, GUEST_HIGH_RAM_BASE, GUEST_HIGH_RAM_BASE + plan->high_bytes);
	if (!error && plan->payload)
		error = append_payload(&writer, plan->payload);
	if (!error && !append(&writer, HOB_TYPE_END, sizeof(struct hob_header)))
		error = -ENOSPC;
	if (error)
		return error;
	*used = plan->list_bytes - writer.left;
	handoff->version = HOB_HANDOFF_VERSION;
	handoff->boot_mode = HOB_BOOT_FULL_CONFIGURATION;
	handoff->end_of_list = plan->list_gpa + *used;
	return 0;
}

static int __printf(2, 3) refuse(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_text_va(error, HOB_ERROR_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

static int check_handoff(const u8 *block, u32 block_bytes, u64 end_of_list, char *error)
{
	struct hob_handoff handoff;

	if (block_bytes != sizeof(handoff))
		return refuse(error, "the hand-off block has %u bytes", block_bytes);
	memcpy(&handoff, block, sizeof(handoff));
	if (handoff.version != HOB_HANDOFF_VERSION || handoff.boot_mode != HOB_BOOT_FULL_CONFIGURATION)
		return refuse(error, "the hand-off block has version %u, boot mode %u", handoff.version,
			      handoff.boot_mode);
	if (!IS_ALIGNED(handoff.free_memory_top, PAGE_SIZE))
		return refuse(error, "the hand-off block has a free memory top that is not 4 KiB aligned");
	if (handoff.end_of_list != end_of_list)
		return refuse(error, "the hand-off block says the list ends at 0x%lx, not at 0x%lx",
			      handoff.end_of_list, end_of_list);
	return 0;
}

static int check_resource(const u8 *block, u32 block_bytes, u64 *last_end, char *error)
{
	struct hob_resource resource;
	u64 end;

	if (block_bytes != sizeof(resource))
		return refuse(error, "a resource block has %u bytes", block_bytes);
	memcpy(&resource, block, sizeof(resource));
	end = resource.start + resource.bytes;
	if (resource.type != HOB_RESOURCE_SYSTEM_MEMORY && resource.type != HOB_RESOURCE_UNACCEPTED_MEMORY)
		return refuse(error, "a resource block has type %u", resource.type);
	if (resource.attributes != HOB_RESOURCE_ATTRIBUTES_RAM)
		return refuse(error, "a resource block has attributes 0x%x", resource.attributes);
	if (end <= resource.start || !IS_ALIGNED(resource.start | resource.bytes, PAGE_SIZE))
		return refuse(error, "the resource at 0x%lx, 0x%lx bytes, is malformed", resource.start,
			      resource.bytes);
	if (resource.start < *last_end)
		return refuse(error, "the resource at 0x%lx is out of order", resource.start);
	if (resource.start < GUEST_HIGH_RAM_BASE && resource.start != *last_end)
		return refuse(error, "RAM below 4 GiB has a hole at 0x%lx", *last_end);
	if (resource.start < GUEST_HIGH_RAM_BASE && end > GUEST_HIGH_RAM_BASE)
		return refuse(error, "the resource at 0x%lx crosses 4 GiB", resource.start);
	*last_end = end;
	return 0;
}

int hob_validate(const void *list, u64 bytes, u64 list_gpa, char error[HOB_ERROR_BYTES])
{
	const u8 *at = list;
	u64 offset = 0, last_end = 0;
	struct hob_header header;
	int result;

	for (;;) {
		if (bytes - offset < sizeof(header))
			return refuse(error, "the list has no end block");
		memcpy(&header, at + offset, sizeof(header));
		if (header.reserved || header.bytes < sizeof(header) || !IS_ALIGNED(header.bytes, HOB_ALIGN) ||
		    header.bytes > bytes - offset)
			return refuse(error, "the block at offset 0x%lx has a bad header", offset);
		if ((offset == 0) != (header.type == HOB_TYPE_HANDOFF))
			return refuse(error, "the hand-off block is not the first one, or there are two");
		result = 0;
		if (header.type == HOB_TYPE_END)
			break;
		if (header.type == HOB_TYPE_RESOURCE)
			result = check_resource(at + offset, header.bytes, &last_end, error);
		else if (header.type == HOB_TYPE_GUID_EXTENSION && header.bytes < sizeof(struct hob_guid))
			result = refuse(error, "the GUID block at offset 0x%lx is too short", offset);
		else if (header.type != HOB_TYPE_HANDOFF && header.type != HOB_TYPE_GUID_EXTENSION)
			result = refuse(error, "the block at offset 0x%lx has type 0x%x", offset, header.type);
		if (result)
			return result;
		offset += header.bytes;
	}
	memcpy(&header, at, sizeof(header));
	return check_handoff(at, header.bytes, list_gpa + offset + sizeof(struct hob_header), error);
}
