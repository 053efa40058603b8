/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual core of a TD: TDVPS pages, association with a host core, TDH.VP.ENTER.
 * All calls but vcpu_kick() from the task that owns the vCPU; that task is pinned, and the vCPU is flushed from a core
 * before another core touches it.
 */
#ifndef TDX_VCPU_H
#define TDX_VCPU_H

#include "include/cella/types.h"
#include "include/spec/tdx/vp_enter.h"
#include "tdx/status.h"
#include "tdx/td.h"

#define VCPU_MAX_TDVPS_PAGES 32
#define VCPU_NO_CPU 0xffffffffu

struct vcpu {
	struct td *td;	/* (c) */
	u32 index;	/* (c) VCPU_INDEX and x2APIC id */
	hpa_t tdvpr;	/* (c) */
	u32 tdvps_count;	/* (c) pages below, without the TDVPR */
	hpa_t tdvps[VCPU_MAX_TDVPS_PAGES];
	struct posted_interrupt_desc *pid;	/* host page in the direct map */
	u32 cpu;	/* (o) host core the vCPU is associated with, or VCPU_NO_CPU; read by others for kicks */
	u32 inside;	/* atomic: 1 while its core is in TDH.VP.ENTER or about to be */
	u32 kicked;	/* atomic: vcpu_kick() came and no entry has noticed it yet */
	u64 entries;	/* (o) stays in the TD; read by others to see that one has ended */
	u64 gpr[GPR_COUNT];	/* (o) what the next entry hands to the guest after a TDVMCALL; what the last exit left */
};

/* Result of one stay in the TD, decoded. */
struct td_exit {
	tdx_status_t status;
	enum td_exit_reason reason;	/* valid when status is a success or NON_RECOVERABLE */
	u64 qualification;	/* RCX 31:0; of a TDVMCALL the register mask */
	u64 extended;	/* RDX: extended exit qualification */
	gpa_t gpa;	/* EPT violation and misconfiguration: page, SHARED bit removed */
	bool shared;	/* the GPA had the SHARED bit */
	u32 interruption;	/* R9: vector and type */
};

/**
 * vcpu_create() - TDVPR, TDVPS pages, TDH.VP.INIT (version 1 with the x2APIC id when the module enumerates topology),
 * posted interrupts and shared EPT programmed
 * @vcpu: caller's memory, zeroed. @initial_rcx: handed to the guest in RCX and R8. @shared_root: root of the shared EPT
 * TD state INITIALIZED; runs on the core that will run the vCPU or flushes afterwards. -ENOSPC: the TD or the module
 * takes no more vCPUs; -ENOMEM; -EPERM: wrong state; -EBUSY; -EIO. After a failure other than -ENOSPC and -EPERM the
 * pages stay with the TD until td_destroy(), so @vcpu must live until then as well.
 */
int __must_check vcpu_create(struct vcpu *vcpu, struct td *td, u64 initial_rcx, hpa_t shared_root);
/**
 * vcpu_enter() - one stay in the TD
 * Interrupts are on at call and return. An interrupt that ended the stay has been dispatched before this returns. A
 * posted interrupt that came while outside is delivered by a self-IPI just before the entry. A kick, or a wake-up of
 * another task on this core, that came since the last stay ends the call without an entry: it looks like an external
 * interrupt, and
 * @vcpu->gpr is kept for the next call. What the module clobbers beyond general registers Cella does not use: see
 * vcpu.c.
 */
void vcpu_enter(struct vcpu *vcpu, struct td_exit *exit);
/** vcpu_post_interrupt() - any core: set the vector in the descriptor, notify the core if the vCPU is inside */
void vcpu_post_interrupt(struct vcpu *vcpu, u8 vector);
/** vcpu_post_nmi() - request an NMI (PEND_NMI); from the owning task */
int __must_check vcpu_post_nmi(struct vcpu *vcpu);
/** vcpu_has_interrupt() - posted and not yet taken, or pending in the virtual APIC (VCPU_STATE_DETAILS). Owning task */
bool vcpu_has_interrupt(struct vcpu *vcpu);
/** vcpu_kick() - any core: make the vCPU leave the TD soon if it is inside; does not wait. vcpu_kick_wait() waits */
void vcpu_kick(struct vcpu *vcpu);
void vcpu_kick_wait(struct vcpu *vcpu);
/** vcpu_flush() - dissociate from its core (TDH.VP.FLUSH there). Not inside the TD */
void vcpu_flush(struct vcpu *vcpu);
/** vcpu_reclaim() - only td_destroy(), state TEARDOWN: its pages back to the pool */
void vcpu_reclaim(struct vcpu *vcpu);

#endif
