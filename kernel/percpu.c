/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-core data: the array, and how many of it are in use. Written by the boot core during bring-up only. */
#include "kernel/percpu.h"

#include "include/cella/arch.h"
#include "kernel/panic.h"

/* Apart from what has an initial value: the data of all cores stay out of the image file. */
static struct percpu cpus[MAX_CPUS];

static struct {
	u32 count;	/* atomic: cores that are up */
	bool boot_core_ready;	/* arch_this_cpu() answers; other cores get their data before they run any C of ours */
} bringup = { .count = 1 };

u32 cpu_count(void)
{
	return __atomic_load_n(&bringup.count, __ATOMIC_ACQUIRE);
}

void cpu_set_count(u32 count)
{
	panic_if(count == 0 || count > MAX_CPUS, "%u cores counted", count);
	__atomic_store_n(&bringup.count, count, __ATOMIC_RELEASE);
}

struct percpu *cpu_at(u32 id)
{
	panic_if(id >= MAX_CPUS, "core %u asked for", id);
	return &cpus[id];
}

struct percpu *cpu_this_or_null(void)
{
	return bringup.boot_core_ready ? arch_this_cpu() : NULL;
}

void cpu_boot_core_ready(void)
{
	bringup.boot_core_ready = true;
}
