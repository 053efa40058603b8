/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of a terminal to lines. */
#include "kernel/line_edit.h"

#include <string.h>

#include "tests/unit/test.h"

static struct line_edit edit;
static char echoed[4096];

static void echo(const char *text, u64 bytes)
{
	strncat(echoed, text, MIN(bytes, sizeof(echoed) - strlen(echoed) - 1));
}

static void begin(void)
{
	line_edit_init(&edit, "> ", echo);
	line_edit_begin(&edit);
	echoed[0] = '\0';
}

/* Type all of it; the result of the last key. */
static enum line_result type(const char *keys)
{
	enum line_result result = LINE_MORE;

	while (*keys)
		result = line_edit_key(&edit, *keys++);
	return result;
}

/* Type a line and its Enter, compare, begin the next one. */
static void check_line(const char *keys, const char *line)
{
	CHECK_EQ(type(keys), LINE_MORE);
	CHECK_EQ(type("\r"), LINE_DONE);
	CHECK_STR(edit.text, line);
	line_edit_begin(&edit);
}

TEST(characters_are_echoed_and_enter_ends_the_line)
{
	begin();
	CHECK_EQ(type("mem"), LINE_MORE);
	CHECK_STR(echoed, "mem");
	CHECK_EQ(type("\r"), LINE_DONE);
	CHECK_STR(edit.text, "mem");
	CHECK_STR(echoed, "mem\r\n");
	line_edit_begin(&edit);
	CHECK_EQ(type("\n"), LINE_MORE);	/* of the CR LF */
	CHECK_EQ(type("\n"), LINE_DONE);
}

TEST(backspace_and_cursor_edit_inside_the_line)
{
	begin();
	check_line("mex\x7fm", "mem");
	check_line("mx\bem", "mem");
	check_line("ac\x1b[Db", "abc");
	check_line("bc\x1b[Ha", "abc");
	check_line("bc\x01" "a\x05" "d", "abcd");
	check_line("abc\x1b[D\x1b[D\x1b[D\x1b[D\x1b[C\x1b[3~", "ac");
	check_line("abc\x1b[1~x\x1b[4~y", "xabcy");
	check_line("abcd\x1b[D\x1b[D\x0b", "ab");
	check_line("abcd\x1b[D\x1b[D\x15", "cd");
	check_line("\x7f\x7f\x1b[3~ok", "ok");
	check_line("a\x1bOHb\x1bOFc", "bac");
}

TEST(unknown_sequences_are_swallowed)
{
	begin();
	check_line("a\x1b[5~b\x1b[1;5Cc\x1bxd\x1b[99999999999~e\x02", "abcde");
}

TEST(ctrl_c_gives_the_line_up)
{
	begin();
	CHECK_EQ(type("abc\x03"), LINE_CANCELLED);
	line_edit_begin(&edit);
	CHECK_EQ(edit.length, 0);
}

TEST(history_goes_up_and_down)
{
	begin();
	check_line("one", "one");
	check_line("two", "two");
	check_line("two", "two");	/* a repetition takes no place */
	check_line("", "");
	check_line("\x1b[A", "two");
	check_line("\x1b[A\x1b[A", "one");
	check_line("\x1b[A\x1b[A\x1b[B\x1b[B" "new", "new");
	check_line("draft\x1b[A\x1b[B!", "draft!");
	check_line("\x10\x10\x0e", "draft!");
}

TEST(history_keeps_the_last_lines_only)
{
	char line[3] = "a0";

	begin();
	for (u32 i = 0; i < LINE_HISTORY + 5; i++) {
		line[0] = (char)('a' + i);
		check_line(line, line);
	}
	for (u32 i = 0; i < LINE_HISTORY + 3; i++)
		type("\x1b[A");
	CHECK_EQ(edit.text[0], 'a' + 5);
}

TEST(a_flood_of_keys_stays_within_the_line)
{
	begin();
	for (u32 i = 0; i < 100000; i++)
		line_edit_key(&edit, (char)('!' + i % 90));
	CHECK_EQ(edit.length, LINE_BYTES - 1);
	CHECK_EQ(strlen(edit.text), LINE_BYTES - 1);
	for (u32 i = 0; i < 100000; i++)
		line_edit_key(&edit, (char)(i * 7 + i / 256));
	CHECK(edit.length < LINE_BYTES && edit.cursor <= edit.length);
}
