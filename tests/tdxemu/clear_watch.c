/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page in WATCH_ONE_IN is watched line by line (all of them would cost 128 exits each); of the others the first
 * access is judged. A page is filled with a pattern when its clearing begins: memory that changes keys holds no zeros,
 * so a host that clears only a part of it sees the rest, and so do we when the page comes to the module again.
 * Callers: host_view.c, under its lock. Manual: tdx-host-system.md 8.5.
 */
#include "tests/tdxemu/clear_watch.h"

#include "kernel/lib/string.h"

#define WATCH_ONE_IN 32
#define KEY_CHANGE_PATTERN 0xc5
#define KEY_CHANGE_WORD (0x0101010101010101ull * KEY_CHANGE_PATTERN)
#define LINE_WORDS (CLEAR_LINE_BYTES / sizeof(u64))

enum clear_verdict clear_watch(u64 hpa, bool movdir64b, u32 *lines)
{
	u32 line = (u32)(hpa % PAGE_SIZE / CLEAR_LINE_BYTES);
	/* The same line again: an interrupt came before the instruction that was let through. */
	bool expected = line == *lines || line + 1 == *lines;

	if (!movdir64b || (*lines != 0 && !expected))
		return CLEAR_BREACH;
	if (!expected || (hpa >> PAGE_SHIFT) % WATCH_ONE_IN != 0 || line + 1 == CLEAR_PAGE_LINES)
		return CLEAR_REACHABLE;
	*lines = line + 1;
	return CLEAR_STEP;
}

void clear_spoil(void *page)
{
	memset(page, KEY_CHANGE_PATTERN, PAGE_SIZE);
}

u64 clear_untouched_line(const void *page)
{
	const u64 *words = page;

	for (u64 line = 0; line < CLEAR_PAGE_LINES; line++, words += LINE_WORDS) {
		u32 same = 0;

		while (same < LINE_WORDS && words[same] == KEY_CHANGE_WORD)
			same++;
		if (same == LINE_WORDS)
			return line * CLEAR_LINE_BYTES;
	}
	return PAGE_SIZE;
}
