/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of the bring-up doctor, "id: sentence" each. Rows that find no room are logged and counted; the first ones, and
 * with them the first cause, are always kept.
 *
 * Manual: Intel TDX Enabling Guide, "Hardware Setup".
 */
#include "tdx/doctor.h"

#include <stdarg.h>

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

enum {
	DOCTOR_ROWS = 64,
	DOCTOR_TEXT_BYTES = 320,	/* of one row */
	DOCTOR_LINE_BYTES = DOCTOR_TEXT_BYTES + 128,	/* with verdict and setting */
};

struct row {
	enum doctor_verdict verdict;
	const char *setting;
	char text[DOCTOR_TEXT_BYTES];
};

static struct {
	u32 count, failures, lost;
	struct row rows[DOCTOR_ROWS + 1];	/* the last one is for those that find no room */
} doctor;

static const char *const verdict_names[] = {
	[DOCTOR_PASS] = "ok",
	[DOCTOR_WARN] = "warn",
	[DOCTOR_FAIL] = "FAIL",
	[DOCTOR_NOT_REACHED] = "not reached",
};

void doctor_forget(void)
{
	doctor.count = doctor.failures = doctor.lost = 0;
}

static void log_line(enum doctor_verdict verdict, const char *text)
{
	log_write(verdict == DOCTOR_FAIL ? LOG_ERROR : verdict == DOCTOR_WARN ? LOG_WARN : LOG_INFO, "tdx", "%s", text);
}

static void put_line(const char *head, const struct row *row, void (*line)(enum doctor_verdict, const char *))
{
	char text[DOCTOR_LINE_BYTES];
	bool tells_setting = row->setting && row->verdict != DOCTOR_NOT_REACHED;

	format_text(text, sizeof(text), "%s%s%s%s", head, row->text, tells_setting ? "; firmware setting: " : "",
		    tells_setting ? row->setting : "");
	line(row->verdict, text);
}

void doctor_row(const char *id, enum doctor_verdict verdict, const char *setting, const char *format, ...)
{
	struct row *row = &doctor.rows[doctor.count];
	va_list args;
	u64 bytes;

	row->verdict = verdict;
	row->setting = setting;
	format_text(row->text, sizeof(row->text), "%s: ", id);
	bytes = strlen(row->text);
	va_start(args, format);
	format_text_va(row->text + bytes, sizeof(row->text) - bytes, format, args);
	va_end(args);
	if (verdict == DOCTOR_WARN || verdict == DOCTOR_FAIL)
		put_line("", row, log_line);
	if (doctor.count == DOCTOR_ROWS) {
		doctor.lost++;
		return;
	}
	doctor.count++;
	doctor.failures += verdict == DOCTOR_FAIL;
}

u32 doctor_count(void)
{
	return doctor.failures;
}

/* Row of the failure with that number, NULL when there are fewer. */
static const struct row *failure(u32 index)
{
	for (u32 i = 0; i < doctor.count; i++)
		if (doctor.rows[i].verdict == DOCTOR_FAIL && index-- == 0)
			return &doctor.rows[i];
	return NULL;
}

const char *doctor_sentence(u32 index)
{
	const struct row *row = failure(index);

	return row ? row->text : "";
}

void doctor_report(void (*line)(enum doctor_verdict verdict, const char *text))
{
	const struct row *first = failure(0);
	char text[64];

	for (u32 i = 0; i < doctor.count; i++) {
		format_text(text, sizeof(text), "%-11s ", verdict_names[doctor.rows[i].verdict]);
		put_line(text, &doctor.rows[i], line);
	}
	if (doctor.lost) {
		format_text(text, sizeof(text), "%u more rows found no room", doctor.lost);
		line(DOCTOR_WARN, text);
	}
	if (first)
		put_line("first cause: ", first, line);
	else
		line(DOCTOR_PASS, "no cause was found: every precondition that was looked at holds");
}

void doctor_log_report(void)
{
	doctor_report(log_line);
}
