/* SPDX-License-Identifier: BSD-2-Clause */
/* The hand-off from the host: the TD HOB list, checked and turned into plain structs. Pure: also built for unit tests. */
#ifndef BOOT_TDSHIM_HANDOFF_H
#define BOOT_TDSHIM_HANDOFF_H

#include "include/cella/tdshim.h"
#include "include/cella/types.h"

#define HANDOFF_MAX_RANGES 64
#define HANDOFF_MAX_GPA 0x10000000000ull	/* 1 TiB of RAM at the most */

struct handoff_range {
	u64 start;	/* GPA, 4 KiB aligned */
	u64 bytes;
};

struct handoff {
	u64 list_bytes;	/* with the end block */
	u32 unaccepted_count;
	struct handoff_range unaccepted[HANDOFF_MAX_RANGES];	/* ascending */
	u64 low_ram_end;	/* first GPA behind the RAM that starts at 0 */
	struct tdshim_payload payload;
};

/**
 * handoff_parse() - check the whole list, then fill @handoff
 * @list: TDSHIM_HOB_BYTES of private memory at GPA TDSHIM_HOB_BASE. NULL when acceptable, otherwise why not.
 * RAM must be exactly: ranges to accept, plus the TempMem and TD_HOB sections as already accepted.
 */
const char *handoff_parse(const u8 *list, struct handoff *handoff);

#endif
