/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log: a ring of 64 KiB with one record per line, and one sink that prints lines as they come.
 *
 * A record is a header and its text. Positions count bytes since boot and never wrap, their place in the ring is the
 * remainder; a new record overwrites the oldest ones whole. Text that came from outside may stand in a line, so
 * characters that a terminal would act on are replaced.
 *
 * Any core, any context. One lock, interrupts off; the sink is called under it and must not block.
 */
#include "kernel/log.h"

#include <stdarg.h>

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/lock.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"

#define RING_BYTES (64 * 1024)	/* power of two */
#define TEXT_BYTES 320	/* longest line, its terminator included */
#define STAMP_BYTES 24	/* "[    1.234567] " */
#define NS_PER_US 1000

struct record {
	u64 time_ns;
	u64 sequence;	/* lines before this one */
	u16 cpu;
	u8 level;
	u16 text_bytes;	/* follow the header */
};

static struct {
	struct spinlock lock;
	u64 oldest;	/* (l) position of the first record still there */
	u64 end;	/* (l) position behind the last one */
	u64 lines;	/* (l) written since boot */
	u64 lost;	/* (l) overwritten */
	void (*sink)(const char *text, u64 bytes);	/* (l) */
	enum log_level level;
	bool lockless;	/* panic: the only core left writes, whoever held the lock */
	u8 ring[RING_BYTES];	/* (l) */
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

static void ring_write(u64 position, const void *from, u64 bytes)
{
	u64 at = position % RING_BYTES;
	u64 first = MIN(bytes, RING_BYTES - at);

	memcpy(log.ring + at, from, first);
	memcpy(log.ring, (const u8 *)from + first, bytes - first);
}

static void ring_read(u64 position, void *to, u64 bytes)
{
	u64 at = position % RING_BYTES;
	u64 first = MIN(bytes, RING_BYTES - at);

	memcpy(to, log.ring + at, first);
	memcpy((u8 *)to + first, log.ring, bytes - first);
}

static void append(const struct record *record, const char *text)
{
	u64 bytes = sizeof(*record) + record->text_bytes;

	while (log.end + bytes - log.oldest > RING_BYTES) {
		struct record oldest;

		ring_read(log.oldest, &oldest, sizeof(oldest));
		log.oldest += sizeof(oldest) + oldest.text_bytes;
		log.lost++;
	}
	ring_write(log.end, record, sizeof(*record));
	ring_write(log.end + sizeof(*record), text, record->text_bytes);
	log.end += bytes;
	log.lines++;
}

/* The record as a line for a terminal, in one piece. */
static void print_record(const struct record *record, const char *text, void (*print)(const char *text, u64 bytes))
{
	char line[STAMP_BYTES + TEXT_BYTES + 2];
	int bytes = format_text(line, sizeof(line), "[%5lu.%06lu] %.*s\r\n", record->time_ns / NS_PER_S,
				record->time_ns % NS_PER_S / NS_PER_US, (int)record->text_bytes, text);

	print(line, MIN((u64)bytes, sizeof(line) - 1));
}

void log_write(enum log_level level, const char *subject, const char *format, ...)
{
	struct percpu *cpu = cpu_this_or_null();
	struct record record = { .level = (u8)level, .cpu = cpu ? (u16)cpu->id : 0 };
	char text[TEXT_BYTES];
	va_list args;
	u64 saved, bytes;

	bytes = (u64)format_text(text, sizeof(text), "%s: ", subject);
	bytes = MIN(bytes, sizeof(text) - 1);
	va_start(args, format);
	bytes += (u64)format_text_va(text + bytes, sizeof(text) - bytes, format, args);
	va_end(args);
	bytes = MIN(bytes, sizeof(text) - 1);
	for (u64 i = 0; i < bytes; i++) {
		if ((u8)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	}
	record.text_bytes = (u16)bytes;

	saved = take_lock();
	record.time_ns = time_ns();
	record.sequence = log.lines;
	append(&record, text);
	if (log.sink && level <= log.level)
		print_record(&record, text, log.sink);
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
	u64 position = 0;

	for (;;) {
		struct record record;
		char text[TEXT_BYTES];
		u64 saved = take_lock();
		u64 lost = log.lost;
		bool more;

		/* What was overwritten since the last turn is skipped. */
		position = MAX(position, log.oldest);
		more = position < log.end;
		if (more) {
			ring_read(position, &record, sizeof(record));
			ring_read(position + sizeof(record), text, record.text_bytes);
			position += sizeof(record) + record.text_bytes;
		}
		drop_lock(saved);
		if (!more)
			return lost;
		print_record(&record, text, print);
	}
}
