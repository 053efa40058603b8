/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TD HOB list: what a guest's firmware learns about its memory, and the payload block for tdshim. Pure.
 * PI specification, volume 3; TDX Virtual Firmware Design Guide, "TD Hand-Off Block".
 */
#ifndef VMM_HOB_H
#define VMM_HOB_H

#include "include/cella/tdshim.h"
#include "include/cella/types.h"

#define HOB_MAX_ADDED 32

struct hob_region {
	u64 start;	/* GPA, 4 KiB multiple */
	u64 bytes;	/* 4 KiB multiple, > 0 */
};

struct hob_plan {
	u64 list_gpa;	/* where the list will lie */
	u64 list_bytes;	/* room for it */
	u64 low_bytes, high_bytes;	/* RAM at 0 and at 4 GiB */
	u32 added_count;
	struct hob_region added[HOB_MAX_ADDED];	/* RAM that PAGE.ADD fills: any order, apart, all in RAM (tdvf.c) */
	const struct tdshim_payload *payload;	/* NULL: no payload block */
};

/**
 * hob_build() - write the list: PHIT, RAM ascending (added pages as system memory, the rest as unaccepted), payload,
 * end
 * @to: zeroed, @plan->list_bytes, 8-byte aligned. *@used: bytes written. -ENOSPC: does not fit
 */
int __must_check hob_build(void *to, struct hob_plan *plan, u64 *used);

#endif
