/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See cores.h. A held core looks at one word: whose turn it is. Only the leader writes it with a core's number, only that
 * core takes it back. The hold is an interrupt, so a vCPU leaves its TD first; a core that cannot take it in time lets
 * the leader give up before anything was changed.
 *
 * Manual: TDX Module ABI, "TDH.SYS.LP.INIT Leaf"; P-SEAMLDR Interface Specification, "SEAMLDR.INSTALL".
 */
#include "tdx/cores.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/cpu_call.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"
#include "tdx/backoff.h"
#include "tdx/doctor.h"
#include "tdx/tdh_sys.h"

#define HOLD_NS NS_PER_S
#define TURN_NOBODY (~0u)
#define TURN_END (~0u - 1) /* the hold is over */

static struct {
	struct {
		bool initialised; /* TDH.SYS.LP.INIT done since the module was loaded */
		tdx_status_t status;
		struct tdx_cpuid_complaint cpuid;
	} core[MAX_CPUS];
	/* the hold */
	u32 leader;
	int (*lead)(void *arg);
	void *lead_arg;
	u32 held; /* atomic: cores that wait */
	u32 turn; /* atomic: core that is to run @fn */
	int (*fn)(void *arg);
	void *arg;
	int result;
} cores;

int cores_in_turn(int (*fn)(void *arg), void *arg)
{
	int result = 0;

	for (u32 cpu = 0; !result && cpu < cpu_count(); cpu++)
		result = cpu_call(cpu, fn, arg);
	return result;
}

/* ---- the hold ---- */

int cores_in_turn_held(int (*fn)(void *arg), void *arg)
{
	int result = 0;

	cores.fn = fn;
	cores.arg = arg;
	for (u32 cpu = 0; !result && cpu < cpu_count(); cpu++) {
		if (cpu == cores.leader) {
			result = fn(arg);
			continue;
		}
		__atomic_store_n(&cores.turn, cpu, __ATOMIC_RELEASE);
		while (__atomic_load_n(&cores.turn, __ATOMIC_ACQUIRE) != TURN_NOBODY)
			arch_cpu_relax();
		result = cores.result;
	}
	return result;
}

static void wait_for_turns(u32 me)
{
	u32 turn;

	__atomic_fetch_add(&cores.held, 1, __ATOMIC_RELEASE);
	while ((turn = __atomic_load_n(&cores.turn, __ATOMIC_ACQUIRE)) != TURN_END) {
		if (turn == me) {
			cores.result = cores.fn(cores.arg);
			__atomic_store_n(&cores.turn, TURN_NOBODY, __ATOMIC_RELEASE);
		}
		arch_cpu_relax();
	}
}

static int hold_here(void *unused)
{
	u32 me = arch_this_cpu()->id;
	u64 deadline = time_ns() + HOLD_NS;
	int result = -EBUSY;

	(void)unused;
	if (me != cores.leader) {
		wait_for_turns(me);
		return 0;
	}
	while (__atomic_load_n(&cores.held, __ATOMIC_ACQUIRE) < cpu_count() - 1 && time_ns() < deadline)
		arch_cpu_relax();
	if (__atomic_load_n(&cores.held, __ATOMIC_ACQUIRE) == cpu_count() - 1)
		result = cores.lead(cores.lead_arg);
	__atomic_store_n(&cores.turn, TURN_END, __ATOMIC_RELEASE);
	return result;
}

int cores_hold(int (*lead)(void *arg), void *arg)
{
	cores.leader = arch_this_cpu()->id;
	cores.lead = lead;
	cores.lead_arg = arg;
	cores.held = 0;
	cores.turn = TURN_NOBODY;
	return cpu_call_all(hold_here, NULL, NULL);
}

/* ---- TDH.SYS.LP.INIT ---- */

int cores_init_this(void *unused)
{
	u32 id = arch_this_cpu()->id;
	tdx_status_t *status = &cores.core[id].status;

	(void)unused;
	if (cores.core[id].initialised)
		return 0;
	*status = RETRY_BUSY(tdh_sys_lp_init(&cores.core[id].cpuid));
	if (tdx_status_is(*status, TDX_SYS_LP_INIT_DONE))
		status->raw = TDX_SUCCESS;
	cores.core[id].initialised = tdx_succeeded(*status);
	return tdx_status_errno(*status);
}

void cores_explain(void)
{
	char what[64];

	for (u32 cpu = 0; cpu < cpu_count(); cpu++) {
		if (cores.core[cpu].initialised || tdx_succeeded(cores.core[cpu].status))
			continue;
		format_text(what, sizeof(what), "TDH.SYS.LP.INIT on core %u (APIC id 0x%x)", cpu, cpu_at(cpu)->apic_id);
		doctor_explain(what, cores.core[cpu].status, &cores.core[cpu].cpuid);
		return;
	}
}

int cores_init(void)
{
	int result = cpu_call_all(cores_init_this, NULL, NULL);

	if (result)
		cores_explain();
	return result;
}

void cores_forget(void)
{
	memset(cores.core, 0, sizeof(cores.core));
}

static int write_back_here(void *unused)
{
	(void)unused;
	arch_cache_writeback_invalidate();
	return 0;
}

int cores_write_back(void)
{
	return cpu_call_all(write_back_here, NULL, NULL);
}
