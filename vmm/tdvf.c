/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TDVF metadata of a firmware image.
 *
 * The last bytes of the file hold a table of GUIDed entries that is read downwards; one entry says how far from the
 * end the descriptor lies. The descriptor's sections are copied once and checked: bounds in the file, alignment, type
 * rules, overlap. The rules are those of other hosts' loaders, plus file bounds, wrap-around, overlap and the reset
 * vector. Third-party images may carry PermMem (never added), Payload with its bytes, and the informative types. Pure;
 * any core.
 *
 * TDX Virtual Firmware Design Guide, "TDVF Metadata"; td-shim metadata specification.
 */
#include "vmm/tdvf.h"

#include "include/cella/tdshim.h"
#include "kernel/lib/string.h"

#define GUID_BYTES 16
#define ENTRY_TAIL_BYTES 18	/* length word and GUID behind an entry's data */

static const u8 footer_guid[GUID_BYTES] = TDVF_TABLE_FOOTER_GUID;
static const u8 offset_guid[GUID_BYTES] = TDVF_METADATA_OFFSET_GUID;
static const u8 descriptor_guid[GUID_BYTES] = TDVF_DESCRIPTOR_GUID;

static u32 read_u16(const u8 *at)
{
	return (u32)at[0] | (u32)at[1] << 8;
}

static u32 read_u32(const u8 *at)
{
	return read_u16(at) | read_u16(at + 2) << 16;
}

/* What a section of each type must be; types 7 and 8 describe and are not loaded. */
static const struct section_rule {
	const char *name;
	enum { NO_DATA = 1, HAS_DATA, NOT_LOADED } content;
	u32 attributes;	/* allowed */
} rules[] = {
	[TDVF_SECTION_BFV] = { "BFV", HAS_DATA, TDVF_ATTR_MR_EXTEND },
	[TDVF_SECTION_CFV] = { "CFV", HAS_DATA, TDVF_ATTR_MR_EXTEND },
	[TDVF_SECTION_TD_HOB] = { "TD_HOB", NO_DATA, 0 },
	[TDVF_SECTION_TEMP_MEM] = { "TempMem", NO_DATA, 0 },
	[TDVF_SECTION_PERM_MEM] = { "PermMem", NO_DATA, TDVF_ATTR_PAGE_AUG },
	[TDVF_SECTION_PAYLOAD] = { "Payload", HAS_DATA, TDVF_ATTR_MR_EXTEND },
	[TDVF_SECTION_PAYLOAD_PARAM] = { "PayloadParam", HAS_DATA, TDVF_ATTR_MR_EXTEND },
	[TDVF_SECTION_TD_INFO] = { "TD_INFO", NOT_LOADED, 0 },
	[TDVF_SECTION_TD_PARAMS] = { "TD_PARAMS", NOT_LOADED, 0 },
};

const char *tdvf_section_name(u32 type)
{
	return type < ARRAY_SIZE(rules) ? rules[type].name : "unknown";
}

/* Walk the table downwards from its footer; *@distance: from the end of the file back to the descriptor. */
static int find_descriptor(const u8 *file, u64 bytes, u32 *distance, char *error)
{
	u64 end = bytes - TDVF_TABLE_LENGTH_FROM_END, start;
	u32 table_bytes;

	if (memcmp(file + bytes - TDVF_FOOTER_FROM_END, footer_guid, GUID_BYTES))
		return refuse(error, "it has no GUID table at its end, so it is no TDVF image");
	table_bytes = read_u16(file + bytes - TDVF_TABLE_LENGTH_FROM_END);
	if (table_bytes < ENTRY_TAIL_BYTES || table_bytes > bytes - TDVF_TABLE_END_FROM_END)
		return refuse(error, "its GUID table of %u bytes does not fit", table_bytes);
	start = bytes - TDVF_TABLE_END_FROM_END - table_bytes;
	while (end > start) {
		u32 entry_bytes;

		if (end - start < ENTRY_TAIL_BYTES)
			return refuse(error, "its GUID table has a cut entry");
		entry_bytes = read_u16(file + end - ENTRY_TAIL_BYTES);
		if (entry_bytes < ENTRY_TAIL_BYTES || entry_bytes > end - start)
			return refuse(error, "its GUID table has an entry of %u bytes that does not fit", entry_bytes);
		if (!memcmp(file + end - GUID_BYTES, offset_guid, GUID_BYTES)) {
			if (entry_bytes != ENTRY_TAIL_BYTES + sizeof(u32))
				return refuse(error, "its metadata offset entry has %u bytes instead of 22",
					      entry_bytes);
			*distance = read_u32(file + end - entry_bytes);
			return 0;
		}
		end -= entry_bytes;
	}
	return refuse(error, "its GUID table has no TDX metadata offset");
}

static int check_section(const struct tdvf_image *image, const struct tdvf_section *section, u32 index, char *error)
{
	const struct section_rule *rule = section->type < ARRAY_SIZE(rules) ? &rules[section->type] : NULL;
	const char *name = tdvf_section_name(section->type);

	if (!rule || rule->content == NOT_LOADED)
		return refuse(error, "section %u has the unknown type %u", index, section->type);
	if (section->type == TDVF_SECTION_PERM_MEM && (section->raw_bytes || section->attributes != rule->attributes))
		return refuse(error, "section %u (PermMem) must have no data and only the PAGE.AUG attribute", index);
	if (rule->content == HAS_DATA && !section->raw_bytes)
		return refuse(error, "section %u (%s) has no data in the file", index, name);
	if (rule->content == NO_DATA && section->raw_bytes)
		return refuse(error, "section %u (%s) has data in the file", index, name);
	if (section->attributes & ~rule->attributes)
		return refuse(error, "section %u (%s) has attributes 0x%x", index, name, section->attributes);
	if (!IS_ALIGNED(section->gpa | section->memory_bytes, PAGE_SIZE) || !section->memory_bytes)
		return refuse(error, "section %u (%s) is not made of whole 4 KiB pages", index, name);
	if (section->raw_bytes > section->memory_bytes)
		return refuse(error, "section %u (%s) has more data than memory", index, name);
	if (section->raw_bytes &&
	    (section->data_offset > image->file_bytes || section->raw_bytes > image->file_bytes - section->data_offset))
		return refuse(error, "section %u (%s) reaches outside the file", index, name);
	if (section->gpa >= GUEST_PAYLOAD_WINDOW || section->memory_bytes > GUEST_PAYLOAD_WINDOW - section->gpa)
		return refuse(error, "section %u (%s) reaches outside guest memory", index, name);
	return 0;
}

static bool overlap(const struct tdvf_section *a, const struct tdvf_section *b)
{
	return a->gpa < b->gpa + b->memory_bytes && b->gpa < a->gpa + a->memory_bytes;
}

/* Rules over all sections: one hand-off, code at the reset vector, no page twice. */
static int check_sections(struct tdvf_image *image, char *error)
{
	u32 hobs = 0;
	bool has_reset = false;

	for (u32 i = 0; i < image->section_count; i++) {
		const struct tdvf_section *section = &image->sections[i], *other = image->sections;

		for (; other < section; other++)
			if (overlap(section, other))
				return refuse(error, "sections %s at 0x%lx and %s at 0x%lx overlap",
					      tdvf_section_name(other->type), other->gpa,
					      tdvf_section_name(section->type), section->gpa);
		if (section->type == TDVF_SECTION_TD_HOB) {
			hobs++;
			image->td_hob = i;
		}
		if (section->type == TDVF_SECTION_BFV && section->gpa <= TDVF_RESET_VECTOR &&
		    TDVF_RESET_VECTOR - section->gpa < section->raw_bytes)
			has_reset = true;
	}
	if (hobs != 1)
		return refuse(error, "it has %s", hobs ? "two TD_HOB sections" : "no TD_HOB section");
	if (!has_reset)
		return refuse(error, "no BFV section covers the reset vector 0x%lx", (u64)TDVF_RESET_VECTOR);
	return 0;
}

static int read_descriptor(const u8 *file, u64 bytes, u32 distance, struct tdvf_descriptor *descriptor, char *error)
{
	u64 offset;

	if (distance < sizeof(*descriptor) || distance > bytes || bytes - distance < GUID_BYTES)
		return refuse(error, "its metadata offset 0x%x points outside the file", distance);
	offset = bytes - distance;
	if (memcmp(file + offset - GUID_BYTES, descriptor_guid, GUID_BYTES))
		return refuse(error, "its metadata offset 0x%x does not point to TDVF metadata", distance);
	memcpy(descriptor, file + offset, sizeof(*descriptor));
	if (descriptor->signature != TDVF_SIGNATURE)
		return refuse(error, "its metadata lacks the signature TDVF");
	if (descriptor->version != TDVF_VERSION)
		return refuse(error, "its metadata has version %u instead of 1", descriptor->version);
	if (descriptor->section_count < 2 || descriptor->section_count > TDVF_MAX_SECTIONS)
		return refuse(error, "its metadata has %u sections, Cella takes 2 to %d", descriptor->section_count,
			      TDVF_MAX_SECTIONS);
	if (descriptor->bytes != TDVF_DESCRIPTOR_HEADER_BYTES + TDVF_SECTION_BYTES * descriptor->section_count)
		return refuse(error, "its metadata says %u bytes, which is not right for %u sections",
			      descriptor->bytes, descriptor->section_count);
	if (descriptor->bytes > distance)
		return refuse(error, "its metadata reaches outside the file");
	return 0;
}

int tdvf_parse(const void *file, u64 bytes, struct tdvf_image *image, char error[REFUSAL_BYTES])
{
	struct tdvf_descriptor descriptor;
	const u8 *at = file;
	u32 distance = 0;
	int result;

	if (bytes < PAGE_SIZE)
		return refuse(error, "it has only %lu bytes", bytes);
	result = find_descriptor(at, bytes, &distance, error);
	if (!result)
		result = read_descriptor(at, bytes, distance, &descriptor, error);
	if (result)
		return result;
	memset(image, 0, sizeof(*image));
	image->file = at;
	image->file_bytes = bytes;
	at += bytes - distance + TDVF_DESCRIPTOR_HEADER_BYTES;
	for (u32 i = 0; i < descriptor.section_count; i++, at += TDVF_SECTION_BYTES) {
		struct tdvf_section *section = &image->sections[image->section_count];

		memcpy(section, at, sizeof(*section));
		if ((section->type == TDVF_SECTION_TD_INFO || section->type == TDVF_SECTION_TD_PARAMS) &&
		    !section->memory_bytes)
			continue;
		result = check_section(image, section, i, error);
		if (result)
			return result;
		image->section_count++;
	}
	return check_sections(image, error);
}

bool tdvf_in_ram(const struct tdvf_section *section, u64 low_bytes, u64 high_bytes)
{
	u64 end = section->gpa + section->memory_bytes;

	return end <= low_bytes || (section->gpa >= GUEST_HIGH_RAM_BASE && end <= GUEST_HIGH_RAM_BASE + high_bytes);
}

int tdvf_check_placement(const struct tdvf_image *image, u64 low_bytes, u64 high_bytes, char error[REFUSAL_BYTES])
{
	for (u32 i = 0; i < image->section_count; i++) {
		const struct tdvf_section *section = &image->sections[i];

		if (tdvf_in_ram(section, low_bytes, high_bytes))
			continue;
		if (!section->raw_bytes)
			return refuse(error, "section %s at 0x%lx is outside the TD's RAM of %lu MiB: "
				      "give the TD more memory", tdvf_section_name(section->type), section->gpa,
				      (low_bytes + high_bytes) / MIB(1));
		if (section->gpa < TDVF_WINDOW_BASE || section->gpa + section->memory_bytes > TDVF_WINDOW_END)
			return refuse(error, "section %s at 0x%lx is neither in RAM nor in the last 16 MiB below 4 GiB",
				      tdvf_section_name(section->type), section->gpa);
	}
	return 0;
}
