/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log: a ring in memory with time and subject of each line; a sink prints it. Never allocates, never blocks, usable from
 * interrupts. One line per call, without a newline at its end.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "include/cella/types.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,	/* ring only, unless "loglevel=debug" */
};

/** log_write() - @subject: the file's word, e.g. "tdx"; @format: see kernel/lib/format.h */
void log_write(enum log_level level, const char *subject, const char *format, ...) __printf(3, 4);
#define log_error(subject, ...) log_write(LOG_ERROR, subject, __VA_ARGS__)
#define log_warn(subject, ...) log_write(LOG_WARN, subject, __VA_ARGS__)
#define log_info(subject, ...) log_write(LOG_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...) log_write(LOG_DEBUG, subject, __VA_ARGS__)

/** log_raw() - text a guest or the console produced: to the sinks as it is, not into the ring */
void log_raw(const char *text, u64 bytes);
/** log_set_sink() - @sink prints bytes; NULL: ring only. Called with the log's lock held, interrupts off */
void log_set_sink(void (*sink)(const char *text, u64 bytes));
/** log_to_sink_only() - panic: one core is left, write @sink without taking the log's lock from now on */
void log_to_sink_only(void (*sink)(const char *text, u64 bytes));
/** log_set_level() - highest level that reaches the sink */
void log_set_level(enum log_level level);
/**
 * log_replay() - print the whole ring, oldest first (the `log` command), "\r\n" after each line; returns lines lost to
 * overwriting since boot. Any task; lines written meanwhile are printed too
 */
u64 log_replay(void (*print)(const char *text, u64 bytes));

#endif
