/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bring-up doctor: why is TDX not up? One sentence per cause, naming the firmware setting that governs it; logged
 * when it is found and kept for the console. Boot core during bring-up; readers any time.
 */
#ifndef TDX_DOCTOR_H
#define TDX_DOCTOR_H

#include "include/cella/types.h"
#include "tdx/status.h"
#include "tdx/tdh_sys.h"

enum doctor_verdict {
	DOCTOR_PASS,
	DOCTOR_WARN,	/* TDX works without it, but the operator should know */
	DOCTOR_FAIL,
	DOCTOR_NOT_REACHED,	/* makes no sense before an earlier one holds */
};

/**
 * doctor_row() - one precondition, in the order in which bring-up looks at them
 * @id: short name, the same on every machine ("tme-locked", "TDH.SYS.INIT"). @setting: the firmware setting that governs
 * it as the large vendors call it, NULL: none. @format: what was read and what it means, a sentence without a full stop.
 * Kept; a warning or a failure is logged as well.
 */
void doctor_row(const char *id, enum doctor_verdict verdict, const char *setting, const char *format, ...)
	__printf(4, 5);
/** doctor_complain() - a failure without a firmware setting: doctor_row(@id, DOCTOR_FAIL, NULL, ...) */
void doctor_complain(const char *id, const char *format, ...) __printf(2, 3);
/** doctor_forget() - a new attempt begins */
void doctor_forget(void);
/** doctor_count() - causes kept; doctor_sentence() - one of them, "" beyond the last */
u32 doctor_count(void);
const char *doctor_sentence(u32 index);

/**
 * doctor_report() - all rows in order, one line each; the last line names the first failure. @line: takes a line
 * without its end. doctor_log_report(): to the log, for a bring-up that failed
 */
void doctor_report(void (*line)(enum doctor_verdict verdict, const char *text));
void doctor_log_report(void);

/**
 * doctor_explain() - a refusal of the module as a sentence, with the setting behind it where that is known
 * @what: leaf by the manual's name, with the core if it matters. @cpuid: for the two statuses that complain about
 * CPUID, or NULL
 */
void doctor_explain(const char *what, tdx_status_t status, const struct tdx_cpuid_complaint *cpuid);

#endif
