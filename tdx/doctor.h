/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bring-up doctor: why is TDX not up? One row per precondition, with what was read, what it means and the firmware
 * setting that governs it; a failure is logged when it is found, all rows are kept for the report. Boot core during
 * bring-up; readers any time.
 */
#ifndef TDX_DOCTOR_H
#define TDX_DOCTOR_H

#include "include/cella/types.h"
#include "tdx/status.h"
#include "tdx/tdh_sys.h"

enum doctor_verdict {
	DOCTOR_FAIL,	/* also what a table says when it says nothing */
	DOCTOR_WARN,	/* TDX works without it, but the operator should know */
	DOCTOR_PASS,
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
/** doctor_complain() - a failure that no firmware setting governs */
#define doctor_complain(id, ...) doctor_row(id, DOCTOR_FAIL, NULL, __VA_ARGS__)
/** doctor_forget() - a new attempt begins */
void doctor_forget(void);
/** doctor_count() - failures kept; doctor_sentence() - one of them, "id: what is wrong", "" beyond the last */
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
 * @what: leaf by the manual's name, which is the row's id, and behind a blank the core or TDMR if it matters. The id of
 * a module that is not there is "module". @cpuid: for the two statuses that complain about
 * CPUID, or NULL
 */
void doctor_explain(const char *what, tdx_status_t status, const struct tdx_cpuid_complaint *cpuid);

#endif
