/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cella's own console: one task reads the keys, edits the line, runs commands, or passes keys on to the guest that the
 * terminal is attached to.
 *
 * Keys come from the driver's interrupt through a ring of fixed size. Log lines and the prompt share the terminal: a
 * line that comes while the prompt waits overwrites it and asks the task to draw it again below.
 *
 * Locks: console.lock guards ring and attachment, nothing is called under it. The log's lock may be held in
 * console_log_sink().
 */
#include "kernel/console.h"

#include <stdarg.h>

#include "include/cella/arch.h"
#include "kernel/console_cmd.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/line_edit.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"

#define PROMPT "cella> "
#define ERASE_LINE "\r\x1b[K"
#define KEY_LEAVE_GUEST 0x1d	/* Ctrl-] */

#define INPUT_BYTES 1024	/* power of two */
#define CHUNK_BYTES 64
#define PRINT_BYTES 512
#define MAX_COMMANDS 32
#define MAX_ARGS 8
#define ROOM_WANTED 4096	/* the terminal keeps this much for log lines; console and guests wait for more */
#define ROOM_POLL_NS (2 * NS_PER_MS)
#define GUEST_WAIT_NS (50 * NS_PER_MS)	/* a guest that floods the line loses output rather than the core its time */
#define WAIT_NS (10 * NS_PER_S)

static struct {
	const struct console_terminal *terminal;	/* (c) */
	u32 command_count;
	const struct console_command *commands[MAX_COMMANDS];
	struct line_edit line;	/* console task */
	struct event wake;	/* keys came, or something below changed */
	bool prompt_shown;	/* atomic: the terminal's last line is the prompt */
	bool redraw;	/* atomic: something was written over it */
	struct spinlock lock;
	struct console_guest *guest;	/* (l) who owns the terminal; NULL: the prompt */
	struct console_guest *left;	/* (l) guest that ended or was left, until the task has said so */
	u64 taken, put;	/* (l) positions in the input */
	char input[INPUT_BYTES];	/* (l) */
} console;

/* ---- output ---- */

/* May the running context sleep? */
static bool in_task(void)
{
	const struct percpu *cpu = arch_this_cpu();

	return arch_irqs_enabled() && cpu->irq_depth == 0 && cpu->current && cpu->current != cpu->idle;
}

/* Wait for room on the terminal, at most @limit_ns; false when there is none. */
static bool wait_for_room(u64 bytes, u64 limit_ns)
{
	u64 deadline = time_ns() + limit_ns;

	while (console.terminal->room() < bytes + ROOM_WANTED) {
		if (time_ns() >= deadline || !in_task())
			return false;
		task_sleep_until(time_ns() + ROOM_POLL_NS);
	}
	return true;
}

void console_write(const char *text, u64 bytes)
{
	(void)wait_for_room(bytes, WAIT_NS);
	console.terminal->write(text, bytes);
}

void console_printf(const char *format, ...)
{
	char text[PRINT_BYTES], *line = text, *end;
	va_list args;

	va_start(args, format);
	format_text_va(text, sizeof(text), format, args);
	va_end(args);
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		console_write(line, (u64)(end - line));
		console_write("\r\n", 2);
	}
	console_write(line, strlen(line));
}

void console_log_sink(const char *text, u64 bytes)
{
	/* The first line over the prompt wipes it, the next ones stand on lines of their own. */
	bool wipe = __atomic_load_n(&console.prompt_shown, __ATOMIC_ACQUIRE) &&
		    !__atomic_exchange_n(&console.redraw, true, __ATOMIC_ACQ_REL);

	if (wipe)
		console.terminal->write(ERASE_LINE, strlen(ERASE_LINE));
	console.terminal->write(text, bytes);
	if (wipe)
		event_signal(&console.wake);
}

/* ---- guests ---- */

void console_attach(struct console_guest *guest)
{
	u64 saved = spin_lock_irqsave(&console.lock);

	console.guest = guest;
	console.left = NULL;
	__atomic_store_n(&console.prompt_shown, false, __ATOMIC_RELEASE);
	spin_unlock_irqrestore(&console.lock, saved);
	console_printf(ERASE_LINE "[console of %s; Ctrl-] returns to Cella]\n", guest->name);
}

void console_detach(struct console_guest *guest)
{
	u64 saved = spin_lock_irqsave(&console.lock);
	bool attached = console.guest == guest;

	if (attached) {
		console.guest = NULL;
		console.left = guest;
	}
	spin_unlock_irqrestore(&console.lock, saved);
	if (attached)
		event_signal(&console.wake);
}

static struct console_guest *attached_guest(void)
{
	return __atomic_load_n(&console.guest, __ATOMIC_ACQUIRE);
}

void console_guest_output(struct console_guest *guest, const char *bytes, u64 count)
{
	if (attached_guest() == guest && wait_for_room(count, GUEST_WAIT_NS))
		log_raw(bytes, count);
}

/* ---- input ---- */

void console_input(const char *text, u64 bytes)
{
	u64 saved = spin_lock_irqsave(&console.lock);

	for (u64 i = 0; i < bytes && console.put - console.taken < INPUT_BYTES; i++)
		console.input[console.put++ % INPUT_BYTES] = text[i];
	spin_unlock_irqrestore(&console.lock, saved);
	event_signal(&console.wake);
}

static u64 take_input(char text[CHUNK_BYTES])
{
	u64 saved = spin_lock_irqsave(&console.lock);
	u64 bytes = 0;

	while (bytes < CHUNK_BYTES && console.taken < console.put)
		text[bytes++] = console.input[console.taken++ % INPUT_BYTES];
	spin_unlock_irqrestore(&console.lock, saved);
	return bytes;
}

/* ---- commands ---- */

void console_register(const struct console_command *command)
{
	panic_if(console.command_count == MAX_COMMANDS, "no room for console command \"%s\"", command->name);
	console.commands[console.command_count++] = command;
}

void console_show_commands(void)
{
	for (u32 i = 0; i < console.command_count; i++)
		console_printf("  %-28s %s\n", console.commands[i]->usage, console.commands[i]->help);
}

/* Cut @text at its spaces; returns the number of words, MAX_ARGS + 1 when there are more. */
static int split_words(char *text, char *words[MAX_ARGS])
{
	int count = 0;

	for (;;) {
		while (*text == ' ')
			*text++ = '\0';
		if (!*text)
			return count;
		if (count == MAX_ARGS)
			return MAX_ARGS + 1;
		words[count++] = text;
		while (*text && *text != ' ')
			text++;
	}
}

static void run_line(char *line)
{
	char *words[MAX_ARGS];
	int count = split_words(line, words);
	u32 i = 0;

	if (count == 0)
		return;
	if (count > MAX_ARGS) {
		console_printf("More than %u words: no command takes that many.\n", MAX_ARGS);
		return;
	}
	while (i < console.command_count && strcmp(console.commands[i]->name, words[0]) != 0)
		i++;
	if (i < console.command_count)
		console.commands[i]->run(count, words);
	else
		console_printf("There is no command \"%s\"; \"help\" lists them.\n", words[0]);
}

/* ---- the task ---- */

static void show_prompt(void)
{
	if (attached_guest())
		return;
	__atomic_store_n(&console.redraw, false, __ATOMIC_RELEASE);
	line_edit_begin(&console.line);
	__atomic_store_n(&console.prompt_shown, true, __ATOMIC_RELEASE);
}

static void prompt_key(char key)
{
	enum line_result result = line_edit_key(&console.line, key);

	if (result == LINE_MORE)
		return;
	__atomic_store_n(&console.prompt_shown, false, __ATOMIC_RELEASE);
	if (result == LINE_DONE)
		run_line(console.line.text);
	show_prompt();
}

/* Keys for a guest, up to the one that leaves it; returns how many were used. */
static u64 guest_keys(struct console_guest *guest, const char *keys, u64 count)
{
	const char *leave = memchr(keys, KEY_LEAVE_GUEST, count);
	u64 before = leave ? (u64)(leave - keys) : count;

	if (before)
		guest->input(guest, keys, before);
	if (!leave)
		return count;
	console_detach(guest);
	return before + 1;
}

/* The prompt comes back when a guest was left or has ended, or when something was written over it. */
static void restore_prompt(void)
{
	u64 saved = spin_lock_irqsave(&console.lock);
	struct console_guest *left = console.left;

	console.left = NULL;
	spin_unlock_irqrestore(&console.lock, saved);
	if (left) {
		console_printf("\n[left the console of %s]\n", left->name);
		show_prompt();
	} else if (__atomic_load_n(&console.prompt_shown, __ATOMIC_ACQUIRE) &&
		   __atomic_exchange_n(&console.redraw, false, __ATOMIC_ACQ_REL)) {
		line_edit_redraw(&console.line);
	}
}

void console_run(void *arg __maybe_unused)
{
	char keys[CHUNK_BYTES];
	u64 count;

	show_prompt();
	for (;; event_wait(&console.wake)) {
		restore_prompt();
		while ((count = take_input(keys)) > 0) {
			for (u64 used = 0; used < count;) {
				struct console_guest *guest = attached_guest();

				if (guest)
					used += guest_keys(guest, keys + used, count - used);
				else
					prompt_key(keys[used++]);
				restore_prompt();
			}
		}
	}
}

void console_init(const struct console_terminal *terminal)
{
	console.terminal = terminal;
	event_init(&console.wake);
	line_edit_init(&console.line, PROMPT, console_write);
	console_cmd_register();
}
