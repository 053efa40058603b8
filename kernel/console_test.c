/* SPDX-License-Identifier: BSD-2-Clause */
/* The console task as an operator sees it. */
#include "kernel/console.h"

#include <string.h>

#include "include/cella/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

static char shown[100000];
static u64 room = 100000;
static struct task task;
static u32 runs;
static int words;

static void show(const char *text, u64 bytes)
{
	strncat(shown, text, MIN(bytes, sizeof(shown) - strlen(shown) - 1));
}

static u64 room_left(void)
{
	return room;
}

static void run_probe(int argc, char **argv)
{
	runs++;
	words = argc;
	CHECK_STR(argv[0], "probe");
}

/* One console task serves all tests of this file, as it serves one machine: it never ends. */
static void begin(void)
{
	static const struct console_terminal terminal = { show, room_left };
	static const struct console_command probe = { "probe", "probe [words]", "For this test.", run_probe };

	if (!task.stack_top) {
		fake_reset(2);
		console_init(&terminal);
		console_register(&probe);
		CHECK_EQ(task_start(&task, "console", 0, console_run, NULL), 0);
		fake_run();
	}
	log_set_sink(console_log_sink);
	shown[0] = '\0';
	runs = 0;
}

static void type(const char *keys)
{
	console_input(keys, strlen(keys));
	fake_run();
}

TEST(console_runs_commands_and_prompts_again)
{
	begin();
	type("probe  a b\r");
	CHECK_EQ(runs, 1);
	CHECK_EQ(words, 3);
	CHECK_STR(shown, "probe  a b\r\ncella> ");
	type("nonsense\r");
	CHECK(strstr(shown, "There is no command \"nonsense\"; \"help\" lists them.\r\n"));
	type("help\r");
	CHECK(strstr(shown, "For this test.\r\n"));
	CHECK(strstr(shown, "mem "));
	type("probe 1 2 3 4 5 6 7 8 9\r");
	CHECK_EQ(runs, 1);
	type("cores\r");
	CHECK(strstr(shown, "not tried"));
	log_set_sink(NULL);
}

TEST(a_log_line_moves_the_prompt_down)
{
	begin();
	type("pro");
	shown[0] = '\0';
	log_info("td", "something happened");
	log_info("td", "and more");
	fake_run();
	CHECK(strncmp(shown, "\r\x1b[K[", 5) == 0);
	CHECK(strstr(shown, "and more\r\n\r\x1b[Kcella> pro"));
	type("be\r");
	CHECK_EQ(runs, 1);
	log_set_sink(NULL);
}

static char guest_keys[100];

static void guest_input(struct console_guest *guest, const char *bytes, u64 count)
{
	strncat(guest_keys, bytes, MIN(count, sizeof(guest_keys) - strlen(guest_keys) - 1));
}

TEST(an_attached_guest_owns_the_keys_until_it_is_left)
{
	static struct console_guest guest = { "td0", guest_input };

	begin();
	guest_keys[0] = '\0';
	console_guest_output(&guest, "unseen", 6);
	console_attach(&guest);
	type("ls\r\x03");
	console_guest_output(&guest, "seen", 4);
	CHECK_STR(guest_keys, "ls\r\x03");
	CHECK(strstr(shown, "Ctrl-] returns"));
	CHECK(!strstr(shown, "unseen"));
	CHECK(strstr(shown, "seen"));
	type("x\x1d" "probe\r");
	CHECK_STR(guest_keys, "ls\r\x03x");
	CHECK_EQ(runs, 1);
	CHECK(strstr(shown, "[left the console of td0]\r\ncella> probe"));
	/* a guest that ends lets go by itself */
	console_attach(&guest);
	shown[0] = '\0';
	console_detach(&guest);
	fake_run();
	CHECK(strstr(shown, "[left the console of td0]\r\ncella> "));
	log_set_sink(NULL);
}

TEST(a_guest_that_floods_a_slow_line_loses_output)
{
	static struct console_guest guest = { "td0", guest_input };

	begin();
	console_attach(&guest);
	shown[0] = '\0';
	room = 100;
	console_guest_output(&guest, "flood", 5);
	CHECK_STR(shown, "");
	room = 100000;
	console_detach(&guest);
	fake_run();
	log_set_sink(NULL);
}

TEST(keys_beyond_the_ring_are_dropped)
{
	begin();
	for (u32 i = 0; i < 100000; i++)
		console_input("x", 1);
	fake_run();
	type("\x03probe\r");
	CHECK_EQ(runs, 1);
	log_set_sink(NULL);
}
