/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See handoff.h. Every length is checked before the block behind it is touched. "Already accepted" is believed only for
 * the two sections that this image's own metadata names; a host that claims more is refused.
 */
#include "boot/tdshim/handoff.h"

#include "include/spec/hob.h"
#include "kernel/lib/string.h"

static const u8 payload_guid[16] = TDSHIM_PAYLOAD_GUID;

struct ram_check {
	u64 next;	/* where the next range may start at the earliest */
	bool temp_seen, hob_seen;
};

static const char *check_range(u64 start, u64 bytes)
{
	if (bytes == 0 || !IS_ALIGNED(start, PAGE_SIZE) || !IS_ALIGNED(bytes, PAGE_SIZE))
		return "a memory range in the hand-off is empty or not page aligned";
	if (start >= HANDOFF_MAX_GPA || bytes > HANDOFF_MAX_GPA - start)
		return "a memory range in the hand-off lies above 1 TiB";
	if (start < GUEST_HIGH_RAM_BASE && start + bytes > GUEST_LOW_RAM_MAX)
		return "RAM in the hand-off reaches into the device range below 4 GiB";
	return NULL;
}

static const char *add_resource(const struct hob_resource *block, struct ram_check *check, struct handoff *handoff)
{
	const char *wrong;

	if (block->header.bytes != sizeof(*block))
		return "a resource block in the hand-off has the wrong length";
	if (block->type != HOB_RESOURCE_SYSTEM_MEMORY && block->type != HOB_RESOURCE_UNACCEPTED_MEMORY)
		return NULL;	/* windows for other firmware */
	wrong = check_range(block->start, block->bytes);
	if (wrong)
		return wrong;
	if (block->start < check->next)
		return "memory ranges in the hand-off overlap or are not ascending";
	if (block->start == handoff->low_ram_end)
		handoff->low_ram_end = block->start + block->bytes;
	check->next = block->start + block->bytes;
	if (block->type == HOB_RESOURCE_UNACCEPTED_MEMORY) {
		if (handoff->unaccepted_count == HANDOFF_MAX_RANGES)
			return "the hand-off has more memory ranges than tdshim takes";
		handoff->unaccepted[handoff->unaccepted_count++] =
			(struct handoff_range){ block->start, block->bytes };
		return NULL;
	}
	if (block->start == TDSHIM_TEMP_BASE && block->bytes == TDSHIM_TEMP_BYTES)
		check->temp_seen = true;
	else if (block->start == TDSHIM_HOB_BASE && block->bytes == TDSHIM_HOB_BYTES)
		check->hob_seen = true;
	else
		return "the hand-off calls memory accepted that the image never asked for";
	return NULL;
}

static const char *add_guid(const struct hob_guid *block, struct handoff *handoff)
{
	if (block->header.bytes < sizeof(*block))
		return "a GUID block in the hand-off is shorter than its header";
	if (memcmp(block->guid, payload_guid, sizeof(payload_guid)) != 0)
		return NULL;
	if (block->header.bytes < sizeof(*block) + sizeof(handoff->payload))
		return "the payload block in the hand-off is too short";
	if (handoff->payload.version != 0)
		return "the hand-off has two payload blocks";
	memcpy(&handoff->payload, (const u8 *)block + sizeof(*block), sizeof(handoff->payload));
	if (handoff->payload.version != TDSHIM_PAYLOAD_VERSION)
		return "the payload block has a version that this tdshim does not know";
	return NULL;
}

static const char *check_file(u64 gpa, u64 bytes)
{
	if (bytes == 0)
		return NULL;
	if (gpa < GUEST_PAYLOAD_WINDOW || !IS_ALIGNED(gpa, PAGE_SIZE) ||
	    gpa - GUEST_PAYLOAD_WINDOW > GUEST_PAYLOAD_MAX || bytes > GUEST_PAYLOAD_MAX - (gpa - GUEST_PAYLOAD_WINDOW))
		return "a payload file lies outside the payload window";
	return NULL;
}

static const char *check_payload(const struct tdshim_payload *payload)
{
	const char *wrong;

	if (payload->version == 0)
		return "the hand-off has no payload block";
	if (payload->kernel_bytes == 0)
		return "the hand-off names no kernel";
	wrong = check_file(payload->kernel_gpa, payload->kernel_bytes);
	if (!wrong)
		wrong = check_file(payload->initrd_gpa, payload->initrd_bytes);
	if (!wrong)
		wrong = check_file(payload->cmdline_gpa, payload->cmdline_bytes);
	return wrong;
}

/* One block: its header is inside the list. Sets *done at the end block. */
static const char *add_block(const u8 *block, u64 offset, struct ram_check *check, struct handoff *handoff, bool *done)
{
	const struct hob_header *header = (const struct hob_header *)(const void *)block;

	if (offset == 0 && (header->type != HOB_TYPE_HANDOFF || header->bytes != sizeof(struct hob_handoff)))
		return "the hand-off does not start with a PHIT block";
	if (offset != 0 && header->type == HOB_TYPE_HANDOFF)
		return "the hand-off has two PHIT blocks";
	switch (header->type) {
	case HOB_TYPE_HANDOFF:
		return NULL;
	case HOB_TYPE_RESOURCE:
		return add_resource((const struct hob_resource *)(const void *)block, check, handoff);
	case HOB_TYPE_GUID_EXTENSION:
		return add_guid((const struct hob_guid *)(const void *)block, handoff);
	case HOB_TYPE_END:
		*done = true;
		return NULL;
	default:
		return "the hand-off has a block of an unknown type";
	}
}

const char *handoff_parse(const u8 *list, struct handoff *handoff)
{
	struct ram_check check = { 0 };
	bool done = false;
	u64 offset = 0;

	memset(handoff, 0, sizeof(*handoff));
	while (!done) {
		const struct hob_header *header = (const struct hob_header *)(const void *)(list + offset);
		const char *wrong;

		if (TDSHIM_HOB_BYTES - offset < sizeof(*header))
			return "the hand-off has no end block";
		if (header->reserved != 0 || header->bytes < sizeof(*header) || !IS_ALIGNED(header->bytes, HOB_ALIGN) ||
		    header->bytes > TDSHIM_HOB_BYTES - offset)
			return "a block in the hand-off has a bad header";
		wrong = add_block(list + offset, offset, &check, handoff, &done);
		if (wrong)
			return wrong;
		offset += header->bytes;
	}
	handoff->list_bytes = offset;
	if (!check.temp_seen || !check.hob_seen)
		return "the hand-off does not list the image's own memory sections";
	if (handoff->low_ram_end < GUEST_RAM_MIN)
		return "the hand-off has less than 64 MiB of RAM from GPA 0";
	return check_payload(&handoff->payload);
}
