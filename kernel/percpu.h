/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-core data. Reached through arch_this_cpu(); other cores' through cpu_at().
 * Legend: (c) set before the core is up, then constant; (o) owning core only; (l) under the named lock.
 */
#ifndef KERNEL_PERCPU_H
#define KERNEL_PERCPU_H

#include "include/cella/memory_map.h"
#include "include/cella/types.h"
#include "kernel/lock.h"

struct task;
struct timer;

enum vmx_state {
	VMX_UNKNOWN,
	VMX_OFF,	/* could not be turned on; vmx_reason says why */
	VMX_ON,
};

struct percpu {
	struct percpu *self;	/* (c) first member: read through GS */
	u32 id;	/* (c) Cella's number, 0 = boot core */
	u32 apic_id;	/* (c) */
	u32 node;	/* (c) NUMA node, 0 without SRAT */
	u32 package;	/* (c) */
	bool online;	/* (c) */

	struct task *current;	/* (o) */
	struct task *idle;	/* (c) */
	u32 irq_depth;	/* (o) > 0: inside an interrupt handler */
	bool need_resched;	/* (o) set by the tick or by a wake-up */
	struct spinlock run_lock;	/* guards run_head, run_tail and state of this core's tasks */
	struct task *run_head;	/* (l) run_lock */
	struct task *run_tail;	/* (l) run_lock */

	struct timer *timers;	/* (o) sorted by deadline, interrupts off */
	u64 idle_ns;	/* (o) time spent halted */
	u64 halted_at_ns;	/* (o) when the halt under way began, 0: not halted */

	enum vmx_state vmx;	/* (o) written once by vmx_on() */
	const char *vmx_reason;	/* (o) why vmx is VMX_OFF */

	void *arch;	/* (c) arch/x86's own part */

	struct task *dying;	/* (o) task that ended and whose stack is being left */
	u64 switched_ns;	/* (o) when current began to run */
};

/** cpu_count() - cores that are up; numbers run from 0 */
u32 cpu_count(void);
/** cpu_at() - data of core @id, id < MAX_CPUS */
struct percpu *cpu_at(u32 id);
/** cpu_this_or_null() - the running core's data, or NULL while the boot core has none yet */
struct percpu *cpu_this_or_null(void);
/** cpu_boot_core_ready() - main.c, when arch_cpu_init() has given the boot core its data */
void cpu_boot_core_ready(void);
/** cpu_set_count() - only arch/x86/smp.c, during bring-up */
void cpu_set_count(u32 count);

#endif
