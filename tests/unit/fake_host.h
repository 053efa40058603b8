/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vmm/ stands on, for unit tests: pages from malloc with books, a clock that stands still until told otherwise, timers,
 * events, one TD whose private and shared memory are lists, and vCPUs that only remember what was posted.
 */
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H

#include "include/cella/types.h"
#include "kernel/page.h"
#include "vmm/guest.h"

#define FAKE_MAX_PAGES 4096
#define FAKE_MAX_ADDED 2048

struct fake_host {
	u64 now_ns;	/* also the TSC: 1 GHz */
	u64 free_pages;	/* host pages that page_alloc() may still give */
	u32 table_failures;	/* how many shared_ept_unmap() calls find no page for a split */
	u64 pool_bytes;
	/* private memory */
	u64 private_gpa[FAKE_MAX_PAGES];
	u64 private_bytes[FAKE_MAX_PAGES];
	u32 private_count;
	int add_result;	/* what sept_add_memory() of 2 MiB answers */
	int remove_result;	/* what sept_remove_memory() answers */
	u64 removed_bytes;
	/* shared memory: 4 KiB pages */
	u64 shared_gpa[FAKE_MAX_PAGES];
	u64 shared_hpa[FAKE_MAX_PAGES];
	bool shared_writable[FAKE_MAX_PAGES];
	u32 shared_count;
	u64 mmio_start, mmio_bytes;
	/* build: what was added, in order; GPA with bit 0 set: measured */
	u64 added[FAKE_MAX_ADDED];
	u8 first_byte[FAKE_MAX_ADDED];
	u32 added_count;
	_Alignas(8) u8 hob[0x4000];	/* pages added at TDSHIM_HOB_BASE */
	u32 vcpus_created;
	/* vCPUs */
	u64 posted[GUEST_MAX_VCPUS][4];
	u32 kicks, nmis;
	bool interrupt_pending;
	/* tasks */
	u32 yields, waits;
	void (*on_wait)(void);	/* runs when a task would block; NULL: that is a failure of the test */
	/* bus */
	u32 bus_accesses;
	int bus_space;
	u64 bus_address, bus_value;
	u32 bus_bytes;
	bool bus_write;
	/* whole lives */
	void (*on_enter)(struct vcpu *vcpu, struct td_exit *exit);	/* what the TD does; *exit is an interrupt */
	void (*on_sleep)(void);
	u32 tasks_started, tasks_joined;
	bool tdx_off;	/* TDX is not READY */
	u32 task_failures;	/* the n-th task_start() from now on fails; 0: none */
	struct console_guest *attached;
	char log[512];	/* last line */
	char all_log[8192];
};

extern struct fake_host fake;

/** fake_host_reset() - everything at rest; 1 GiB of host pages */
void fake_host_reset(void);
/** fake_guest() - a guest of @memory_bytes with @vcpus, TD runnable, TSC equal to the host's; freed by the next call */
struct guest *fake_guest(u64 memory_bytes, u32 vcpus);
/** fake_advance() - move the clock and fire what is due, in order */
void fake_advance(u64 ns);
bool fake_is_posted(u32 vcpu, u8 vector);
/** fake_pages_of() - pages that are held as @owner */
u64 fake_pages_of(enum page_owner owner);

#endif
