/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDVF metadata. The input is the end of the file, where table, descriptor and sections are; zeros lie before it, so that
 * sections of a real size fit. Accepted sections lie in the file and in guest memory and share no page.
 */
#include "vmm/tdvf.h"

#include <string.h>

#include "include/cella/tdshim.h"
#include "tests/fuzz/fuzz.h"

#define FILE_BYTES 0x10000

static struct tdvf_image image;
static char error[REFUSAL_BYTES];

static void check_section(const struct tdvf_section *section)
{
	CLAIM(IS_ALIGNED(section->gpa, PAGE_SIZE) && IS_ALIGNED(section->memory_bytes, PAGE_SIZE));
	CLAIM(section->memory_bytes != 0 && section->gpa + section->memory_bytes > section->gpa);
	CLAIM(section->raw_bytes <= section->memory_bytes);
	if (section->raw_bytes)
		CLAIM((u64)section->data_offset + section->raw_bytes <= image.file_bytes);
	(void)tdvf_is_added(section);
	(void)tdvf_in_ram(section, MIB(512), 0);
	CLAIM(tdvf_section_name(section->type) != NULL);
}

static void check_image(void)
{
	CLAIM(image.section_count >= 1 && image.section_count <= TDVF_MAX_SECTIONS);
	CLAIM(image.td_hob < image.section_count);
	CLAIM(image.sections[image.td_hob].type == TDVF_SECTION_TD_HOB);
	for (u32 i = 0; i < image.section_count; i++) {
		check_section(&image.sections[i]);
		for (u32 j = 0; j < i; j++) {
			const struct tdvf_section *a = &image.sections[i], *b = &image.sections[j];

			CLAIM(a->gpa >= b->gpa + b->memory_bytes || b->gpa >= a->gpa + a->memory_bytes);
		}
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	size_t file_bytes = MAX(bytes, (size_t)FILE_BYTES);
	u8 *file = calloc(1, file_bytes);

	memcpy(file + file_bytes - bytes, data, bytes);
	memset(error, 0, sizeof(error));
	if (tdvf_parse(file, file_bytes, &image, error)) {
		CLAIM(strlen(error) > 0 && strlen(error) < REFUSAL_BYTES);
	} else {
		check_image();
		if (tdvf_check_placement(&image, MIB(512), 0, error))
			CLAIM(strlen(error) > 0);
	}
	free(file);
	file = malloc(bytes ? bytes : 1);
	memcpy(file, data, bytes);
	if (!tdvf_parse(file, bytes, &image, error))
		check_image();
	free(file);
	return 0;
}
