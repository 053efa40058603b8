/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Test payloads: tiny TDVF images that run as TDs, one subject each. They start as tdshim does (reset.S) and report on COM1:
 * "payload: ok WHAT", "payload: FAILED WHAT: got X, wanted Y", and last "payload: N ok, N failed". The runner reads that.
 */
#ifndef TESTS_GUESTS_PAYLOAD_H
#define TESTS_GUESTS_PAYLOAD_H

#include "boot/tdshim/tdcall.h"
#include "include/cella/tdshim.h"
#include "include/cella/types.h"

/** payload_run() - the payload's own part; the common part powers the TD off when it returns */
void payload_run(void);
/** payload_mode() - first word of the command line in the hand-off, "" if there is none */
const char *payload_mode(void);

/** expect_equal() - one claim */
void expect_equal(const char *what, u64 got, u64 wanted);
/** payload_note() - a line for the log */
void payload_note(const char *what, u64 value);

/* TDVMCALL with all of R10..R15 exposed; returns R10, outputs in regs. */
u64 tdvmcall(u64 function, struct tdcall_regs *regs);

/** map_shared() - make 2 MiB of virtual addresses at @gpa (2 MiB aligned, below 4 GiB) go to the SHARED alias of the GPA */
void map_shared(u64 gpa);
/** map_private() - back to the private alias */
void map_private(u64 gpa);

#endif
