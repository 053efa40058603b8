/* SPDX-License-Identifier: BSD-2-Clause */
/* PI hand-off blocks as a TD HOB list uses them. PI specification, volume 3; TDX Virtual Firmware Design Guide. */
#ifndef SPEC_HOB_H
#define SPEC_HOB_H

#include "include/cella/types.h"

#define HOB_TYPE_HANDOFF 0x0001
#define HOB_TYPE_RESOURCE 0x0003
#define HOB_TYPE_GUID_EXTENSION 0x0004
#define HOB_TYPE_END 0xffff
#define HOB_ALIGN 8

#define HOB_HANDOFF_VERSION 9
#define HOB_BOOT_FULL_CONFIGURATION 0

#define HOB_RESOURCE_SYSTEM_MEMORY 0
#define HOB_RESOURCE_MMIO 1
#define HOB_RESOURCE_IO 2
#define HOB_RESOURCE_UNACCEPTED_MEMORY 7
#define HOB_RESOURCE_ATTRIBUTES_RAM 0x7	/* present, initialised, tested */

struct hob_header {
	u16 type;
	u16 bytes;	/* with this header */
	u32 reserved;
};

struct hob_handoff {
	struct hob_header header;
	u32 version;
	u32 boot_mode;
	u64 memory_top, memory_bottom, free_memory_top, free_memory_bottom;
	u64 end_of_list;	/* GPA just behind the end block */
};
_Static_assert(sizeof(struct hob_handoff) == 56, "PHIT block is 56 bytes");

struct hob_resource {
	struct hob_header header;
	u8 owner[16];
	u32 type;
	u32 attributes;
	u64 start;
	u64 bytes;
};
_Static_assert(sizeof(struct hob_resource) == 48, "resource block is 48 bytes");

struct hob_guid {
	struct hob_header header;
	u8 guid[16];
	/* data follows */
};

#endif
