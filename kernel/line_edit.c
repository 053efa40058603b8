/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Line editor with history. Every change of the line either echoes the one character or draws the line anew; both work
 * on any terminal that knows CR, BS and the three sequences below. Pure, one user at a time.
 * Terminal sequences: ECMA-48, "CUB", "CUF", "EL".
 */
#include "kernel/line_edit.h"

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define KEY_CTRL(letter) ((letter) - 'A' + 1)
#define KEY_UP KEY_CTRL('P')
#define KEY_DOWN KEY_CTRL('N')
#define KEY_RIGHT KEY_CTRL('F')
#define KEY_LEFT KEY_CTRL('B')
#define KEY_HOME KEY_CTRL('A')
#define KEY_END KEY_CTRL('E')
#define KEY_REMOVE KEY_CTRL('D')	/* the character under the cursor; backspace removes the one before it */
#define KEY_ESCAPE 0x1b
#define KEY_DELETE 0x7f
#define KEY_FIRST_PRINTABLE ' '

#define ERASE_LINE "\r\x1b[K"
#define BELL "\a"
#define CSI_NUMBER_MAX 100	/* larger parameters mean no key of ours */

static void show(const struct line_edit *edit, const char *text)
{
	edit->echo(text, strlen(text));
}

void line_edit_init(struct line_edit *edit, const char *prompt, void (*echo)(const char *text, u64 bytes))
{
	*edit = (struct line_edit){ .prompt = prompt, .echo = echo };
}

void line_edit_begin(struct line_edit *edit)
{
	edit->text[0] = '\0';
	edit->length = edit->cursor = edit->history_back = 0;
	edit->escape = LINE_PLAIN;
	show(edit, edit->prompt);
}

void line_edit_redraw(const struct line_edit *edit)
{
	char move[16];

	show(edit, ERASE_LINE);
	show(edit, edit->prompt);
	show(edit, edit->text);
	if (edit->cursor < edit->length) {
		format_text(move, sizeof(move), "\x1b[%uD", edit->length - edit->cursor);
		show(edit, move);
	}
}

static void set_text(struct line_edit *edit, const char *text)
{
	copy_text(edit->text, text, sizeof(edit->text));
	edit->length = (u32)strlen(edit->text);
	edit->cursor = edit->length;
	line_edit_redraw(edit);
}

static void insert(struct line_edit *edit, char c)
{
	if (edit->length + 1 >= LINE_BYTES) {
		show(edit, BELL);
		return;
	}
	memmove(edit->text + edit->cursor + 1, edit->text + edit->cursor, edit->length - edit->cursor + 1);
	edit->text[edit->cursor++] = c;
	edit->length++;
	if (edit->cursor == edit->length)
		edit->echo(&c, 1);
	else
		line_edit_redraw(edit);
}

/* Remove the characters from @start up to @end; the cursor goes to @start. */
static void cut(struct line_edit *edit, u32 start, u32 end)
{
	if (start >= end)
		return;
	memmove(edit->text + start, edit->text + end, edit->length - end + 1);
	edit->length -= end - start;
	edit->cursor = start;
	line_edit_redraw(edit);
}

static void move_to(struct line_edit *edit, u32 cursor)
{
	edit->cursor = cursor;
	line_edit_redraw(edit);
}

/* ---- history ---- */

static char *history_line(struct line_edit *edit, u32 back)
{
	return edit->history[(edit->history_lines - back) % LINE_HISTORY];
}

static void history_go(struct line_edit *edit, u32 back)
{
	if (back > MIN(edit->history_lines, LINE_HISTORY)) {
		show(edit, BELL);
		return;
	}
	if (edit->history_back == 0)
		copy_text(edit->typed, edit->text, sizeof(edit->typed));
	edit->history_back = back;
	set_text(edit, back ? history_line(edit, back) : edit->typed);
}

/* Empty lines and repetitions are not worth a place. */
static void history_add(struct line_edit *edit)
{
	if (edit->length == 0 || (edit->history_lines && strcmp(history_line(edit, 1), edit->text) == 0))
		return;
	copy_text(edit->history[edit->history_lines % LINE_HISTORY], edit->text, LINE_BYTES);
	edit->history_lines++;
}

/* ---- keys ---- */

/*
 * The control character that means the same as a cursor key, which is known by the letter that ends ESC [ or ESC O, or
 * by the number before a '~'. 0: none of ours.
 */
static char control_of(char letter, u32 number)
{
	static const char by_letter[] = {
		['A'] = KEY_UP, ['B'] = KEY_DOWN, ['C'] = KEY_RIGHT, ['D'] = KEY_LEFT, ['H'] = KEY_HOME, ['F'] = KEY_END,
	};
	static const char by_number[] = {
		[1] = KEY_HOME, [3] = KEY_REMOVE, [4] = KEY_END, [7] = KEY_HOME, [8] = KEY_END,
	};

	if (letter == '~')
		return number < sizeof(by_number) ? by_number[number] : 0;
	return (u8)letter < sizeof(by_letter) ? by_letter[(u8)letter] : 0;
}

static void control_key(struct line_edit *edit, char c)
{
	u32 left = edit->cursor ? edit->cursor - 1 : 0, right = MIN(edit->cursor + 1, edit->length);

	switch (c) {
	case KEY_ESCAPE:
		edit->escape = LINE_ESCAPE;
		break;
	case KEY_UP:
		history_go(edit, edit->history_back + 1);
		break;
	case KEY_DOWN:
		if (edit->history_back)
			history_go(edit, edit->history_back - 1);
		break;
	case KEY_RIGHT:
		move_to(edit, right);
		break;
	case KEY_LEFT:
		move_to(edit, left);
		break;
	case KEY_HOME:
		move_to(edit, 0);
		break;
	case KEY_END:
		move_to(edit, edit->length);
		break;
	case KEY_REMOVE:
		cut(edit, edit->cursor, right);
		break;
	case '\b':
	case KEY_DELETE:
		cut(edit, left, edit->cursor);
		break;
	case KEY_CTRL('U'):
		cut(edit, 0, edit->cursor);
		break;
	case KEY_CTRL('K'):
		cut(edit, edit->cursor, edit->length);
		break;
	default:
		break;
	}
}

/* A character inside an escape sequence. */
static void escape_key(struct line_edit *edit, char c)
{
	if (edit->escape == LINE_ESCAPE) {
		edit->escape = c == '[' || c == 'O' ? LINE_CSI : LINE_PLAIN;
		edit->csi_number = 0;
	} else if (c >= '0' && c <= '9') {
		edit->csi_number = MIN(edit->csi_number * 10 + (u32)(c - '0'), CSI_NUMBER_MAX);
	} else if (c == ';') {
		edit->csi_number = CSI_NUMBER_MAX;	/* with modifiers: none of ours */
	} else {
		edit->escape = LINE_PLAIN;
		control_key(edit, control_of(c, edit->csi_number));
	}
}

enum line_result line_edit_key(struct line_edit *edit, char c)
{
	bool after_cr = edit->last_was_cr;

	edit->last_was_cr = c == '\r';
	if (edit->escape != LINE_PLAIN) {
		escape_key(edit, c);
		return LINE_MORE;
	}
	if (c == '\r' || (c == '\n' && !after_cr)) {
		history_add(edit);
		show(edit, "\r\n");
		return LINE_DONE;
	}
	if (c == KEY_CTRL('C')) {
		show(edit, "^C\r\n");
		return LINE_CANCELLED;
	}
	if ((u8)c >= KEY_FIRST_PRINTABLE && (u8)c < KEY_DELETE)
		insert(edit, c);
	else
		control_key(edit, c);
	return LINE_MORE;
}
