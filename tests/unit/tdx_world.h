/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine that tests of tdx/ run on: WORLD_CORES cores in two packages, WORLD_RAM of memory with the real allocator
 * on it, and the fake module; and one TD with one vCPU, with the claim that nothing is left of it.
 */
#ifndef TESTS_UNIT_TDX_WORLD_H
#define TESTS_UNIT_TDX_WORLD_H

#include "include/cella/types.h"
#include "kernel/page.h"
#include "tdx/td.h"
#include "tdx/vcpu.h"

#define WORLD_CORES 4	/* packages 0 0 1 1 */
#define WORLD_RAM GIB(3)
#define WORLD_POOL_BASE GIB(2)	/* of tdx_world_ready() */
#define WORLD_POOL_BYTES MIB(64)

/* What happened, and what is about to happen. */
struct tdx_world {
	u32 cores;	/* WORLD_CORES; a test may take more or fewer */
	bool irqs_on;
	u64 now_ns;
	u64 tsc_hz;
	u32 ipis, self_ipis;
	u32 nmi_exits;
	u32 wbinvds, invepts;	/* on all cores together */
	u8 dispatched;	/* last interrupt vector */
	u64 cleared_pages;
	u64 hotplug_base, hotplug_end;	/* HPAs: memory that may go away */
	u32 map_failure;	/* the n-th arch_direct_map_remove() from now on fails; 0: none */
};
extern struct tdx_world world;

/** tdx_world_reset() - fresh memory, no refusals, module as loaded; the running core is 0 */
void tdx_world_reset(void);
/** tdx_world_ready() - the same, but the module is ready: metadata read, KeyIDs, TD pool */
void tdx_world_ready(void);
/** tdx_world_run_on() - the running core from now on */
void tdx_world_run_on(u32 cpu);
/** tdx_world_unmapped_bytes() - how much RAM is out of the direct map */
u64 tdx_world_unmapped_bytes(void);

extern struct td test_td;
extern struct vcpu test_vcpu;

/** tdx_test_begin() - tdx_world_ready(), no TD yet; books noted */
void tdx_test_begin(void);
/** tdx_test_params() - parameters that the fake accepts; one object, reset by every call */
struct td_params *tdx_test_params(void);
/** tdx_test_create_td() - td_create(), then vcpu_create() of one vCPU; the first failure */
int tdx_test_create_td(void);
/** tdx_test_destroy_and_compare() - td_destroy(); books are as noted, the module holds nothing */
void tdx_test_destroy_and_compare(void);
/** tdx_test_free_pool_pages() - of 4 KiB, in ZONE_TD */
u64 tdx_test_free_pool_pages(void);

#endif
