/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts of the software TDX machine, caught: what verdict_stop() would have said, how many violations were reported. */
#ifndef TESTS_UNIT_FAKE_VERDICT_H
#define TESTS_UNIT_FAKE_VERDICT_H

#include <setjmp.h>

#include "include/cella/types.h"

/** STOPS() - does @statement end in verdict_stop()? fake_verdict_text is its sentence then */
#define STOPS(statement) (setjmp(fake_verdict_return) != 0 ? true : ({ statement; false; }))

extern jmp_buf fake_verdict_return;
extern char fake_verdict_text[256];
extern u32 fake_verdict_violations;

#endif
