/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: line format, levels, wrap of the ring, and harmless text. */
#include "kernel/log.h"

#include <stdio.h>
#include <string.h>

#include "kernel/timer.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

static char shown[200000];
static u64 shown_bytes;

static void show(const char *text, u64 bytes)
{
	if (shown_bytes + bytes < sizeof(shown)) {
		memcpy(shown + shown_bytes, text, bytes);
		shown_bytes += bytes;
		shown[shown_bytes] = '\0';
	}
}

static void begin(void)
{
	fake_reset(1);
	shown_bytes = 0;
	shown[0] = '\0';
	log_set_sink(show);
	log_set_level(LOG_INFO);
}

TEST(a_line_has_time_subject_and_text)
{
	begin();
	fake.tsc = 12 * NS_PER_S + 34567 * 1000;
	log_info("tdx", "%u keys", 3);
	log_set_sink(NULL);
	CHECK_STR(shown, "[   12.034567] tdx: 3 keys\r\n");
}

TEST(debug_lines_reach_the_ring_but_not_the_sink)
{
	u64 lines_before;

	begin();
	log_debug("td", "only in the ring");
	CHECK_EQ(shown_bytes, 0);
	log_set_level(LOG_DEBUG);
	log_debug("td", "now shown");
	CHECK(strstr(shown, "now shown"));
	log_set_sink(NULL);
	shown_bytes = 0;
	lines_before = log_replay(show);
	CHECK(strstr(shown, "td: only in the ring\r\n"));
	CHECK_EQ(log_replay(show), lines_before);
}

TEST(control_characters_from_outside_are_replaced)
{
	begin();
	log_info("td", "a%sb", "\x1b[2J\n\x7f");
	log_set_sink(NULL);
	CHECK(strstr(shown, "td: a?[2J??b\r\n"));
}

TEST(a_line_that_is_too_long_is_cut)
{
	static char text[2000];

	begin();
	memset(text, 'x', sizeof(text) - 1);
	log_info("td", "%s", text);
	log_set_sink(NULL);
	CHECK(shown_bytes < 400);
	CHECK(strstr(shown, "x\r\n"));
}

TEST(the_ring_keeps_the_newest_lines_in_order)
{
	u64 lost, first, expected;
	char *line;

	begin();
	log_set_sink(NULL);
	for (u32 i = 0; i < 5000; i++)
		log_info("ring", "line %u %.*s|", i, (int)(i % 60),
			 "............................................................");
	lost = log_replay(show);
	CHECK(lost > 3000);
	/* The oldest line may be cut off by nothing: every line that is there is whole and the next one in number. */
	line = strstr(shown, "ring: line ");
	CHECK(line && sscanf(line, "ring: line %lu", &first) == 1);
	for (expected = first; line; expected++) {
		u64 number;

		CHECK(sscanf(line, "ring: line %lu", &number) == 1 && number == expected);
		CHECK(strchr(line, '|') && strchr(line, '|') < strchr(line, '\n'));
		line = strstr(line + 1, "ring: line ");
	}
	CHECK_EQ(expected, 5000);
	CHECK(5000 - first > 500);
}

TEST(raw_text_goes_to_the_sink_only)
{
	begin();
	log_raw("guest says", 10);
	CHECK_STR(shown, "guest says");
	log_set_sink(NULL);
	shown_bytes = 0;
	log_replay(show);
	CHECK(!strstr(shown, "guest says"));
}
