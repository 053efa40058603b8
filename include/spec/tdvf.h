/* SPDX-License-Identifier: BSD-2-Clause */
/* TDVF images: GUIDed table at the end, descriptor, sections. TDX Virtual Firmware Design Guide, "TDVF Metadata". */
#ifndef SPEC_TDVF_H
#define SPEC_TDVF_H

#define TDVF_SIGNATURE 0x46564454	/* "TDVF" */
#define TDVF_VERSION 1
#define TDVF_FOOTER_FROM_END 0x30	/* GUID of the table's footer */
#define TDVF_TABLE_LENGTH_FROM_END 0x32	/* u16, counts up to the end of the footer GUID */
#define TDVF_TABLE_END_FROM_END 0x20
#define TDVF_DESCRIPTOR_HEADER_BYTES 16
#define TDVF_SECTION_BYTES 32

/* GUIDs in memory order. */
#define TDVF_TABLE_FOOTER_GUID { 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d }
#define TDVF_METADATA_OFFSET_GUID { 0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2 }
#define TDVF_DESCRIPTOR_GUID { 0xf3, 0xf9, 0xea, 0xe9, 0x8e, 0x16, 0xd5, 0x44, 0xa8, 0xeb, 0x7f, 0x4d, 0x87, 0x38, 0xf6, 0xae }

#define TDVF_SECTION_BFV 0
#define TDVF_SECTION_CFV 1
#define TDVF_SECTION_TD_HOB 2
#define TDVF_SECTION_TEMP_MEM 3
#define TDVF_SECTION_PERM_MEM 4
#define TDVF_SECTION_PAYLOAD 5
#define TDVF_SECTION_PAYLOAD_PARAM 6
#define TDVF_SECTION_TD_INFO 7
#define TDVF_SECTION_TD_PARAMS 8

#define TDVF_ATTR_MR_EXTEND 1
#define TDVF_ATTR_PAGE_AUG 2

#ifndef __ASSEMBLER__
#include "include/cella/types.h"

struct tdvf_descriptor {
	u32 signature;
	u32 bytes;	/* 16 + 32 * sections */
	u32 version;
	u32 section_count;
};

struct tdvf_section {
	u32 data_offset;	/* in the file */
	u32 raw_bytes;
	u64 gpa;
	u64 memory_bytes;
	u32 type;
	u32 attributes;
};
_Static_assert(sizeof(struct tdvf_section) == TDVF_SECTION_BYTES, "TDVF section is 32 bytes");
#endif

#endif
