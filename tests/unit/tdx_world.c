/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See tdx_world.h. The allocator is the real one, on anonymous memory that stands at the direct map's address; the rest
 * of kernel/ and arch/x86 that tdx/ uses is here in its simplest form. Cores take turns: a call on another core runs at
 * once, with the running core changed for its time.
 */
#include "arch/x86/acpi.h"
#include "tests/unit/tdx_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "arch/x86/vmx.h"
#include "include/cella/arch.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/td_params.h"
#include "kernel/console.h"
#include "kernel/cpu_call.h"
#include "kernel/image.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "kernel/timer.h"
#include "tdx/keyid.h"
#include "tdx/sysinfo.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/test.h"

#define WORLD_IMAGE_BYTES MIB(4)
#define WORLD_SHARED_ROOT MIB(48)	/* never looked at by the fake */

struct tdx_world world;
struct td test_td;
struct vcpu test_vcpu;

static struct percpu cpus[MAX_CPUS];
static u32 running;
static u8 unmapped[WORLD_RAM / PAGE_SIZE];
static struct page_books noted;

/* Cores inside cpu_call_all(): each has a stack, and whoever waits (arch_cpu_relax) lets the next one run. */
#define CORE_STACK_BYTES MIB(1)
static struct {
	bool under_way;
	ucontext_t caller;
	int (*fn)(void *arg);
	void *arg;
	struct {
		ucontext_t context;
		bool done;
		int result;
		u8 stack[CORE_STACK_BYTES] __aligned(64);
	} core[WORLD_CORES];
} all;

/* ---- arch ---- */

struct percpu *arch_this_cpu(void)
{
	return &cpus[running];
}

u64 arch_irq_save(void)
{
	u64 saved = world.irqs_on;

	world.irqs_on = false;
	return saved;
}

void arch_irq_restore(u64 saved)
{
	world.irqs_on = saved;
}

void arch_irq_enable(void)
{
	world.irqs_on = true;
}

void arch_irq_disable(void)
{
	world.irqs_on = false;
}

void arch_cpu_relax(void)
{
	u32 me = running, next = me;

	if (!all.under_way)
		return;
	do
		next = (next + 1) % WORLD_CORES;
	while (all.core[next].done);
	if (next == me)
		return;
	running = next;
	swapcontext(&all.core[me].context, &all.core[next].context);
	running = me;
}

void arch_ipi(u32 cpu, u8 vector)
{
	world.ipis++;
}

void arch_ipi_self(u8 vector)
{
	world.self_ipis++;
}

void arch_nmi_exit(void)
{
	world.nmi_exits++;
}

void arch_cache_writeback_invalidate(void)
{
	world.wbinvds++;
}

void invept_all(void)
{
	world.invepts++;
}

u64 arch_tsc_hz(void)
{
	return world.tsc_hz;
}

/* Every page of the range changes from @from to its opposite; anything else is a bug of the caller. */
static void toggle(hpa_t start, u64 bytes, bool from)
{
	for (u64 page = start.raw / PAGE_SIZE; page < (start.raw + bytes) / PAGE_SIZE; page++) {
		CHECK_EQ(unmapped[page], from);
		unmapped[page] = !from;
	}
}

int arch_direct_map_remove(hpa_t start, u64 bytes)
{
	if (world.map_failure) {
		world.map_failure--;
		if (!world.map_failure)
			return -1;
	}
	toggle(start, bytes, false);
	return 0;
}

u64 arch_page_tables(void)
{
	return 0;
}

int arch_direct_map_restore(hpa_t start, u64 bytes)
{
	toggle(start, bytes, true);
	return 0;
}

/* What comes back from the module must be free there, and is cleared only while it is unmapped. */
void arch_window_clear(hpa_t page, u64 bytes)
{
	for (u64 offset = 0; offset < bytes; offset += PAGE_SIZE) {
		CHECK_EQ(unmapped[(page.raw + offset) / PAGE_SIZE], true);
		CHECK_EQ(fake_page_type(hpa_add(page, offset)), PT_NDA);
	}
	world.cleared_pages += bytes / PAGE_SIZE;
}

/* ---- kernel ---- */

hpa_t image_hpa(void)
{
	return HPA(CELLA_PHYS_BASE);
}

u64 image_bytes(void)
{
	return WORLD_IMAGE_BYTES;
}

struct percpu *cpu_at(u32 id)
{
	return &cpus[id];
}

u32 cpu_count(void)
{
	return world.cores;
}

void spin_lock(struct spinlock *lock)
{
	CHECK_EQ(lock->next, 0);	/* one thread: a second holder would wait for ever */
	lock->next = 1;
}

void spin_unlock(struct spinlock *lock)
{
	CHECK_EQ(lock->next, 1);
	lock->next = 0;
}

u64 spin_lock_irqsave(struct spinlock *lock)
{
	spin_lock(lock);
	return 0;
}

void spin_unlock_irqrestore(struct spinlock *lock, u64 saved)
{
	spin_unlock(lock);
}

int cpu_call(u32 cpu, int (*fn)(void *arg), void *arg)
{
	u32 caller = running;
	bool irqs_on = world.irqs_on;
	int result;

	CHECK(irqs_on);
	running = cpu;
	world.irqs_on = false;
	result = fn(arg);
	world.irqs_on = irqs_on;
	running = caller;
	return result;
}

static void core_main(void)
{
	u32 me = running;

	all.core[me].result = all.fn(all.arg);
	all.core[me].done = true;
	for (u32 next = 0; next < WORLD_CORES; next++) {
		if (!all.core[next].done) {
			running = next;
			setcontext(&all.core[next].context);
		}
	}
	setcontext(&all.caller);
}

int cpu_call_all(int (*fn)(void *arg), void *arg, int *results)
{
	u32 caller = running;
	int first = 0;

	CHECK(world.irqs_on);
	CHECK(!all.under_way);
	world.irqs_on = false;
	all.under_way = true;
	all.fn = fn;
	all.arg = arg;
	for (u32 cpu = 0; cpu < WORLD_CORES; cpu++) {
		getcontext(&all.core[cpu].context);
		all.core[cpu].context.uc_stack.ss_sp = all.core[cpu].stack;
		all.core[cpu].context.uc_stack.ss_size = CORE_STACK_BYTES;
		all.core[cpu].done = false;
		makecontext(&all.core[cpu].context, core_main, 0);
	}
	running = 0;
	swapcontext(&all.caller, &all.core[0].context);
	running = caller;
	all.under_way = false;
	world.irqs_on = true;
	for (u32 cpu = 0; cpu < WORLD_CORES; cpu++) {
		if (results)
			results[cpu] = all.core[cpu].result;
		if (!first)
			first = all.core[cpu].result;
	}
	return first;
}

u64 time_ns(void)
{
	return world.now_ns += 1000;
}

void time_udelay(u64 us)
{
	world.now_ns += us * 1000;
}

void irq_dispatch(u8 vector)
{
	CHECK(!world.irqs_on);
	world.dispatched = vector;
}

void console_register(const struct console_command *command)
{
}

void console_printf(const char *format, ...)
{
}

void log_write(enum log_level level, const char *subject, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (getenv("UNIT_LOG"))
		printf("%s: %s\n", subject, text);
}

void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	abort();
}

/* ---- the world ---- */

static void map_ram(void)
{
	void *want = hpa_to_hva(HPA(0));
	void *got = mmap(want, WORLD_RAM, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (got != want) {
		perror("RAM of the unit tests");
		abort();
	}
}

void tdx_world_reset(void)
{
	static struct boot_info boot;

	map_ram();
	memset(&world, 0, sizeof(world));
	memset(cpus, 0, sizeof(cpus));
	memset(unmapped, 0, sizeof(unmapped));
	world.irqs_on = true;
	world.tsc_hz = 2000000000;
	world.cores = WORLD_CORES;
	running = 0;
	for (u32 cpu = 0; cpu < MAX_CPUS; cpu++) {
		cpus[cpu].id = cpu;
		cpus[cpu].apic_id = 0x10 + cpu;
		cpus[cpu].package = cpu / 2;
	}
	boot.range_count = 1;
	boot.ranges[0] = (struct boot_range){ MIB(1), WORLD_RAM - MIB(1), BOOT_RANGE_RAM };
	page_init(&boot);
	fake_module_reset(MIB(1), WORLD_RAM - MIB(1));
	keyid_init(32, 8, 46);
	td_gate_open();
}

void tdx_world_ready(void)
{
	tdx_world_reset();
	fake_module_make_ready();
	CHECK_EQ(tdx_sysinfo_read(), 0);
	CHECK_EQ(page_carve_td_pool(HPA(WORLD_POOL_BASE), WORLD_POOL_BYTES), WORLD_POOL_BYTES / PAGE_SIZE);
	CHECK_EQ(arch_direct_map_remove(HPA(WORLD_POOL_BASE), WORLD_POOL_BYTES), 0);
}

void tdx_world_run_on(u32 cpu)
{
	running = cpu;
}

u64 tdx_world_unmapped_bytes(void)
{
	u64 pages = 0;

	for (u64 page = 0; page < ARRAY_SIZE(unmapped); page++)
		pages += unmapped[page];
	return pages * PAGE_SIZE;
}

/* ---- one TD ---- */

void tdx_test_begin(void)
{
	tdx_world_ready();
	memset(&test_td, 0, sizeof(test_td));
	memset(&test_vcpu, 0, sizeof(test_vcpu));
	page_books_read(&noted);
}

struct td_params *tdx_test_params(void)
{
	static struct td_params params;

	params = (struct td_params){
		.max_vcpus = 1,
		.xfam = TD_XFAM_X87 | TD_XFAM_SSE,
		.eptp_controls = TD_EPTP_WB | TD_EPTP_WALK_4_LEVELS,
		.config_flags = TD_CONFIG_NO_RBP_MOD,
		.tsc_frequency = 80,
	};
	return &params;
}

int tdx_test_create_td(void)
{
	int result = td_create(&test_td, tdx_test_params());

	return result ? result : vcpu_create(&test_vcpu, &test_td, 0x1234, HPA(WORLD_SHARED_ROOT));
}

void tdx_test_destroy_and_compare(void)
{
	struct page_books books;

	td_destroy(&test_td);
	page_books_read(&books);
	CHECK(page_books_equal(&noted, &books));
	CHECK_EQ(fake_held_pages(), 0);
	CHECK_EQ(tdx_world_unmapped_bytes(), WORLD_POOL_BYTES);
}

u64 tdx_test_free_pool_pages(void)
{
	struct page_books books;

	page_books_read(&books);
	return books.pages[ZONE_TD][PAGE_FREE];
}

bool acpi_is_hotplug_memory(hpa_t start, u64 bytes)
{
	return start.raw < world.hotplug_end && world.hotplug_base < start.raw + bytes;
}
