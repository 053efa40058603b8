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

/** doctor_complain() - one cause, as a sentence without a full stop. Kept and logged as an error */
void doctor_complain(const char *format, ...) __printf(1, 2);
/** doctor_forget() - a new attempt begins */
void doctor_forget(void);
/** doctor_count() - causes kept; doctor_sentence() - one of them, "" beyond the last */
u32 doctor_count(void);
const char *doctor_sentence(u32 index);

/**
 * doctor_explain() - a refusal of the module as a sentence, with the setting behind it where that is known
 * @what: leaf by the manual's name, with the core if it matters. @cpuid: for the two statuses that complain about
 * CPUID, or NULL
 */
void doctor_explain(const char *what, tdx_status_t status, const struct tdx_cpuid_complaint *cpuid);

#endif
