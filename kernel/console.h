/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cella's own console: line editing, history, commands, and switching the terminal to a guest's console and back.
 * One task on core 0 owns the input.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "include/cella/types.h"

struct console_command {
	const char *name;	/* first word of the line */
	const char *usage;	/* "tds", "tdx doctor", ... */
	const char *help;	/* one sentence */
	void (*run)(int argc, char **argv);	/* argv[0] is the name; console task */
};

/* Whoever may own the terminal instead of the prompt: a guest's console. */
struct console_guest {
	const char *name;
	void (*input)(struct console_guest *guest, const char *bytes, u64 count);	/* console task */
};

/* What the console is shown on; drivers/ provides it, main.c connects the two. */
struct console_terminal {
	void (*write)(const char *text, u64 bytes);	/* any context, never blocks */
	u64 (*room)(void);	/* characters it would take now without dropping any */
};

/** console_init() - terminal and built-in commands. Boot core, once, before the first console_register() */
void console_init(const struct console_terminal *terminal);
/** console_input() - keystrokes; interrupt context. What finds no room in the ring of 1 KiB is dropped */
void console_input(const char *text, u64 bytes);
/** console_log_sink() - for log_set_sink(): a log line that comes while the prompt waits moves the prompt down */
void console_log_sink(const char *text, u64 bytes);
/** console_write() - as it is, to the terminal; a task that writes faster than the line takes it, waits */
void console_write(const char *text, u64 bytes);
/** console_show_commands() - usage and help of each, in the order of registration */
void console_show_commands(void);
/** console_register() - add a command; panics when the table is full */
void console_register(const struct console_command *command);
/** console_printf() - to the terminal, also from other tasks; "\n" becomes CR LF */
void console_printf(const char *format, ...) __printf(1, 2);
/**
 * console_attach() - keystrokes go to @guest until it ends or Ctrl-] is typed; console_detach() - back to the prompt
 */
void console_attach(struct console_guest *guest);
void console_detach(struct console_guest *guest);
/**
 * console_guest_output() - what a guest wrote; shown while attached, escaped never: it is the guest's own terminal
 * From a task, which waits a little when the guest writes faster than the line takes it; then the rest is dropped.
 */
void console_guest_output(struct console_guest *guest, const char *bytes, u64 count);
/** console_run() - the task's function: prompt for ever */
void console_run(void *arg);

#endif
