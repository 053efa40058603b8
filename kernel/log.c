/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log: a ring of 64 KiB with the lines as a terminal shows them, and one sink that prints lines as they come.
 *
 * Positions count bytes since boot and never wrap, their place in the ring is the remainder; a new line overwrites the
 * oldest ones whole. Text that came from outside may stand in a line, so characters that a terminal would act on are
 * replaced, and the only line feed is the one that ends it.
 *
 * Any core, any context. One lock, interrupts off; the sink is called under it and must not block.
 */
#include "kernel/log.h"

#include <stdarg.h>

#include "kernel/lib/format.h"
#include "kernel/lock.h"
#include "kernel/timer.h"

#define RING_BYTES (64 * 1024)	/* power of two */
#define LINE_BYTES 344	/* longest line: time, subject, text and CR LF */
#define END_OF_LINE "\r\n"
#define NS_PER_US 1000

static struct {
	struct spinlock lock;
	u64 oldest;	/* (l) position of the first line still there */
	u64 end;	/* (l) position behind the last one */
	u64 lost;	/* (l) lines overwritten */
	void (*sink)(const char *text, u64 bytes);	/* (l) */
	enum log_level level;
	bool lockless;	/* panic: the only core left writes, whoever held the lock */
	char ring[RING_BYTES];	/* (l) */
} log = { .level = LOG_INFO };

static u64 take_lock(void)
{
	return log.lockless ? 0 : spin_lock_irqsave(&log.lock);
}

static void drop_lock(u64 saved)
{
	if (!log.lockless)
		spin_unlock_irqrestore(&log.lock, saved);
}

static void append(const char *line, u64 bytes)
{
	for (; log.end + bytes - log.oldest > RING_BYTES; log.lost++)
		while (log.ring[log.oldest++ % RING_BYTES] != '\n')
			;
	for (u64 i = 0; i < bytes; i++)
		log.ring[log.end++ % RING_BYTES] = line[i];
}

void log_write(enum log_level level, const char *subject, const char *format, ...)
{
	u64 saved = take_lock(), now = time_ns(), bytes;
	char line[LINE_BYTES];
	u64 room = sizeof(line) - sizeof(END_OF_LINE) + 1;	/* for the text and its terminator */
	va_list args;

	bytes = (u64)format_text(line, room, "[%5lu.%06lu] %s: ", now / NS_PER_S, now % NS_PER_S / NS_PER_US, subject);
	bytes = MIN(bytes, room - 1);
	va_start(args, format);
	bytes += (u64)format_text_va(line + bytes, room - bytes, format, args);
	va_end(args);
	bytes = MIN(bytes, room - 1);
	for (u64 i = 0; i < bytes; i++)
		if ((u8)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	bytes += (u64)format_text(line + bytes, sizeof(line) - bytes, END_OF_LINE);
	append(line, bytes);
	if (log.sink && level <= log.level)
		log.sink(line, bytes);
	drop_lock(saved);
}

void log_raw(const char *text, u64 bytes)
{
	u64 saved = take_lock();

	if (log.sink)
		log.sink(text, bytes);
	drop_lock(saved);
}

void log_set_sink(void (*sink)(const char *text, u64 bytes))
{
	u64 saved = take_lock();

	log.sink = sink;
	drop_lock(saved);
}

void log_to_sink_only(void (*sink)(const char *text, u64 bytes))
{
	log.lockless = true;
	log.sink = sink;
}

void log_set_level(enum log_level level)
{
	log.level = level;
}

u64 log_replay(void (*print)(const char *text, u64 bytes))
{
	u64 position = 0, bytes, lost;

	do {
		char line[LINE_BYTES];
		u64 saved = take_lock();

		/* What was overwritten since the last turn is skipped. */
		position = MAX(position, log.oldest);
		bytes = 0;
		while (position < log.end && (bytes == 0 || line[bytes - 1] != '\n'))
			line[bytes++] = log.ring[position++ % RING_BYTES];
		lost = log.lost;
		drop_lock(saved);
		print(line, bytes);
	} while (bytes);
	return lost;
}
