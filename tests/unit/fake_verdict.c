/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.h for the development machine: stopping jumps back into the test, lines are kept or dropped. */
#include "tests/unit/fake_verdict.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/tdxemu/verdict.h"

jmp_buf fake_verdict_return;
char fake_verdict_text[256];
u32 fake_verdict_violations;

void verdict_violation(struct emu_cpu *cpu, const char *rule, const char *format, ...)
{
	fake_verdict_violations++;
}

void verdict_note(const char *format, ...)
{
}

void verdict_stop(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fake_verdict_text, sizeof(fake_verdict_text), format, args);
	va_end(args);
	longjmp(fake_verdict_return, 1);
}
