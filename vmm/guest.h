/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest: a TD plus its devices, console and configuration; life cycle.
 * Legend: (c) set at creation; (l) under lock; (o) owning vCPU task.
 */
#ifndef VMM_GUEST_H
#define VMM_GUEST_H

#include "include/cella/boot_info.h"
#include "include/cella/types.h"
#include "kernel/console.h"
#include "kernel/lock.h"
#include "kernel/sched.h"
#include "tdx/shared_ept.h"
#include "tdx/td.h"
#include "tdx/vcpu.h"
#include "vmm/bus.h"
#include "vmm/config.h"
#include "vmm/gmem.h"
#include "vmm/payload.h"
#include "vmm/vapic.h"

#define GUEST_MAX_VCPUS 8

enum guest_state {
	GUEST_STOPPED,
	GUEST_BUILDING,
	GUEST_RUNNING,
	GUEST_ENDING,	/* vCPUs are leaving */
};

enum guest_end {
	GUEST_END_NONE,
	GUEST_END_POWER_OFF,
	GUEST_END_RESET,
	GUEST_END_FATAL_REPORT,	/* the guest reported a fatal error */
	GUEST_END_CRASH,	/* triple fault, unknown exit, fatal TD status; a dump is in the log */
	GUEST_END_OPERATOR,
	GUEST_END_BUILD_FAILED,
};

/* Why vCPUs left the TD, and what they asked for. */
struct guest_counters {
	u64 exits;	/* all stays */
	u64 by_reason[80];	/* asynchronous exits by VMX reason */
	u64 tdvmcalls;	/* by sub-function: */
	u64 cpuid, hlt, io_in, io_out, rdmsr, wrmsr, mmio_read, mmio_write, map_gpa, get_quote, other;
	u64 refused;	/* TDVMCALLs answered with an error status */
};

struct guest_vcpu {
	struct guest *guest;	/* (c) */
	struct vcpu vcpu;	/* (o) */
	struct vapic vapic;	/* local APIC registers the host emulates */
	bool nmi_requested;	/* atomic: the owning task passes it on before the next entry */
	gpa_t last_fault;	/* (o) page of the last EPT violation */
	u32 same_faults;	/* (o) EPT violations in a row on that page */
	struct task task;
	struct event wake;	/* an interrupt was posted, or the guest is ending */
	struct guest_counters counters;	/* (o) */
};

struct guest {
	const struct guest_config *config;	/* (c) */
	enum guest_state state;	/* (l) */
	enum guest_end end;	/* (l) why the last life ended */
	struct spinlock lock;
	bool stop_requested;	/* atomic: vCPUs leave their loop */
	bool stay_stopped;	/* atomic: the operator ended it; no restart */
	u32 vcpu_count;	/* (c) */
	u32 first_cpu;	/* (c) number of vCPUs in the guests before this one: spreads vCPUs over the cores */
	struct td td;	/* from here to per_life_end: zeroed when a life begins */
	struct shared_ept shared_ept;
	struct gmem memory;
	struct payload payload;	/* (c) kernel, initrd and command line as the guest sees them */
	struct bus bus;
	bool has_platform;	/* (o) keeper: platform_create() succeeded */
	struct guest_vcpu vcpus[GUEST_MAX_VCPUS];
	u8 per_life_end[0];
	struct console_guest console;	/* kernel/console.h's handle */
	u32 vcpus_left;	/* atomic: vCPU tasks still in their loop */
	struct event ended;	/* all vCPU tasks left */
	struct task keeper;	/* builds the TD, waits for its end, tears it down */
	bool keeper_started;	/* (l) the keeper task of the last life is still to be joined */
	u64 lives;	/* (l) how often it was built */
	u64 launched_ns, launch_ns;	/* time of start, duration of the build */
};

/** guests_create() - read the configuration; every guest in it exists from now on, stopped. main.c, once */
void guests_create(const struct boot_info *boot);
/** guests_start() - start all guests. main.c, once, if TDX is READY */
void guests_start(void);
/** guests_stop_all() - end all guests and wait for their teardown (power off) */
void guests_stop_all(void);
/** guest_request_end() - any core: make the guest end for @why; the first reason wins */
void guest_request_end(struct guest *guest, enum guest_end why);
/** guest_is_stopping() - a vCPU's task leaves its loop, and whatever it does, soon */
static inline bool guest_is_stopping(const struct guest *guest)
{
	return __atomic_load_n(&guest->stop_requested, __ATOMIC_SEQ_CST);
}

/** guest_count(), guest_at(), guest_find() - the guests of the configuration */
u32 guest_count(void);
struct guest *guest_at(u32 index);
struct guest *guest_find(const char *name);
/** guest_start(), guest_stop() - the operator's commands. -EBUSY: in another state; -ENODEV: TDX is not READY */
int __must_check guest_start(struct guest *guest);
int __must_check guest_stop(struct guest *guest);
const char *guest_end_name(enum guest_end end);
const char *guest_state_name(enum guest_state state);
/** guest_vcpu_cpu() - the core that vCPU @index is pinned to */
u32 guest_vcpu_cpu(const struct guest *guest, u32 index);
/** guest_attach() - give the terminal to the guest's console. -EBUSY: not running; -ENODEV: it has no console */
int __must_check guest_attach(struct guest *guest);

#endif
