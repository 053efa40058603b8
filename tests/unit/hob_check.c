/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second reading of the rules for a TD HOB list, as OVMF and tdshim apply them; independent of vmm/hob.c.
 * PI specification, volume 3, "HOB Code Definitions"; edk2's TD HOB rules.
 */
#include "tests/unit/hob_check.h"

#include <string.h>

#include "include/cella/tdshim.h"
#include "include/spec/hob.h"

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

int hob_validate(const void *list, u64 bytes, u64 list_gpa, char error[REFUSAL_BYTES])
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
