/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace of every SEAMCALL and TDCALL for the tests: leaf, inputs, outputs, core, instruction count, as lines on the debug port.
 * Chosen by "trace=none|errors|all" on our command line; counters per leaf are kept always.
 */
#ifndef TDXEMU_TRACE_H
#define TDXEMU_TRACE_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

enum trace_side {
	TRACE_SEAMCALL,
	TRACE_TDCALL,
};

void trace_configure(const char *cmdline);
/** trace_enter() - before the leaf runs; trace_leave() - after it, @gpr as the caller will see them */
void trace_enter(struct emu_cpu *cpu, enum trace_side side, const u64 gpr[GPR_COUNT]);
void trace_leave(struct emu_cpu *cpu, enum trace_side side, u64 leaf, const u64 gpr[GPR_COUNT]);
/** trace_counts() - one line per leaf used: calls and failures */
void trace_counts(void);

#endif
