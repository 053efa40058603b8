/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests read: rules broken by the host or by a TD, and the machine's own end. Lines go to the debug port
 * (0xe9), each starting with "tdxemu:". A rule broken is "tdxemu: VIOLATION <rule>: <sentence>".
 */
#ifndef TDXEMU_VERDICT_H
#define TDXEMU_VERDICT_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

/** verdict_violation() - @rule: one word the tests can grep. @cpu: NULL if unknown. Counted */
void verdict_violation(struct emu_cpu *cpu, const char *rule, const char *format, ...) __printf(3, 4);
/** verdict_note() - a line for the log */
void verdict_note(const char *format, ...) __printf(1, 2);
/** verdict_stop() - our own bug, or a machine we cannot be: say why on the debug port and the serial port, stop */
__noreturn void verdict_stop(const char *format, ...) __printf(1, 2);
/** verdict_summary() - counts of violations and leaves; when the host powers the machine off */
void verdict_summary(void);
u64 verdict_count(void);

#endif
