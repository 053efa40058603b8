/* SPDX-License-Identifier: BSD-2-Clause */
/* The clearing of a page that the module gave back: 64 lines by MOVDIR64B, in ascending order, before anything else. */
#ifndef TDXEMU_CLEAR_WATCH_H
#define TDXEMU_CLEAR_WATCH_H

#include "include/cella/types.h"

#define CLEAR_LINE_BYTES 64	/* of MOVDIR64B */
#define CLEAR_PAGE_LINES (PAGE_SIZE / CLEAR_LINE_BYTES)

enum clear_verdict {
	CLEAR_BREACH,	/* not the clear that is owed: report it; the page is reachable from now on */
	CLEAR_STEP,	/* let this line through alone and stay on watch */
	CLEAR_REACHABLE,	/* in order, and no more to watch */
};

/**
 * clear_watch() - the host touches a page under watch
 * @movdir64b: the access is the write of that instruction. @lines: cleared so far; moved on by CLEAR_STEP.
 */
enum clear_verdict clear_watch(u64 hpa, bool movdir64b, u32 *lines);
/** clear_spoil() - what memory is when its key changes; clear_untouched_line() - offset of a line still so; PAGE_SIZE */
void clear_spoil(void *page);
u64 clear_untouched_line(const void *page);

#endif
