/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace of every SEAMCALL and TDCALL for the tests: leaf, inputs, outputs, core, instruction count, as lines on the
 * debug port.
 * Chosen by "trace=WORD[,WORD]" on our command line: none, errors or all of these lines; "host" adds the host's cost per
 * kind of TD exit (cost.h), "console" a line for each line that the host writes to COM1, with the instruction count at
 * its first character. Counters per leaf are kept always.
 *
 * "insn" in a line is the number of instructions the host has executed on this core so far: our own instructions and a
 * TD's are taken out of the CPU's counter, so the difference between two lines is the host's cost, and it does not
 * depend on whether lines are printed.
 */
#ifndef TDXEMU_TRACE_H
#define TDXEMU_TRACE_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

enum trace_side {
	TRACE_SEAMCALL,
	TRACE_SEAMLDR,	/* SEAMCALL to P-SEAMLDR */
	TRACE_TDCALL,
	TRACE_SIDES,
};

void trace_configure(const char *cmdline);
/** trace_enter() - before the leaf runs; trace_leave() - after it, @gpr as the caller will see them */
void trace_enter(struct emu_cpu *cpu, enum trace_side side, const u64 gpr[GPR_COUNT]);
void trace_leave(struct emu_cpu *cpu, enum trace_side side, u64 leaf, const u64 gpr[GPR_COUNT]);
/** trace_counts() - one line per leaf used: calls and failures */
void trace_counts(void);

/** trace_host_stops(), trace_host_resumes() - first and last thing between two stays of the host on this core */
void trace_host_stops(struct emu_cpu *cpu);
void trace_host_resumes(struct emu_cpu *cpu);
/** trace_measure_way() - the first stay of the boot core executed no instruction: what it counted is the way, not the host */
void trace_measure_way(const struct emu_cpu *cpu);
/** trace_console() - the host wrote a character to COM1 */
void trace_console(struct emu_cpu *cpu, char c);
/** trace_counter_works() - does RDPMC count instructions? Boot core, once, before the first host instruction */
bool trace_counter_works(void);

#endif
