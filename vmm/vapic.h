/* SPDX-License-Identifier: BSD-2-Clause */
/* Local APIC registers that reach the host as TDVMCALLs: APIC_BASE, id, LVTs, ICR, timer, TSC deadline. */
#ifndef VMM_VAPIC_H
#define VMM_VAPIC_H

#include "include/cella/types.h"
#include "include/spec/x86/apic.h"
#include "kernel/timer.h"

#define VAPIC_REGISTERS 64
#define VAPIC_REGISTER(offset) ((offset) >> 4)

struct guest_vcpu;

struct vapic {
	u32 regs[VAPIC_REGISTERS];	/* (o) what is 32 bits of memory, by VAPIC_REGISTER() */
	u64 timer_start_ns;	/* (o) */
	u64 tsc_deadline;	/* (o) virtual TSC; cleared by the timer when it fires */
	u64 tsc_inverse;	/* (c) 2^96 / TSC multiplier: virtual to native ticks without a division */
	u64 icr;	/* (o) last command */
	struct timer timer;
};

void vapic_reset(struct guest_vcpu *vcpu);
/** vapic_stop() - no timer fires any more */
void vapic_stop(struct guest_vcpu *vcpu);
/** vapic_read(), vapic_write() - from the owning vCPU task. false: not an APIC register, or refused */
bool vapic_read(struct guest_vcpu *vcpu, u32 msr, u64 *value);
bool vapic_write(struct guest_vcpu *vcpu, u32 msr, u64 value);

#endif
