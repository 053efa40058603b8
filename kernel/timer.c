/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock, and per-core timeouts: each core has a list sorted by deadline and programs its timer for the first.
 *
 * The list is touched by its own core only, with interrupts off; no lock. The hardware is never set further than an
 * hour ahead: an early interrupt finds nothing due and sets it again.
 */
#include "kernel/timer.h"

#include "include/cella/arch.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

#define FARTHEST_NS (3600 * NS_PER_S)
#define US_PER_S 1000000ull

#define NOT_STARTED (~0ull)

static u64 entry_tsc = NOT_STARTED;

void time_start(u64 tsc)
{
	entry_tsc = tsc;
}

/* value * to / from without overflow in between; the result must fit. */
static u64 scale(u64 value, u64 to, u64 from)
{
	return value / from * to + value % from * to / from;
}

u64 time_tsc_to_ns(u64 tsc)
{
	return scale(tsc, NS_PER_S, arch_tsc_hz());
}

u64 time_ns_to_tsc(u64 ns)
{
	return scale(ns, arch_tsc_hz(), NS_PER_S);
}

u64 time_ns(void)
{
	u64 tsc = arch_tsc();

	return tsc > entry_tsc ? time_tsc_to_ns(tsc - entry_tsc) : 0;
}

void time_udelay(u64 us)
{
	u64 start = arch_tsc();
	u64 wait = scale(us, arch_tsc_hz(), US_PER_S);

	while (arch_tsc() - start < wait)
		arch_cpu_relax();
}

/* Set the hardware for the first timer of the list. Interrupts off. */
static void program(const struct percpu *cpu)
{
	u64 deadline;

	if (!cpu->timers) {
		arch_timer_set(0);
		return;
	}
	deadline = MIN(cpu->timers->deadline_ns, time_ns() + FARTHEST_NS);
	/* one tick more: when it fires, time_ns() has reached the deadline */
	arch_timer_set(entry_tsc + time_ns_to_tsc(deadline) + 1);
}

static void unlink_timer(struct percpu *cpu, struct timer *timer)
{
	struct timer **link = &cpu->timers;

	while (*link && *link != timer)
		link = &(*link)->next;
	panic_if(!*link, "timer %p is armed and in no list of core %u", (void *)timer, cpu->id);
	*link = timer->next;
	timer->next = NULL;
	timer->armed = false;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
	*timer = (struct timer){ .fire = fire };
}

void timer_set(struct timer *timer, u64 deadline_ns)
{
	u64 saved = arch_irq_save();
	struct percpu *cpu = arch_this_cpu();
	struct timer **link = &cpu->timers;

	panic_if(timer->armed && timer->cpu != cpu->id, "timer of core %u set by core %u", timer->cpu, cpu->id);
	if (timer->armed)
		unlink_timer(cpu, timer);
	/* Never in the past: a handler that sets itself again must not keep timer_interrupt() in its loop. */
	timer->deadline_ns = MAX(deadline_ns, time_ns() + 1);
	while (*link && (*link)->deadline_ns <= timer->deadline_ns)
		link = &(*link)->next;
	timer->next = *link;
	timer->cpu = cpu->id;
	timer->armed = true;
	*link = timer;
	if (cpu->timers == timer)
		program(cpu);
	arch_irq_restore(saved);
}

void timer_cancel(struct timer *timer)
{
	u64 saved = arch_irq_save();
	struct percpu *cpu = arch_this_cpu();

	if (timer->armed) {
		bool first = cpu->timers == timer;

		panic_if(timer->cpu != cpu->id, "timer of core %u cancelled by core %u", timer->cpu, cpu->id);
		unlink_timer(cpu, timer);
		if (first)
			program(cpu);
	}
	arch_irq_restore(saved);
}

void timer_interrupt(void *arg)
{
	struct percpu *cpu = arch_this_cpu();
	u64 now = time_ns();

	(void)arg;
	while (cpu->timers && cpu->timers->deadline_ns <= now) {
		struct timer *timer = cpu->timers;

		unlink_timer(cpu, timer);
		timer->fire(timer);	/* may set it again, for later than @now */
	}
	program(cpu);
}
