/* SPDX-License-Identifier: BSD-2-Clause */
/* What a refusal of the TDX module means to the operator, and which firmware setting is behind it. Pure, any context. */
#ifndef TDX_CAUSE_H
#define TDX_CAUSE_H

#include "tdx/status.h"
#include "tdx/tdh_sys.h"

#define CAUSE_TEXT_BYTES 224
#define CAUSE_UNKNOWN "Cella knows no more about it; the log at debug level has the registers"

/**
 * cause_of() - the sentence behind @status
 * @cpuid: what the two statuses about CPUID complain about, or NULL. @meaning: no full stop. Returns the firmware
 * setting, NULL: none governs it
 */
const char *cause_of(tdx_status_t status, const struct tdx_cpuid_complaint *cpuid, char meaning[CAUSE_TEXT_BYTES]);

#endif
