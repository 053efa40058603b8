/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace lines and counters.
 *
 * Line: "tdxemu: trace core=0 seamcall TDH.SYS.RD v0 in rcx=.. rdx=.. r8=.. r9=.. out rax=.. rcx=.. rdx=.. r8=.. r9=..
 * r10=..
 * r11=.. insn=N"; a TDCALL also shows r10 to r15 on input. Unknown leaves show as "leaf N".
 * Counting: fixed counter 0 of RDPMC (instructions of this core). What passes between trace_host_stops() and
 * trace_host_resumes() is not the host's and is subtracted; so is the way from there into the host and back, which
 * trace_measure_way() has measured by a stay of no instruction.
 * Callers: the core the call runs on; counters are atomic.
 */
#include "tests/tdxemu/trace.h"

#include "arch/x86/insn.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/cost.h"
#include "tests/tdxemu/options.h"
#include "tests/tdxemu/port.h"
#include "tests/tdxemu/spinlock.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define TRACE_MAX_LEAF 128
#define CONSOLE_LINE_BYTES 160

enum trace_mode {
	TRACE_NONE,
	TRACE_ERRORS,
	TRACE_ALL,
};

struct leaf_counter {
	u64 calls, failures;	/* atomic */
};

static struct {
	enum trace_mode mode;
	bool counts;	/* RDPMC works */
	struct leaf_counter leaf[TRACE_SIDES][TRACE_MAX_LEAF];
	struct leaf_counter unknown[TRACE_SIDES];
	u64 input[EMU_MAX_CPUS][TRACE_SIDES][GPR_COUNT];	/* owning core */
	u64 stopped_at[EMU_MAX_CPUS];	/* owning core: counter at the last exit */
	u64 foreign[EMU_MAX_CPUS];	/* owning core: instructions that were not the host's */
	u64 way;	/* instructions from trace_host_resumes() into the host and back to trace_host_stops() */
	struct {
		struct spinlock lock;
		u64 insn;	/* (l) of the core that wrote the line's first character */
		u32 bytes;	/* (l) */
		char text[CONSOLE_LINE_BYTES];	/* (l) */
	} console;
} trace;

/* clang-format off */
#define LEAF_NAME(name, number, text) [number] = text,
static const char *const leaf_names[TRACE_SIDES][TRACE_MAX_LEAF] = {
	[TRACE_SEAMCALL] = { TDH_LEAF_LIST(LEAF_NAME) },
	[TRACE_SEAMLDR] = { SEAMLDR_LEAF_LIST(LEAF_NAME) },
	[TRACE_TDCALL] = { TDG_LEAF_LIST(LEAF_NAME) },
};
/* clang-format on */

static const char *const side_names[TRACE_SIDES] = { "seamcall", "seamldr", "tdcall" };

static void configure_word(const char *word)
{
	if (strcmp(word, "all") == 0)
		trace.mode = TRACE_ALL;
	else if (strcmp(word, "errors") == 0)
		trace.mode = TRACE_ERRORS;
	else if (strcmp(word, "none") == 0)
		trace.mode = TRACE_NONE;
	else if (strcmp(word, "host") == 0)
		cost_enable();
	else if (strcmp(word, "console") == 0)
		port_watch_console();
	else
		verdict_stop("command line: trace=%s is none of none, errors, all, host, console", word);
}

void trace_configure(const char *cmdline)
{
	char value[OPTION_BYTES];
	char *list = value;
	const char *word;

	if (!option_value(cmdline, "trace", value))
		return;
	while ((word = option_next(&list, ',')) != NULL)
		configure_word(word);
}

bool trace_counter_works(void)
{
	u64 before, after;

	trace.counts = pmc_read_safe(RDPMC_FIXED_0, &before) && pmc_read_safe(RDPMC_FIXED_0, &after) && after > before;
	return trace.counts;
}

void trace_host_stops(struct emu_cpu *cpu)
{
	if (trace.counts)
		trace.stopped_at[cpu->index] = rdpmc(RDPMC_FIXED_0);
}

void trace_host_resumes(struct emu_cpu *cpu)
{
	if (trace.counts)
		trace.foreign[cpu->index] += rdpmc(RDPMC_FIXED_0) - trace.stopped_at[cpu->index] + trace.way;
}

static u64 host_instructions(const struct emu_cpu *cpu)
{
	return trace.stopped_at[cpu->index] - trace.foreign[cpu->index];
}

void trace_measure_way(const struct emu_cpu *cpu)
{
	trace.way = host_instructions(cpu);
	trace.foreign[cpu->index] += trace.way;
}

void trace_enter(struct emu_cpu *cpu, enum trace_side side, const u64 gpr[GPR_COUNT])
{
	memcpy(trace.input[cpu->index][side], gpr, sizeof(trace.input[0][0]));
	if (side == TRACE_SEAMCALL && (gpr[GPR_RAX] & TDX_LEAF_NUMBER_MASK) == TDH_VP_ENTER)
		cost_entry(cpu, gpr[GPR_RCX], host_instructions(cpu));
}

static void print(struct emu_cpu *cpu, enum trace_side side, const u64 in[GPR_COUNT], const u64 out[GPR_COUNT])
{
	u64 leaf = in[GPR_RAX] & TDX_LEAF_NUMBER_MASK;
	u64 version = (in[GPR_RAX] & TDX_LEAF_VERSION_MASK) >> TDX_LEAF_VERSION_SHIFT;
	const char *name = leaf < TRACE_MAX_LEAF ? leaf_names[side][leaf] : NULL;

	if (side == TRACE_TDCALL)
		verdict_note("trace core=%u tdcall %s leaf=%lu v%lu in rcx=%lx rdx=%lx r8=%lx r9=%lx r10=%lx r11=%lx "
			     "r12=%lx r13=%lx r14=%lx r15=%lx out rax=%lx rcx=%lx rdx=%lx",
			     cpu->index, name != NULL ? name : "?", leaf, version, in[GPR_RCX], in[GPR_RDX], in[GPR_R8],
			     in[GPR_R9], in[GPR_R10], in[GPR_R11], in[GPR_R12], in[GPR_R13], in[GPR_R14], in[GPR_R15],
			     out[GPR_RAX], out[GPR_RCX], out[GPR_RDX]);
	else
		verdict_note(
		    "trace core=%u %s %s leaf=%lu v%lu in rcx=%lx rdx=%lx r8=%lx r9=%lx out rax=%lx rcx=%lx "
		    "rdx=%lx r8=%lx r9=%lx r10=%lx r11=%lx insn=%lu",
		    cpu->index, side_names[side], name != NULL ? name : "?", leaf, version, in[GPR_RCX], in[GPR_RDX],
		    in[GPR_R8], in[GPR_R9], out[GPR_RAX], out[GPR_RCX], out[GPR_RDX], out[GPR_R8], out[GPR_R9], out[GPR_R10],
		    out[GPR_R11], host_instructions(cpu));
}

void trace_leave(struct emu_cpu *cpu, enum trace_side side, u64 leaf, const u64 gpr[GPR_COUNT])
{
	struct leaf_counter *counter = leaf < TRACE_MAX_LEAF ? &trace.leaf[side][leaf] : &trace.unknown[side];
	bool failed = (gpr[GPR_RAX] & TDX_STATUS_ERROR) != 0;

	if (side == TRACE_SEAMCALL && leaf == TDH_VP_ENTER)
		cost_exit(cpu, trace.input[cpu->index][side][GPR_RCX], gpr, host_instructions(cpu));
	__atomic_fetch_add(&counter->calls, 1, __ATOMIC_RELAXED);
	if (failed)
		__atomic_fetch_add(&counter->failures, 1, __ATOMIC_RELAXED);
	if (trace.mode == TRACE_ALL || (trace.mode == TRACE_ERRORS && failed))
		print(cpu, side, trace.input[cpu->index][side], gpr);
}

void trace_counts(void)
{
	for (u32 side = 0; side < TRACE_SIDES; side++) {
		for (u32 leaf = 0; leaf < TRACE_MAX_LEAF; leaf++) {
			const struct leaf_counter *counter = &trace.leaf[side][leaf];
			const char *name = leaf_names[side][leaf];

			if (counter->calls != 0)
				verdict_note("count %s %s leaf=%u calls=%lu failures=%lu", side_names[side],
					     name != NULL ? name : "?", leaf, counter->calls, counter->failures);
		}
		if (trace.unknown[side].calls != 0)
			verdict_note("count %s unknown calls=%lu", side_names[side], trace.unknown[side].calls);
	}
	for (u32 i = 0; i < emu_cpu_count(); i++)
		if (trace.counts)
			verdict_note("insn core=%u host=%lu", i, host_instructions(emu_cpu_at(i)));
	cost_print();
}

void trace_console(struct emu_cpu *cpu, char c)
{
	spin_lock(&trace.console.lock);
	if (c == '\n') {
		trace.console.text[trace.console.bytes] = '\0';
		verdict_note("console core=%u insn=%lu: %s", cpu->index, trace.console.insn, trace.console.text);
		trace.console.bytes = 0;
	} else if (c >= ' ' && c <= '~' && trace.console.bytes < CONSOLE_LINE_BYTES - 1) {
		if (trace.console.bytes == 0)
			trace.console.insn = host_instructions(cpu);
		trace.console.text[trace.console.bytes++] = c;
	}
	spin_unlock(&trace.console.lock);
}
