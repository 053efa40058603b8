/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDVF images: from a firmware file to a checked list of sections. Pure; every rule that an image can break has a
 * sentence. TDX Virtual Firmware Design Guide, "TDVF Metadata".
 */
#ifndef VMM_TDVF_H
#define VMM_TDVF_H

#include "include/cella/types.h"
#include "include/spec/tdvf.h"
#include "vmm/refuse.h"

#define TDVF_MAX_SECTIONS 32
/* Where an image may lie when it is not in RAM: below 4 GiB, above the local APIC's page. */
#define TDVF_WINDOW_BASE 0xff000000ull
#define TDVF_WINDOW_END 0x100000000ull
#define TDVF_RESET_VECTOR 0xfffffff0ull

struct tdvf_image {
	const u8 *file;
	u64 file_bytes;
	u32 section_count;
	u32 td_hob;	/* index of the one TD_HOB section */
	struct tdvf_section sections[TDVF_MAX_SECTIONS];	/* descriptor order; 7 and 8 are left out */
};

/**
 * tdvf_parse() - find the descriptor and check every section by itself and against the others
 * @file: any alignment. @image: written on success. @error: one sentence on -EINVAL
 */
int __must_check tdvf_parse(const void *file, u64 bytes, struct tdvf_image *image, char error[REFUSAL_BYTES]);
/**
 * tdvf_check_placement() - do the sections fit a guest with RAM at [0, @low_bytes) and [4 GiB, 4 GiB + @high_bytes)?
 * TD_HOB, TempMem and PermMem must lie in RAM, all others in RAM or in the firmware window below 4 GiB.
 */
int __must_check tdvf_check_placement(const struct tdvf_image *image, u64 low_bytes, u64 high_bytes,
				      char error[REFUSAL_BYTES]);
/** tdvf_is_added() - the section's pages are added (and not left to a later AUG) */
static inline bool tdvf_is_added(const struct tdvf_section *section)
{
	return !(section->attributes & TDVF_ATTR_PAGE_AUG);
}

/** tdvf_in_ram() - the section lies in RAM below @low_bytes or above 4 GiB */
bool tdvf_in_ram(const struct tdvf_section *section, u64 low_bytes, u64 high_bytes);
const char *tdvf_section_name(u32 type);

#endif
