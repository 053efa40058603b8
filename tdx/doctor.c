/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of the bring-up doctor. Texts lie one behind the other in one arena, "id: sentence", so that a machine with
 * everything in order costs no more than it says. Rows that find no room are counted; the first ones, and with them the
 * first cause, are always kept.
 *
 * Manual: Intel TDX Enabling Guide, "Hardware Setup".
 */
#include "tdx/doctor.h"

#include <stdarg.h>

#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "tdx/cause.h"

enum {
	DOCTOR_ROWS = 96,
	DOCTOR_TEXT_BYTES = 320,	/* of one row */
	DOCTOR_ARENA_BYTES = 16384,
};

static struct {
	u32 count, failures, lost;
	u32 used;	/* bytes of the arena */
	struct {
		enum doctor_verdict verdict;
		const char *setting;
		const char *text;	/* in the arena */
	} rows[DOCTOR_ROWS];
	char arena[DOCTOR_ARENA_BYTES];
} doctor;

static const char *const verdict_names[] = {
	[DOCTOR_PASS] = "ok",
	[DOCTOR_WARN] = "warn",
	[DOCTOR_FAIL] = "FAIL",
	[DOCTOR_NOT_REACHED] = "not reached",
};

void doctor_forget(void)
{
	doctor.count = doctor.failures = doctor.lost = doctor.used = 0;
}

static void log_line(enum doctor_verdict verdict, const char *text)
{
	log_write(verdict == DOCTOR_FAIL ? LOG_ERROR : verdict == DOCTOR_WARN ? LOG_WARN : LOG_INFO, "tdx", "%s", text);
}

/* "ID: SENTENCE; firmware setting: ..." behind @head. */
static void compose(char line[DOCTOR_TEXT_BYTES], const char *head, const char *text, const char *setting)
{
	format_text(line, DOCTOR_TEXT_BYTES, "%s%s%s%s", head, text, setting ? "; firmware setting: " : "",
		    setting ? setting : "");
}

static __printf(4, 0) void keep(const char *id, enum doctor_verdict verdict, const char *setting, const char *format,
				va_list args)
{
	char text[DOCTOR_TEXT_BYTES], line[DOCTOR_TEXT_BYTES];
	u64 bytes;

	format_text(text, sizeof(text), "%s: ", id);
	bytes = strlen(text);
	format_text_va(text + bytes, sizeof(text) - bytes, format, args);
	bytes = strlen(text) + 1;
	if (verdict == DOCTOR_WARN || verdict == DOCTOR_FAIL) {
		compose(line, "", text, setting);
		log_line(verdict, line);
	}
	if (doctor.count == DOCTOR_ROWS || doctor.used + bytes > sizeof(doctor.arena)) {
		doctor.lost++;
		return;
	}
	memcpy(doctor.arena + doctor.used, text, bytes);
	doctor.rows[doctor.count].verdict = verdict;
	doctor.rows[doctor.count].setting = setting;
	doctor.rows[doctor.count++].text = doctor.arena + doctor.used;
	doctor.used += (u32)bytes;
	doctor.failures += verdict == DOCTOR_FAIL;
}

void doctor_row(const char *id, enum doctor_verdict verdict, const char *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(id, verdict, setting, format, args);
	va_end(args);
}

void doctor_complain(const char *id, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(id, DOCTOR_FAIL, NULL, format, args);
	va_end(args);
}

u32 doctor_count(void)
{
	return doctor.failures;
}

/* Row of the failure with that number, doctor.count when there are fewer. */
static u32 failure(u32 index)
{
	u32 row = 0;

	for (; row < doctor.count; row++)
		if (doctor.rows[row].verdict == DOCTOR_FAIL && index-- == 0)
			break;
	return row;
}

const char *doctor_sentence(u32 index)
{
	u32 row = failure(index);

	return row < doctor.count ? doctor.rows[row].text : "";
}

void doctor_report(void (*line)(enum doctor_verdict verdict, const char *text))
{
	char text[DOCTOR_TEXT_BYTES], head[16];
	u32 first = failure(0);

	for (u32 i = 0; i < doctor.count; i++) {
		format_text(head, sizeof(head), "%-11s ", verdict_names[doctor.rows[i].verdict]);
		compose(text, head, doctor.rows[i].text,
			doctor.rows[i].verdict == DOCTOR_NOT_REACHED ? NULL : doctor.rows[i].setting);
		line(doctor.rows[i].verdict, text);
	}
	if (doctor.lost) {
		format_text(text, sizeof(text), "%u more rows found no room", doctor.lost);
		line(DOCTOR_WARN, text);
	}
	if (first == doctor.count) {
		line(DOCTOR_PASS, "no cause was found: every precondition that was looked at holds");
		return;
	}
	compose(text, "first cause: ", doctor.rows[first].text, doctor.rows[first].setting);
	line(DOCTOR_FAIL, text);
}

void doctor_log_report(void)
{
	doctor_report(log_line);
}

void doctor_explain(const char *what, tdx_status_t status, const struct tdx_cpuid_complaint *cpuid)
{
	char id[32], name[TDX_STATUS_TEXT_BYTES], meaning[CAUSE_TEXT_BYTES];
	u32 bytes = 0;
	const char *setting = cause_of(status, cpuid, meaning);

	while (what[bytes] && what[bytes] != ' ' && bytes < sizeof(id) - 1) {
		id[bytes] = what[bytes];
		bytes++;
	}
	id[bytes] = 0;
	while (what[bytes] == ' ')
		bytes++;
	if (status.raw == SEAMCALL_VMFAIL_INVALID && memcmp(id, "TDH.", 4) == 0)
		doctor_row("module", DOCTOR_FAIL, setting, "%s: %s: %s", what, tdx_status_text(status, name), meaning);
	else
		doctor_row(id, DOCTOR_FAIL, setting, "%s%s%s: %s", what + bytes, what[bytes] ? ": " : "",
			   tdx_status_text(status, name), meaning);
}
