/* SPDX-License-Identifier: BSD-2-Clause */
/* TDREPORT of a TD: what TDG.MR.REPORT writes. */
#ifndef TDXEMU_REPORT_H
#define TDXEMU_REPORT_H

#include "include/spec/tdx/report.h"
#include "tests/tdxemu/td.h"

/** report_make() - a report of the TD as it is; the caller holds its RTMR lock. False: no entropy for the MAC key */
bool report_make(const struct tdcs *tdcs, const u8 report_data[TDREPORT_DATA_BYTES], struct tdreport *report);

#endif
