/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Initialising TDMRs: a task per core. A core makes a few calls on the TDMR that has most left of those that no other
 * core is at, then chooses again; any core may go on where another stopped. So all cores end together, however few
 * TDMRs there are, unless one TDMR alone is more than a core's even share. A call does a bounded part of a TDMR with
 * interrupts off; between two calls interrupts are served, and other tasks get their turn.
 *
 * Manual: TDX Module ABI, "TDH.SYS.TDMR.INIT Leaf".
 */
#include "tdx/tdmr_init.h"

#include "include/cella/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "tdx/backoff.h"
#include "tdx/doctor.h"
#include "tdx/tdh_sys.h"

/* Few enough that cores end together, and many enough that choosing costs little. */
#define TURN_CALLS 4

static struct {
	struct spinlock lock;
	u32 count;
	struct progress {
		const struct tdx_tdmr_info *tdmr;
		u64 left_bytes;	/* as the module tells: in whole GiBs */
		u64 calls;	/* since it last told less */
		bool taken;	/* (l) a core is at it, and owns the rest of this struct */
	} tdmrs[TDX_MAX_TDMRS];
	bool stopped;	/* atomic: some core was refused */
	struct core {
		struct task task;
		bool started;
		u64 calls;
		u32 tdmr;	/* it worked on last */
		tdx_status_t status;
	} cores[MAX_CPUS];
} work;

static bool has_more_left(const struct progress *a, const struct progress *b)
{
	return a->left_bytes != b->left_bytes ? a->left_bytes > b->left_bytes : a->calls < b->calls;
}

/* Let go of @done, and take the TDMR with most left; NULL: the other cores need no help. */
static struct progress *next_turn(struct progress *done)
{
	struct progress *best = NULL;

	spin_lock(&work.lock);
	if (done)
		done->taken = false;
	for (u32 i = 0; i < work.count && !__atomic_load_n(&work.stopped, __ATOMIC_RELAXED); i++) {
		struct progress *tdmr = &work.tdmrs[i];

		if (!tdmr->taken && tdmr->left_bytes && (!best || has_more_left(tdmr, best)))
			best = tdmr;
	}
	if (best)
		best->taken = true;
	spin_unlock(&work.lock);
	return best;
}

static tdx_status_t call_once(struct progress *tdmr)
{
	hpa_t next = HPA(0);
	tdx_status_t status = RETRY_BUSY(tdh_sys_tdmr_init(HPA(tdmr->tdmr->base), &next));
	u64 left_bytes;

	if (!tdx_succeeded(status))
		return status;
	left_bytes = tdmr->tdmr->base + tdmr->tdmr->bytes - next.raw;
	if (tdx_status_is(status, TDX_TDMR_ALREADY_INITIALIZED))
		left_bytes = 0;
	tdmr->calls = left_bytes < tdmr->left_bytes ? 0 : tdmr->calls + 1;
	tdmr->left_bytes = left_bytes;
	return status;
}

static void init_here(void *arg)
{
	struct core *core = arg;
	struct progress *tdmr = NULL;

	while ((tdmr = next_turn(tdmr))) {
		core->tdmr = (u32)(tdmr - work.tdmrs);
		for (u32 i = 0; i < TURN_CALLS && tdmr->left_bytes && tdx_succeeded(core->status); i++) {
			core->status = call_once(tdmr);
			core->calls++;
			task_yield();
		}
		if (!tdx_succeeded(core->status))
			__atomic_store_n(&work.stopped, true, __ATOMIC_RELAXED);
	}
}

/* 0, or what the first core that was refused says. */
static int outcome(void)
{
	for (u32 cpu = 0; cpu < cpu_count(); cpu++) {
		const struct core *core = &work.cores[cpu];
		char what[64];

		if (tdx_succeeded(core->status))
			continue;
		format_text(what, sizeof(what), "TDH.SYS.TDMR.INIT of TDMR %u on core %u", core->tdmr, cpu);
		doctor_explain(what, core->status, NULL);
		return tdx_status_errno(core->status);
	}
	return 0;
}

int tdmr_init_all(const struct tdx_tdmr_info *tdmrs, u32 count)
{
	u64 calls = 0;
	u64 longest = 0;
	u32 started = 0;
	int result;

	work.count = count;
	work.stopped = false;
	for (u32 i = 0; i < count; i++)
		work.tdmrs[i] = (struct progress){ .tdmr = &tdmrs[i], .left_bytes = tdmrs[i].bytes };
	for (u32 cpu = 0; cpu < cpu_count(); cpu++) {
		struct core *core = &work.cores[cpu];

		core->calls = 0;
		core->status.raw = TDX_SUCCESS;
		core->started = !task_start(&core->task, "tdmr", cpu, init_here, core);
		started += core->started;
	}
	for (u32 cpu = 0; cpu < cpu_count(); cpu++) {
		if (work.cores[cpu].started)
			task_join(&work.cores[cpu].task);
		calls += work.cores[cpu].calls;
		longest = MAX(longest, work.cores[cpu].calls);
	}
	if (!started) {
		doctor_complain("tdmr", "no host memory for the tasks that initialise TDMRs");
		return -ENOMEM;
	}
	result = outcome();
	if (result)
		return result;
	log_info("tdx", "%u TDMRs initialised with %lu calls, %lu on the longest of %u cores, %lu would be ideal", count,
		 calls, longest, started, DIV_ROUND_UP(calls, (u64)cpu_count()));
	return 0;
}
