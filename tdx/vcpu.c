/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual cores: creation, entry and exit, interrupts, kicks.
 *
 * Entry. With interrupts off: say "inside", then look for what came meanwhile (a kick, a wake-up, a posted interrupt).
 * Whoever posts does it the other way round: first the descriptor or the kick, then a look at "inside". One of the two
 * always sees the other, so nothing waits for the next exit by accident. Interrupts of the host stay pending during the
 * entry and end the stay at once; the module has then taken the vector from the local APIC, and it is dispatched here.
 *
 * Host state. The module leaves XCR0, XSS, the extended registers, DR0-3, DR6, DR7, DEBUGCTL, STAR, LSTAR, FMASK,
 * KERNEL_GS_BASE and TSC_AUX in a state of its own. Cella uses none of them: it is built for general registers only,
 * has no debug registers, no SYSCALL and one GS base. So nothing is saved or restored here.
 *
 * Manual: TDX Module ABI, "TDH.VP.ENTER Leaf"; TDX Module Base, "TD VCPU"; SDM, "Posted-Interrupt Processing".
 */
#include "tdx/vcpu.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/metadata.h"
#include "include/spec/x86/vmcs.h"
#include "kernel/cpu_call.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "tdx/backoff.h"
#include "tdx/pool.h"
#include "tdx/reclaim.h"
#include "tdx/sysinfo.h"
#include "tdx/tdh_vp.h"

#define WHOLE_FIELD (~0ull)

_Static_assert(TD_MAX_VCPUS * sizeof(struct posted_interrupt_desc) <= PAGE_SIZE, "one page of descriptors per TD");

static int refused(const struct vcpu *vcpu, const char *leaf, tdx_status_t status)
{
	char text[TDX_STATUS_TEXT_BYTES];
	int result = tdx_status_errno(status);

	log_error("tdx", "vCPU %u: %s: %s", vcpu->index, leaf, tdx_status_text(status, text));
	return result == -EBUSY ? -EBUSY : -EIO;
}

/* ---- creation ---- */

static int add_pages(struct vcpu *vcpu)
{
	u32 wanted = tdx_sysinfo()->tdvps_bytes / PAGE_SIZE - 1;	/* the TDVPR is the first */
	tdx_status_t status;

	if (wanted > VCPU_MAX_TDVPS_PAGES) {
		log_error("tdx", "this module wants %u TDVPS pages, Cella knows how to keep %u", wanted,
			  VCPU_MAX_TDVPS_PAGES);
		return -EIO;
	}
	while (vcpu->tdvps_count < wanted) {
		hpa_t page;

		int result = pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, arch_this_cpu()->node, &page);

		if (result)
			return result;
		status = RETRY_BUSY(tdh_vp_addcx(page, vcpu->tdvpr));
		if (!tdx_succeeded(status)) {
			pool_page_free(page, TDX_LEVEL_4K, PAGE_TDCX);
			return refused(vcpu, "TDH.VP.ADDCX", status);
		}
		vcpu->tdvps[vcpu->tdvps_count++] = page;
		vcpu->td->pages_control++;
	}
	return 0;
}

static int create_tdvpr(struct vcpu *vcpu)
{
	struct td *td = vcpu->td;
	tdx_status_t status;
	int result = pool_page_alloc(TDX_LEVEL_4K, PAGE_TDVPR, arch_this_cpu()->node, &vcpu->tdvpr);

	if (result)
		return result;
	status = RETRY_BUSY(tdh_vp_create(vcpu->tdvpr, td->tdr));
	if (!tdx_succeeded(status)) {
		pool_page_free(vcpu->tdvpr, TDX_LEVEL_4K, PAGE_TDVPR);
		return refused(vcpu, "TDH.VP.CREATE", status);
	}
	spin_lock(&td->lock);
	td->vcpus[td->vcpu_count++] = vcpu;	/* from here on td_destroy() knows the pages */
	td->pages_control++;
	spin_unlock(&td->lock);
	return 0;
}

/* Associates the vCPU with this core. */
static int initialise(struct vcpu *vcpu, u64 initial_rcx)
{
	tdx_status_t status;

	if (tdx_sysinfo()->features0 & TDX_FEATURE_TOPOLOGY_ENUM)
		status = RETRY_BUSY(tdh_vp_init_with_apic_id(vcpu->tdvpr, initial_rcx, vcpu->index));
	else
		status = RETRY_BUSY(tdh_vp_init(vcpu->tdvpr, initial_rcx));
	if (!tdx_succeeded(status))
		return refused(vcpu, "TDH.VP.INIT", status);
	vcpu->cpu = arch_this_cpu()->id;
	return 0;
}

static int write_field(struct vcpu *vcpu, const char *name, u64 field, u64 value, u64 mask)
{
	tdx_status_t status = RETRY_BUSY(tdh_vp_wr(vcpu->tdvpr, field, value, mask));

	return tdx_succeeded(status) ? 0 : refused(vcpu, name, status);
}

/* Posted interrupts and shared EPT; the module insists on vector and descriptor before the control bit. */
static int connect(struct vcpu *vcpu, hpa_t shared_root)
{
	int result = write_field(vcpu, "TDH.VP.WR of the posted-interrupt vector", TDX_VP_POSTED_INTR_VECTOR,
				 VECTOR_POSTED, WHOLE_FIELD);

	if (!result)
		result = write_field(vcpu, "TDH.VP.WR of the posted-interrupt descriptor", TDX_VP_POSTED_INTR_DESC,
				     hva_to_hpa(vcpu->pid).raw, WHOLE_FIELD);
	if (!result)
		result = write_field(vcpu, "TDH.VP.WR of the pin-based controls", TDX_VP_PIN_CONTROLS,
				     TDX_VP_PIN_POSTED_INTERRUPTS, TDX_VP_PIN_POSTED_INTERRUPTS);
	if (!result)
		result = write_field(vcpu, "TDH.VP.WR of the shared EPTP", TDX_VP_SHARED_EPTP, shared_root.raw,
				     WHOLE_FIELD);
	return result;
}

int vcpu_create(struct vcpu *vcpu, struct td *td, u64 initial_rcx, hpa_t shared_root)
{
	int result;

	if (td->state != TD_INITIALIZED)
		return -EPERM;
	if (td->vcpu_count >= TD_MAX_VCPUS || td->vcpu_count >= tdx_sysinfo()->max_vcpus_per_td)
		return -ENOSPC;
	vcpu->td = td;
	vcpu->index = td->vcpu_count;
	vcpu->cpu = VCPU_NO_CPU;
	vcpu->pid = &td->pids[vcpu->index];
	vcpu->pid->control = VECTOR_POSTED << PID_VECTOR_SHIFT;
	vcpu->pid->destination = arch_this_cpu()->apic_id;
	result = create_tdvpr(vcpu);
	if (!result)
		result = add_pages(vcpu);
	if (!result)
		result = initialise(vcpu, initial_rcx);
	return result ? result : connect(vcpu, shared_root);
}

/* ---- one stay ---- */

/* What the registers of an exit mean; @regs is what TDH.VP.ENTER left. */
static void decode(const struct td *td, tdx_status_t status, const u64 regs[GPR_COUNT], struct td_exit *exit)
{
	u64 detail = tdx_status_operand(status);

	*exit = (struct td_exit){
		.status = status,
		.reason = (enum td_exit_reason)(detail & TD_EXIT_REASON_MASK),
		.qualification = (u32)regs[GPR_RCX],
	};
	if (exit->reason == TD_EXIT_TDCALL && tdx_succeeded(status))
		return;	/* the other registers are the guest's */
	exit->extended = regs[GPR_RDX];
	exit->interruption = (u32)regs[GPR_R9];
	if (exit->reason == TD_EXIT_EPT_VIOLATION || exit->reason == TD_EXIT_EPT_MISCONFIGURATION) {
		exit->shared = regs[GPR_R8] & td->shared_bit;
		exit->gpa = GPA(regs[GPR_R8] & ~td->shared_bit);
	}
}

/* Only with status SUCCESS is a reason a reason: several refusals leave 0 there, which is also that of an NMI. */
static bool exited_for(const struct td_exit *exit, enum td_exit_reason reason)
{
	return tdx_status_is(exit->status, TDX_SUCCESS) && exit->reason == reason;
}

/* Interrupts off. What the exit took from this core's local APIC is served before anything else. */
static void serve_host(const struct td_exit *exit)
{
	if (exited_for(exit, TD_EXIT_EXTERNAL_INTERRUPT))
		irq_dispatch((u8)(exit->interruption & VMX_EVENT_VECTOR_MASK));
	else if (exited_for(exit, TD_EXIT_EXCEPTION_NMI) && (exit->interruption & VMX_EVENT_TYPE_MASK) == VMX_EVENT_NMI)
		arch_nmi_exit();
}

/* Came something since the last stay that must be looked at outside the TD? Interrupts off, "inside" is set. */
static bool must_stay_out(struct vcpu *vcpu)
{
	return __atomic_exchange_n(&vcpu->kicked, 0, __ATOMIC_SEQ_CST) || arch_this_cpu()->need_resched;
}

/* Interrupts off. False: not entered. */
static bool enter_once(struct vcpu *vcpu, tdx_status_t *status)
{
	bool entered = false;

	__atomic_store_n(&vcpu->inside, 1, __ATOMIC_SEQ_CST);
	if (!must_stay_out(vcpu)) {
		/* Pending at entry, the notification is taken by the CPU inside the TD and moves the posted interrupts.
		 */
		if (__atomic_load_n(&vcpu->pid->control, __ATOMIC_SEQ_CST) & PID_OUTSTANDING)
			arch_ipi_self(VECTOR_POSTED);
		*status = tdh_vp_enter(vcpu->tdvpr, vcpu->gpr);
		entered = true;
		__atomic_fetch_add(&vcpu->entries, 1, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&vcpu->inside, 0, __ATOMIC_SEQ_CST);
	return entered;
}

/*
 * Refusals that pass by themselves: another core holds a lock of this TD for a moment, or the guest lost against the
 * host too often (which is a trap-like exit: it simply goes on).
 */
static bool is_transient(tdx_status_t status)
{
	return tdx_status_is_busy(status) || tdx_status_is(status, TDX_HOST_PRIORITY_BUSY_TIMEOUT);
}

/* The vCPU belongs to this core from here on. Interrupts on. */
static void move_here(struct vcpu *vcpu)
{
	struct percpu *here = arch_this_cpu();	/* vCPU tasks are pinned */

	if (vcpu->cpu == here->id)
		return;
	vcpu_flush(vcpu);
	vcpu->pid->destination = here->apic_id;
	__atomic_store_n(&vcpu->cpu, here->id, __ATOMIC_SEQ_CST);
}

void vcpu_enter(struct vcpu *vcpu, struct td_exit *exit)
{
	struct backoff backoff = { 0 };

	move_here(vcpu);
	do {
		tdx_status_t status = { TDX_SUCCESS };
		bool entered;

		arch_irq_disable();
		entered = enter_once(vcpu, &status);
		if (entered) {
			decode(vcpu->td, status, vcpu->gpr, exit);
			serve_host(exit);
		} else {
			*exit = (struct td_exit){ .reason = TD_EXIT_EXTERNAL_INTERRUPT };
		}
		arch_irq_enable();
	} while (is_transient(exit->status) && backoff_wait(&backoff));
}

/* ---- interrupts ---- */

/* Make the core that runs the vCPU, if one does, take @vector. */
static void notify_if_inside(struct vcpu *vcpu, u8 vector)
{
	if (__atomic_load_n(&vcpu->inside, __ATOMIC_SEQ_CST))
		arch_ipi(__atomic_load_n(&vcpu->cpu, __ATOMIC_SEQ_CST), vector);
}

void vcpu_post_interrupt(struct vcpu *vcpu, u8 vector)
{
	__atomic_fetch_or(&vcpu->pid->requests[vector / 64], BIT(vector % 64), __ATOMIC_SEQ_CST);
	if (!(__atomic_fetch_or(&vcpu->pid->control, (u32)PID_OUTSTANDING, __ATOMIC_SEQ_CST) & PID_OUTSTANDING))
		notify_if_inside(vcpu, VECTOR_POSTED);
}

int vcpu_post_nmi(struct vcpu *vcpu)
{
	move_here(vcpu);
	return write_field(vcpu, "TDH.VP.WR of PEND_NMI", TDX_VP_PEND_NMI, 1, WHOLE_FIELD);
}

bool vcpu_has_interrupt(struct vcpu *vcpu)
{
	u64 details = 0;
	tdx_status_t status;

	if (__atomic_load_n(&vcpu->pid->control, __ATOMIC_SEQ_CST) & PID_OUTSTANDING)
		return true;
	move_here(vcpu);
	status = RETRY_BUSY(tdh_vp_rd(vcpu->tdvpr, TDX_VP_VCPU_STATE_DETAILS, &details));
	if (!tdx_succeeded(status))
		return true;	/* unknown: let the guest look for itself */
	return details & TDX_VP_STATE_VMXIP;
}

void vcpu_kick(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->kicked, 1, __ATOMIC_SEQ_CST);
	notify_if_inside(vcpu, VECTOR_RESCHED);
}

void vcpu_kick_wait(struct vcpu *vcpu)
{
	u64 entries = __atomic_load_n(&vcpu->entries, __ATOMIC_SEQ_CST);

	notify_if_inside(vcpu, VECTOR_RESCHED);
	while (__atomic_load_n(&vcpu->inside, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&vcpu->entries, __ATOMIC_SEQ_CST) == entries)
		arch_cpu_relax();
}

/* ---- association and the end ---- */

static int flush_here(void *arg)
{
	struct vcpu *vcpu = arg;
	tdx_status_t status = RETRY_BUSY(tdh_vp_flush(vcpu->tdvpr));

	/* Never initialised, or not completely built: there is nothing to flush. */
	if (tdx_succeeded(status) || tdx_status_is(status, TDX_VCPU_NOT_ASSOCIATED) ||
	    tdx_status_is(status, TDX_TDCX_NUM_INCORRECT))
		return 0;
	return refused(vcpu, "TDH.VP.FLUSH", status);
}

void vcpu_flush(struct vcpu *vcpu)
{
	if (vcpu->cpu == VCPU_NO_CPU)
		return;
	if (!cpu_call(vcpu->cpu, flush_here, vcpu))
		__atomic_store_n(&vcpu->cpu, VCPU_NO_CPU, __ATOMIC_SEQ_CST);
}

void vcpu_reclaim(struct vcpu *vcpu)
{
	while (vcpu->tdvps_count)
		reclaim_td_page(vcpu->td, vcpu->tdvps[--vcpu->tdvps_count], TDX_LEVEL_4K, PAGE_TDCX);
	reclaim_td_page(vcpu->td, vcpu->tdvpr, TDX_LEVEL_4K, PAGE_TDVPR);
	vcpu->pid = NULL;
	vcpu->cpu = VCPU_NO_CPU;
}
