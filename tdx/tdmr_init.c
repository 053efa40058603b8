/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Initialising TDMRs: a task per core, and each takes the largest TDMR that nobody has begun, until none is left. The
 * plan has cut the TDMRs such that the longest core is as short as can be. A call does a bounded part of a TDMR with
 * interrupts off; between two calls interrupts are served, and other tasks get their turn.
 *
 * Manual: TDX Module ABI, "TDH.SYS.TDMR.INIT Leaf".
 */
#include "tdx/tdmr_init.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "tdx/backoff.h"
#include "tdx/doctor.h"
#include "tdx/tdh_sys.h"
#include "tdx/tdmr_plan.h"

static struct {
	const struct tdx_tdmr_info *tdmrs;
	u32 count;
	u8 order[TDX_MAX_TDMRS];	/* indexes of the TDMRs, the largest first */
	u32 next;	/* atomic: position in the order, handed out to cores */
	bool stopped;	/* atomic: some core was refused */
	struct core {
		struct task task;
		bool started;
		u64 calls;
		u32 tdmr;	/* it worked on last */
		tdx_status_t status;
	} cores[MAX_CPUS];
} work;

/* The module does a bounded part per call and may show progress only in whole GiBs. */
static tdx_status_t init_tdmr(const struct tdx_tdmr_info *tdmr, u64 *calls)
{
	u64 most_calls = tdmr->bytes / PAGE_SIZE;	/* a call covers at least one page */
	hpa_t next = HPA(0);
	tdx_status_t status;

	do {
		status = RETRY_BUSY(tdh_sys_tdmr_init(HPA(tdmr->base), &next));
		++*calls;
		if (tdx_status_is(status, TDX_TDMR_ALREADY_INITIALIZED))
			break;
		task_yield();
	} while (tdx_succeeded(status) && next.raw < tdmr->base + tdmr->bytes && --most_calls &&
		 !__atomic_load_n(&work.stopped, __ATOMIC_RELAXED));
	return status;
}

static void init_here(void *arg)
{
	struct core *core = arg;
	u32 at;

	while (!__atomic_load_n(&work.stopped, __ATOMIC_RELAXED) &&
	       (at = __atomic_fetch_add(&work.next, 1, __ATOMIC_RELAXED)) < work.count) {
		core->tdmr = work.order[at];
		core->status = init_tdmr(&work.tdmrs[core->tdmr], &core->calls);
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

	work.tdmrs = tdmrs;
	work.count = count;
	work.next = 0;
	work.stopped = false;
	(void)tdmr_order(tdmrs, count, cpu_count(), work.order);
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
	log_info("tdx", "%u TDMRs initialised with %lu calls, %lu on the longest of %u cores, %lu would be ideal", count,
		 calls, longest, started, DIV_ROUND_UP(calls, (u64)cpu_count()));
	return result;
}
