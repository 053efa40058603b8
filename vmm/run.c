/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run loop.
 *
 * The status word says whether there was a stay in the TD at all: refusals because something was busy are tried again,
 * fatal ones end the guest. Then one table row per exit reason. Whatever is unknown or cannot be resolved ends this
 * guest with a dump that names TD, vCPU, status, reason and address; nothing a guest does reaches further than its own
 * end. Between two entries the core's other tasks get their turn. Runs in the vCPU's own task.
 *
 * TDX Module ABI, "TDH.VP.ENTER Leaf", "Extended Exit Qualification"; TDX Module Base, "TD Exits".
 */
#include "vmm/run.h"

#include "include/cella/errno.h"
#include "include/cella/tdshim.h"
#include "include/spec/tdx/vp_enter.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "vmm/gmem.h"
#include "vmm/guest.h"
#include "vmm/tdvmcall.h"
#include "vmm/vapic.h"

/* Faults in a row on one page without anything changing: accesses that can never be resolved look like this. */
#define RUN_SAME_FAULTS_MAX 256
/* How long TDH.VP.ENTER may be refused as busy. */
#define RUN_BUSY_NS (10 * NS_PER_S)
#define RUN_SENTENCE_BYTES 160
#define EEQ_LEVEL_MASK 7u

#define TRIPLE_FAULT "triple fault: the guest has no handler for its exceptions"
#define EPT_MALFORMED "the shared EPT entry of the GPA is malformed (an error of Cella)"
#define ENTRY_FAILURE "the TDX module could not enter the TD"

struct exit_row {
	u16 reason;
	const char *name;
	void (*handle)(struct guest_vcpu *vcpu, const struct td_exit *exit);	/* both NULL: enter again */
	const char *fatal;	/* the sentence with which the guest ends */
};

/* The end of a guest that cannot go on: a dump for the operator and the request to end. */
static void __printf(3, 4) crash(struct guest_vcpu *vcpu, const struct td_exit *exit, const char *format, ...)
{
	char sentence[RUN_SENTENCE_BYTES], status[TDX_STATUS_TEXT_BYTES];
	const char *name = vcpu->guest->config->name, *reason = run_exit_name(exit->reason);
	va_list args;

	va_start(args, format);
	format_text_va(sentence, sizeof(sentence), format, args);
	va_end(args);
	log_error("td", "%s vCPU %u: %s", name, vcpu->vcpu.index, sentence);
	log_error("td", "%s vCPU %u: status %s, exit reason %u (%s), qualification 0x%lx, extended 0x%lx", name,
		  vcpu->vcpu.index, tdx_status_text(exit->status, status), exit->reason, reason,
		  exit->qualification, exit->extended);
	log_error("td", "%s vCPU %u: GPA 0x%lx (%s), interruption 0x%x, %lu entries", name, vcpu->vcpu.index,
		  exit->gpa.raw, exit->shared ? "shared" : "private", exit->interruption, vcpu->vcpu.entries);
	guest_request_end(vcpu->guest, GUEST_END_CRASH);
}

static void handle_tdcall(struct guest_vcpu *vcpu, const struct td_exit *exit)
{
	vcpu->same_faults = 0;	/* the guest moved on */
	tdvmcall_handle(vcpu, (u32)exit->qualification);
}

/* ---- EPT violations ---- */

static bool makes_no_progress(struct guest_vcpu *vcpu, const struct td_exit *exit)
{
	u64 page = exit->gpa.raw | (exit->shared ? 1 : 0);

	vcpu->same_faults = vcpu->last_fault.raw == page ? vcpu->same_faults + 1 : 0;
	vcpu->last_fault = GPA(page);
	return vcpu->same_faults > RUN_SAME_FAULTS_MAX;
}

static void handle_shared_fault(struct guest_vcpu *vcpu, const struct td_exit *exit)
{
	u64 gpa = exit->gpa.raw;
	int error;

	if (exit->qualification & EPT_VIOLATION_FETCH) {
		crash(vcpu, exit, "instruction fetch from shared memory at 0x%lx", gpa);
		return;
	}
	/* The CPU turns device accesses into #VE by itself, unless the guest has not read the last #VE yet. */
	if (gpa >= GUEST_LOW_RAM_MAX && gpa < GUEST_HIGH_RAM_BASE) {
		if (makes_no_progress(vcpu, exit))
			crash(vcpu, exit, "device access at 0x%lx while an earlier #VE is still unread", gpa);
		return;
	}
	if (gpa >= GUEST_PAYLOAD_WINDOW && gpa < GUEST_PAYLOAD_WINDOW + GUEST_PAYLOAD_MAX) {
		crash(vcpu, exit, "access to the payload window at 0x%lx that is not a read of a file in it", gpa);
		return;
	}
	error = gmem_fault_shared(vcpu->guest, exit->gpa);
	if (error == -EINVAL)
		crash(vcpu, exit, "shared access to 0x%lx, where the guest has no shared memory and no device", gpa);
	else if (error)
		crash(vcpu, exit, "no host memory is left for shared memory at 0x%lx", gpa);
	else if (makes_no_progress(vcpu, exit))
		crash(vcpu, exit, "shared access to 0x%lx cannot be resolved", gpa);
}

static void handle_private_fault(struct guest_vcpu *vcpu, const struct td_exit *exit)
{
	u32 type = (u32)(exit->extended & TD_EEQ_TYPE_MASK), level = TDX_LEVEL_2M;
	u64 gpa = exit->gpa.raw;
	int error;

	if (type == TD_EEQ_PENDING_EPT_VIOLATION) {
		crash(vcpu, exit, "private memory at 0x%lx was accessed before it was accepted", gpa);
		return;
	}
	if (type == TD_EEQ_ACCEPT)
		level = (u32)(exit->extended >> TD_EEQ_ACCEPT_LEVEL_SHIFT) & EEQ_LEVEL_MASK;
	if (makes_no_progress(vcpu, exit)) {
		crash(vcpu, exit, "private access to 0x%lx cannot be resolved", gpa);
		return;
	}
	error = gmem_fault_private(vcpu->guest, exit->gpa, level);
	if (error == -EINVAL)
		crash(vcpu, exit, "private access to 0x%lx, where the guest has no memory", gpa);
	else if (error == -EPERM)
		crash(vcpu, exit, "private access to 0x%lx, which the guest has made shared", gpa);
	else if (error == -ENOMEM)
		crash(vcpu, exit, "the TD pool has no page left for 0x%lx: raise td-pool in the configuration", gpa);
	else if (error && error != -EBUSY)
		crash(vcpu, exit, "the TDX module refused private memory at 0x%lx", gpa);
}

static void handle_ept_violation(struct guest_vcpu *vcpu, const struct td_exit *exit)
{
	if (exit->shared)
		handle_shared_fault(vcpu, exit);
	else
		handle_private_fault(vcpu, exit);
}

/* ---- the table ---- */

/* Interrupts, NMIs and SMIs were served before vcpu_enter() returned. The commonest first: the search is linear. */
static const struct exit_row exit_rows[] = {
	{ TD_EXIT_TDCALL, "TDVMCALL", handle_tdcall, NULL },
	{ TD_EXIT_EXTERNAL_INTERRUPT, "external interrupt", NULL, NULL },
	{ TD_EXIT_EPT_VIOLATION, "EPT violation", handle_ept_violation, NULL },
	{ TD_EXIT_EXCEPTION_NMI, "NMI", NULL, NULL },
	{ TD_EXIT_TRIPLE_FAULT, "triple fault", NULL, TRIPLE_FAULT },
	{ TD_EXIT_INIT, "INIT", NULL, NULL },
	{ TD_EXIT_SMI, "SMI", NULL, NULL },
	{ TD_EXIT_TASK_SWITCH, "task switch", NULL, "the guest tried a hardware task switch" },
	{ TD_EXIT_ENTRY_FAIL_GUEST_STATE, "entry failure, guest state", NULL, ENTRY_FAILURE },
	{ TD_EXIT_ENTRY_FAIL_MSR, "entry failure, MSR", NULL, ENTRY_FAILURE },
	{ TD_EXIT_ENTRY_FAIL_MACHINE_CHECK, "entry failure, machine check", NULL, ENTRY_FAILURE },
	{ TD_EXIT_CSTATE_SMI, "C-state SMI", NULL, NULL },
	{ TD_EXIT_EPT_MISCONFIGURATION, "EPT misconfiguration", NULL, EPT_MALFORMED },
	{ TD_EXIT_BUS_LOCK, "bus lock", NULL, NULL },
	{ TD_EXIT_NOTIFICATION, "notification", NULL, NULL },
};

static const struct exit_row *find_row(u32 reason)
{
	for (u32 i = 0; i < ARRAY_SIZE(exit_rows); i++)
		if (exit_rows[i].reason == reason)
			return &exit_rows[i];
	return NULL;
}

const char *run_exit_name(u32 reason)
{
	const struct exit_row *row = find_row(reason);

	return row ? row->name : "unknown";
}

/* No stay, or one that cannot be continued: why. */
static const char *failure_of(const struct td_exit *exit)
{
	if (tdx_status_is(exit->status, TDX_NON_RECOVERABLE_VCPU) && exit->reason == TD_EXIT_TRIPLE_FAULT)
		return TRIPLE_FAULT;
	if (exit->status.raw & TDX_STATUS_ERROR)
		return "the TDX module refuses to enter the TD";
	return "the TDX module stopped the TD";
}

void run_handle_exit(struct guest_vcpu *vcpu, const struct td_exit *exit)
{
	const struct exit_row *row;

	if (exit->status.raw & (TDX_STATUS_ERROR | TDX_STATUS_NON_RECOVERABLE)) {
		crash(vcpu, exit, "%s", failure_of(exit));
		return;
	}
	vcpu->counters.exits++;
	if (exit->reason < ARRAY_SIZE(vcpu->counters.by_reason))
		vcpu->counters.by_reason[exit->reason]++;
	row = find_row(exit->reason);
	if (!row || row->fatal)
		crash(vcpu, exit, "%s", row ? row->fatal : "the TD left for a reason that Cella does not know");
	else if (row->handle)
		row->handle(vcpu, exit);
}

/* Statuses that mean "try again": a lock was taken, or the guest lost against the host for too long. */
static bool is_transient(tdx_status_t status)
{
	return tdx_status_is_busy(status) || tdx_status_is(status, TDX_HOST_PRIORITY_BUSY_TIMEOUT) ||
	       tdx_status_is(status, TDX_CROSS_TD_TRAP);
}

static void pass_on_nmi(struct guest_vcpu *vcpu)
{
	if (__atomic_exchange_n(&vcpu->nmi_requested, false, __ATOMIC_SEQ_CST) && vcpu_post_nmi(&vcpu->vcpu))
		log_warn("td", "%s vCPU %u: an NMI was lost", vcpu->guest->config->name, vcpu->vcpu.index);
}

void run_vcpu(void *arg)
{
	struct guest_vcpu *vcpu = arg;
	struct guest *guest = vcpu->guest;
	u64 busy_since_ns = 0;
	struct td_exit exit;

	while (!guest_is_stopping(guest)) {
		if (__atomic_load_n(&vcpu->nmi_requested, __ATOMIC_RELAXED))
			pass_on_nmi(vcpu);
		vcpu_enter(&vcpu->vcpu, &exit);
		if (!is_transient(exit.status)) {
			busy_since_ns = 0;
			run_handle_exit(vcpu, &exit);
		} else if (!busy_since_ns) {
			busy_since_ns = time_ns();
		} else if (time_ns() - busy_since_ns > RUN_BUSY_NS) {
			crash(vcpu, &exit, "the TDX module is busy for %lu seconds", (u64)(RUN_BUSY_NS / NS_PER_S));
		}
		sched_poll();
	}
	vapic_stop(vcpu);
	if (__atomic_sub_fetch(&guest->vcpus_left, 1, __ATOMIC_SEQ_CST) == 0)
		event_signal(&guest->ended);
}
