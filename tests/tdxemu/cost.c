/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions of the host from the return of TDH.VP.ENTER to the next TDH.VP.ENTER of the same vCPU on the same core.
 *
 * A kind is an exit reason; for a TDCALL also the GHCI function, and for port and MMIO accesses the direction. Interrupts
 * and other tasks of the host fall between some exits and the next entry, so the minimum is the path alone and the median
 * is what a guest usually pays. Only the first COST_SAMPLES exits of a kind are kept; all are counted.
 * A refusal is no stay: the reason word then says nothing, so refusals share one kind.
 * Lock: costs.lock, innermost. Callers: any core. Facts: GHCI, "TDG.VP.VMCALL Sub-functions".
 */
#include "tests/tdxemu/cost.h"

#include "include/spec/tdx/ghci.h"
#include "include/spec/tdx/status.h"
#include "include/spec/tdx/vp_enter.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/spinlock.h"
#include "tests/tdxemu/verdict.h"

#define COST_KINDS 64
#define COST_SAMPLES 1023
#define REASON_REFUSED 0xffff
#define FUNCTION_NONE 0
#define FUNCTION_VENDOR 0xffffffff	/* R10 is not 0: a call that the GHCI leaves to vendors */

struct cost_kind {
	u32 reason, function;
	bool write;
	u64 exits;
	u32 sample_count;
	u32 *samples;
};

static struct {
	bool enabled;
	struct spinlock lock;
	u32 count;	/* (l) */
	u64 unknown;	/* (l) exits of kinds beyond the table */
	struct cost_kind kinds[COST_KINDS];	/* (l) */
	/* owning core: the exit whose next entry is awaited */
	struct {
		struct cost_kind *kind;	/* NULL: none */
		u64 tdvpr;
		u64 insn;
	} last[EMU_MAX_CPUS];
} costs;

void cost_enable(void)
{
	costs.enabled = true;
}

static void classify(const u64 gpr[GPR_COUNT], struct cost_kind *kind)
{
	u64 status = gpr[GPR_RAX];

	*kind = (struct cost_kind){ .reason = (u32)(status & TD_EXIT_REASON_MASK), .function = FUNCTION_NONE };
	if ((status & TDX_STATUS_ERROR) != 0)
		kind->reason = REASON_REFUSED;
	if (kind->reason != TD_EXIT_TDCALL)
		return;
	kind->function = gpr[GPR_R10] == 0 ? (u32)gpr[GPR_R11] : FUNCTION_VENDOR;
	if (kind->function == TDVMCALL_IO || kind->function == TDVMCALL_MMIO)
		kind->write = gpr[GPR_R13] == TDVMCALL_WRITE;
}

/* The table's row for @wanted, made if there is none; NULL when the table is full. */
static struct cost_kind *find_kind(const struct cost_kind *wanted)
{
	struct cost_kind *kind;

	for (kind = costs.kinds; kind < costs.kinds + costs.count; kind++)
		if (kind->reason == wanted->reason && kind->function == wanted->function && kind->write == wanted->write)
			return kind;
	if (costs.count == COST_KINDS)
		return NULL;
	costs.count++;
	*kind = *wanted;
	kind->samples = emu_pages(1);
	return kind;
}

void cost_exit(struct emu_cpu *cpu, u64 tdvpr, const u64 gpr[GPR_COUNT], u64 insn)
{
	struct cost_kind wanted, *kind;

	if (!costs.enabled)
		return;
	classify(gpr, &wanted);
	spin_lock(&costs.lock);
	kind = find_kind(&wanted);
	if (kind != NULL)
		kind->exits++;
	else
		costs.unknown++;
	spin_unlock(&costs.lock);
	costs.last[cpu->index].kind = kind;
	costs.last[cpu->index].tdvpr = tdvpr;
	costs.last[cpu->index].insn = insn;
}

void cost_entry(struct emu_cpu *cpu, u64 tdvpr, u64 insn)
{
	struct cost_kind *kind = costs.last[cpu->index].kind;

	costs.last[cpu->index].kind = NULL;
	if (kind == NULL || costs.last[cpu->index].tdvpr != tdvpr)
		return;
	spin_lock(&costs.lock);
	if (kind->sample_count < COST_SAMPLES)
		kind->samples[kind->sample_count++] = (u32)(insn - costs.last[cpu->index].insn);
	spin_unlock(&costs.lock);
}

static void sort(u32 *values, u32 count)
{
	for (u32 i = 1; i < count; i++) {
		u32 value = values[i];
		u32 at = i;

		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

void cost_print(void)
{
	for (u32 i = 0; i < costs.count; i++) {
		struct cost_kind *kind = &costs.kinds[i];

		sort(kind->samples, kind->sample_count);
		verdict_note("cost reason=%u function=%u write=%u exits=%lu minimum=%u median=%u", kind->reason,
			     kind->function, kind->write, kind->exits, kind->samples[0],
			     kind->samples[kind->sample_count / 2]);
	}
	if (costs.unknown != 0)
		verdict_note("cost unknown exits=%lu", costs.unknown);
}
