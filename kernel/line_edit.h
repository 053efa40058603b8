/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Line editor with history: characters of a terminal in, a finished line and the characters to echo out. Pure: state in
 * the caller's struct, fixed sizes, so that no flood of input costs memory.
 */
#ifndef KERNEL_LINE_EDIT_H
#define KERNEL_LINE_EDIT_H

#include "include/cella/types.h"

#define LINE_BYTES 160	/* longest line, its terminator included; further characters ring the bell */
#define LINE_HISTORY 16

/* Where in an escape sequence the terminal is. */
enum line_escape {
	LINE_PLAIN,
	LINE_ESCAPE,	/* ESC */
	LINE_CSI,	/* ESC [ or ESC O */
};

enum line_result {
	LINE_MORE,	/* go on */
	LINE_DONE,	/* text holds the line */
	LINE_CANCELLED,	/* Ctrl-C */
};

struct line_edit {
	const char *prompt;
	void (*echo)(const char *text, u64 bytes);
	char text[LINE_BYTES];	/* terminated */
	u32 length;
	u32 cursor;
	enum line_escape escape;
	u32 csi_number;	/* parameter of an ESC [ sequence */
	bool last_was_cr;	/* a LF that follows a CR belongs to it */
	char history[LINE_HISTORY][LINE_BYTES];
	u32 history_lines;	/* entered so far; the last LINE_HISTORY are kept */
	u32 history_back;	/* lines back from the one being typed; 0: that one */
	char typed[LINE_BYTES];	/* what stood there before history was looked at */
};

/** line_edit_init() - @prompt stays the caller's; @echo gets what the terminal is to show */
void line_edit_init(struct line_edit *edit, const char *prompt, void (*echo)(const char *text, u64 bytes));
/** line_edit_begin() - empty line, prompt shown */
void line_edit_begin(struct line_edit *edit);
/** line_edit_redraw() - show prompt, text and cursor again, after something else was written */
void line_edit_redraw(const struct line_edit *edit);
/** line_edit_key() - one character from the terminal */
enum line_result line_edit_key(struct line_edit *edit, char c);

#endif
