/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_arch.h. Also supplies panic() and the image's place, whose own files need the real machine. */
#include "tests/unit/fake_arch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "include/cella/arch.h"
#include "kernel/cpu_call.h"
#include "kernel/image.h"
#include "kernel/irq.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "kernel/timer.h"

#define FAKE_HZ NS_PER_S
#define FAKE_STACK_BYTES (256 * 1024)	/* sanitizers make frames large */
#define MAX_CONTEXTS 128
#define START_NS NS_PER_S

struct fake_arch fake;

static struct {
	u32 cpu;	/* the core that runs */
	u32 context_count;
	struct {
		ucontext_t context;
		void (*entry)(void *arg);
		void *arg;
	} contexts[MAX_CONTEXTS];
	struct task idle[MAX_CPUS];
	void *stacks[MAX_CONTEXTS];	/* allocated and not freed */
	bool ready;	/* RAM is there, vectors are registered */
} machine;

/* ---- this machine ---- */

static void build_machine(void)
{
	void *wanted = (void *)DIRECT_MAP_BASE;
	void *got = mmap(wanted, FAKE_RAM_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (got != wanted) {
		printf("fake_arch: no address space for RAM at %p\n", wanted);
		exit(1);
	}
	panic_if(irq_register(VECTOR_TIMER, timer_interrupt, NULL), "timer vector taken");
	cpu_call_init();
	sched_init();
	cpu_boot_core_ready();
	machine.ready = true;
}

void fake_reset(u32 cores)
{
	while (fake.stacks)
		free(machine.stacks[--fake.stacks]);
	memset(&fake, 0, sizeof(fake));
	fake.tsc = START_NS;
	time_start(0);
	machine.context_count = 0;
	cpu_set_count(cores);
	for (u32 id = 0; id < cores; id++) {
		memset(cpu_at(id), 0, sizeof(struct percpu));
		cpu_at(id)->self = cpu_at(id);
		cpu_at(id)->id = id;
		cpu_at(id)->apic_id = id;
		cpu_at(id)->online = true;
	}
	if (!machine.ready)
		build_machine();
	for (u32 id = cores; id-- > 0;) {
		fake_set_cpu(id);
		sched_init_cpu(&machine.idle[id]);
	}
	fake.irqs_enabled = true;
}

void fake_set_cpu(u32 id)
{
	machine.cpu = id;
}

/* The interrupt comes on core @cpu, between two instructions of whatever the test is doing. */
static void interrupt(u32 cpu, u8 vector)
{
	u32 before = machine.cpu;
	bool enabled = fake.irqs_enabled;

	machine.cpu = cpu;
	fake.irqs_enabled = false;
	irq_dispatch(vector);
	fake.irqs_enabled = enabled;
	machine.cpu = before;
}

/* Core whose timer fires first, or cpu_count() when none is armed. */
static u32 first_timer(void)
{
	u32 first = cpu_count();

	for (u32 id = 0; id < cpu_count(); id++) {
		if (fake.timer_tsc[id] && (first == cpu_count() || fake.timer_tsc[id] < fake.timer_tsc[first]))
			first = id;
	}
	return first;
}

void fake_advance(u64 ns)
{
	u64 end = fake.tsc + ns;
	u32 id;

	while ((id = first_timer()) < cpu_count() && fake.timer_tsc[id] <= end) {
		if (fake.timer_tsc[id] > fake.tsc)
			fake.tsc = fake.timer_tsc[id];
		fake.timer_tsc[id] = 0;
		interrupt(id, VECTOR_TIMER);
	}
	fake.tsc = end;
}

void fake_run_ready(void)
{
	u32 before = machine.cpu;
	bool ran = true;

	while (ran) {
		ran = false;
		for (u32 id = 0; id < cpu_count(); id++) {
			if (!cpu_at(id)->run_head)
				continue;
			machine.cpu = id;
			task_yield();
			ran = true;
		}
	}
	machine.cpu = before;
}

void fake_run(void)
{
	u32 id;

	for (;;) {
		fake_run_ready();
		id = first_timer();
		if (id == cpu_count())
			return;
		fake_advance(fake.timer_tsc[id] > fake.tsc ? fake.timer_tsc[id] - fake.tsc : 0);
	}
}

/* ---- include/cella/arch.h: this core ---- */

struct percpu *arch_this_cpu(void)
{
	return cpu_at(machine.cpu);
}

u64 arch_irq_save(void)
{
	bool before = fake.irqs_enabled;

	fake.irqs_enabled = false;
	return before;
}

void arch_irq_restore(u64 saved)
{
	fake.irqs_enabled = saved;
}

bool arch_irqs_enabled(void)
{
	return fake.irqs_enabled;
}

void arch_irq_enable(void)
{
	fake.irqs_enabled = true;
}

void arch_irq_disable(void)
{
	fake.irqs_enabled = false;
}

void arch_cpu_relax(void)
{
	fake.tsc++;	/* so that waits with a time limit end */
}

void arch_cpu_idle(void)
{
	u64 next = fake.timer_tsc[machine.cpu];

	if (next)
		fake_advance(next > fake.tsc ? next - fake.tsc : 0);
}

void arch_cpu_stop(void)
{
	printf("fake_arch: a core was stopped\n");
	exit(1);
}

/* ---- memory ---- */

int arch_direct_map_remove(hpa_t start, u64 bytes)
{
	if (!fake.map_result)
		fake.unmapped_bytes += bytes;
	return fake.map_result;
}

int arch_direct_map_restore(hpa_t start, u64 bytes)
{
	fake.unmapped_bytes -= bytes;
	return 0;
}

void arch_window_clear(hpa_t page, u64 bytes)
{
	fake.window_cleared_bytes += bytes;
	if (page.raw + bytes <= FAKE_RAM_BYTES)
		memset(hpa_to_hva(page), 0, bytes);
}

void arch_cache_writeback_invalidate(void)
{
	fake.cache_writebacks++;
}

void *arch_map_device(hpa_t start, u64 bytes)
{
	return NULL;
}

void *arch_stack_alloc(void)
{
	char *stack;

	if (fake.no_stack || fake.stacks == MAX_CONTEXTS)
		return NULL;
	stack = malloc(FAKE_STACK_BYTES);
	machine.stacks[fake.stacks++] = stack;
	return stack + FAKE_STACK_BYTES;
}

void arch_stack_free(void *top)
{
	void *stack = (char *)top - FAKE_STACK_BYTES;
	u32 i = 0;

	while (i < fake.stacks && machine.stacks[i] != stack)
		i++;
	panic_if(i == fake.stacks, "fake_arch: %p is no stack", top);
	machine.stacks[i] = machine.stacks[--fake.stacks];
	free(stack);
}

/* ---- time, interrupts between cores ---- */

u64 arch_tsc(void)
{
	return fake.tsc;
}

u64 arch_tsc_hz(void)
{
	return FAKE_HZ;
}

void arch_timer_set(u64 tsc)
{
	fake.timer_tsc[machine.cpu] = tsc;
}

void arch_ipi(u32 cpu, u8 vector)
{
	fake.ipis[vector]++;
	interrupt(cpu, vector);
}

void arch_ipi_self(u8 vector)
{
	arch_ipi(machine.cpu, vector);
}

void arch_nmi_others(void)
{
}

void arch_eoi(void)
{
	fake.eois++;
}

bool arch_random(u64 *value)
{
	static u64 state = 0x853c49e6748fea9bull;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	*value = state;
	return !fake.no_random;
}

/* ---- tasks ---- */

static void context_begin(u32 index)
{
	machine.contexts[index].entry(machine.contexts[index].arg);
}

/* Index of the task's context; a task that never was prepared (an idle task) gets one when it is left. */
static u64 context_of(struct task *task)
{
	if (!task->saved_sp) {
		panic_if(machine.context_count + 1 >= MAX_CONTEXTS, "fake_arch: too many tasks");
		task->saved_sp = ++machine.context_count;
	}
	return task->saved_sp;
}

void arch_task_prepare(struct task *task, void (*entry)(void *arg), void *arg)
{
	u64 index = context_of(task);
	ucontext_t *context = &machine.contexts[index].context;

	machine.contexts[index].entry = entry;
	machine.contexts[index].arg = arg;
	getcontext(context);
	context->uc_stack.ss_sp = (char *)task->stack_top - FAKE_STACK_BYTES;
	context->uc_stack.ss_size = FAKE_STACK_BYTES;
	context->uc_link = NULL;
	makecontext(context, (void (*)(void))context_begin, 1, (u32)index);
}

void arch_switch(struct task *from, struct task *to)
{
	swapcontext(&machine.contexts[context_of(from)].context, &machine.contexts[context_of(to)].context);
}

/* ---- the end ---- */

void arch_backtrace(void)
{
}

void arch_power_off(void)
{
}

void arch_reboot(void)
{
}

void arch_console_putc(char c)
{
}

/* ---- kernel/panic.h, kernel/image.h ---- */

void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fake.panic_text, sizeof(fake.panic_text), format, args);
	va_end(args);
	if (fake.panic_to)
		longjmp(*fake.panic_to, 1);
	printf("panic: %s\n", fake.panic_text);
	abort();
}

void panic_set_flush(void (*flush)(void))
{
}

hpa_t image_hpa(void)
{
	return HPA(FAKE_IMAGE_HPA);
}

u64 image_bytes(void)
{
	return FAKE_IMAGE_BYTES;
}
