/* SPDX-License-Identifier: BSD-2-Clause */
/* Local APIC: x2APIC where the machine has it, memory-mapped xAPIC otherwise. */
#ifndef ARCH_X86_LAPIC_H
#define ARCH_X86_LAPIC_H

#include "include/cella/types.h"

/** lapic_init() - on each core: mode, spurious vector, masked LVTs, timer in its mode */
void lapic_init(void);
/** lapic_id() - of the running core */
u32 lapic_id(void);
/** lapic_reaches() - can an interrupt be sent to @apic_id in the mode in use? */
bool lapic_reaches(u32 apic_id);
/** lapic_icr() - send: @command as in APIC_ICR_..., @apic_id destination. Waits (bounded) until the xAPIC took it */
void lapic_icr(u32 apic_id, u32 command);
/** lapic_timer_calibrate() - without TSC deadline: ticks of the APIC timer per second, against the TSC */
void lapic_timer_calibrate(void);

#endif
