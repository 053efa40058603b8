/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks and events. Each core has a run queue of ready tasks, served round robin; a task is pinned to its core, and
 * leaves it only where it waits, yields or polls: an interrupt never switches tasks.
 *
 * No wake-up is lost: a task marks itself TASK_BLOCKED while it holds the event's lock, before it leaves the core; a
 * waker that comes in between finds it blocked, puts it back into its own core's queue, and schedule() picks it up from
 * there. A waker touches the task only under the event's lock, which the task takes again before it goes on.
 *
 * Locks: event, then run_lock. schedule() runs with interrupts off.
 */
#include "kernel/sched.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/irq.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

#define SLICE_NS (10 * NS_PER_MS)
#define NO_DEADLINE (~0ull)

/* Ends the time slice of what runs on the core. */
static struct timer slice_timers[MAX_CPUS];

static void slice_over(struct timer *timer)
{
	(void)timer;
	arch_this_cpu()->need_resched = true;
}

/* VECTOR_RESCHED: the run queue changed. As an interrupt it also ends a halt or a stay in a TD. */
static void resched_interrupt(void *arg)
{
	(void)arg;
	arch_this_cpu()->need_resched = true;
}

void sched_init(void)
{
	int taken = irq_register(VECTOR_RESCHED, resched_interrupt, NULL);

	panic_if(taken, "sched_init() called twice");
}

void sched_init_cpu(struct task *idle)
{
	struct percpu *cpu = arch_this_cpu();

	*idle = (struct task){ .cpu = cpu->id, .state = TASK_RUNNING };
	format_text(idle->name, sizeof(idle->name), "idle/%u", cpu->id);
	timer_init(&slice_timers[cpu->id], slice_over);
	cpu->idle = idle;
	cpu->current = idle;
	cpu->switched_ns = time_ns();
}

/* ---- the run queue, under run_lock ---- */

static void enqueue(struct percpu *cpu, struct task *task)
{
	task->state = TASK_READY;
	task->next = NULL;
	if (cpu->run_tail)
		cpu->run_tail->next = task;
	else
		cpu->run_head = task;
	cpu->run_tail = task;
}

static struct task *dequeue(struct percpu *cpu)
{
	struct task *task = cpu->run_head;

	if (!task)
		return cpu->idle;
	cpu->run_head = task->next;
	if (!cpu->run_head)
		cpu->run_tail = NULL;
	task->next = NULL;
	return task;
}

/* ---- switching ---- */

/* First thing in every context that was switched to: the task that ended has left its stack now. */
static void finish_switch(struct percpu *cpu)
{
	struct task *dying = cpu->dying;

	cpu->dying = NULL;
	if (dying)
		event_signal(&dying->done);	/* its memory may be gone after this */
}

/* A slice ends only if another task waits for the core. */
static void start_slice(struct percpu *cpu, struct task *task, u64 now, bool others_wait)
{
	task->slice_end_ns = now + SLICE_NS;
	if (others_wait)
		timer_set(&slice_timers[cpu->id], task->slice_end_ns);
	else
		timer_cancel(&slice_timers[cpu->id]);
}

/* Give the core to the next ready task; back when this context's turn comes again. Interrupts off. */
static void schedule(void)
{
	struct percpu *cpu = arch_this_cpu();
	struct task *from = cpu->current;
	struct task *to;
	u64 now = time_ns();
	bool others_wait;

	spin_lock(&cpu->run_lock);
	if (from->state == TASK_RUNNING && from != cpu->idle)
		enqueue(cpu, from);
	to = dequeue(cpu);
	to->state = TASK_RUNNING;
	others_wait = cpu->run_head != NULL;
	cpu->current = to;
	cpu->need_resched = false;
	spin_unlock(&cpu->run_lock);

	from->run_ns += now - cpu->switched_ns;
	cpu->switched_ns = now;
	start_slice(cpu, to, now, others_wait);
	if (to != from) {
		arch_switch(from, to);
		finish_switch(cpu);
	}
}

void sched_idle_loop(void)
{
	struct percpu *cpu = arch_this_cpu();

	for (;;) {
		arch_irq_disable();
		if (!__atomic_load_n(&cpu->run_head, __ATOMIC_RELAXED)) {
			cpu->halted_at_ns = time_ns();
			/* A wake-up from here on comes with an interrupt, which is pending until the core halts. */
			arch_cpu_idle();
			cpu->idle_ns += time_ns() - cpu->halted_at_ns;
			cpu->halted_at_ns = 0;
		}
		schedule();
	}
}

/* ---- life of a task ---- */

/* Make a blocked task ready; nothing if it is not blocked. */
static void wake(struct task *task)
{
	struct percpu *cpu = cpu_at(task->cpu);
	u64 saved = spin_lock_irqsave(&cpu->run_lock);
	bool woken = task->state == TASK_BLOCKED;

	if (woken)
		enqueue(cpu, task);
	spin_unlock(&cpu->run_lock);
	if (woken && cpu == arch_this_cpu())
		cpu->need_resched = true;
	else if (woken)
		arch_ipi(cpu->id, VECTOR_RESCHED);
	arch_irq_restore(saved);
}

/* Where every task begins, with interrupts off. */
static void task_begin(void *arg)
{
	struct task *task = arg;
	struct percpu *cpu = arch_this_cpu();

	finish_switch(cpu);
	arch_irq_enable();
	task->entry(task->arg);
	arch_irq_disable();
	spin_lock(&cpu->run_lock);
	task->state = TASK_DEAD;
	spin_unlock(&cpu->run_lock);
	cpu->dying = task;
	schedule();
	panic("task \"%s\" runs after its end", task->name);
}

int task_start(struct task *task, const char *name, u32 cpu, void (*entry)(void *arg), void *arg)
{
	void *stack_top;

	if (cpu >= cpu_count())
		return -EINVAL;
	stack_top = arch_stack_alloc();
	if (!stack_top)
		return -ENOMEM;
	/* nothing fails below */
	*task = (struct task){ .cpu = cpu, .state = TASK_BLOCKED, .stack_top = stack_top, .entry = entry, .arg = arg };
	copy_text(task->name, name, sizeof(task->name));
	event_init(&task->done);
	arch_task_prepare(task, task_begin, task);
	wake(task);
	return 0;
}

void task_join(struct task *task)
{
	event_wait(&task->done);
	panic_if(task->state != TASK_DEAD, "task \"%s\" joined in state %u", task->name, task->state);
	arch_stack_free(task->stack_top);
	task->stack_top = NULL;
}

void task_yield(void)
{
	u64 saved = arch_irq_save();

	schedule();
	arch_irq_restore(saved);
}

void sched_poll(void)
{
	if (arch_this_cpu()->need_resched)
		task_yield();
}

/* ---- waiting ---- */

/* The running task, which is about to wait. */
static struct task *waiting_task(void)
{
	struct percpu *cpu = arch_this_cpu();

	panic_if(cpu->irq_depth > 0 || cpu->current == cpu->idle, "core %u waits %s", cpu->id,
		 cpu->irq_depth > 0 ? "in an interrupt handler" : "in its idle task");
	return cpu->current;
}

/* Interrupts off; the caller holds the lock that the waker takes. */
static void mark_blocked(struct task *task)
{
	struct percpu *cpu = arch_this_cpu();

	spin_lock(&cpu->run_lock);
	task->state = TASK_BLOCKED;
	spin_unlock(&cpu->run_lock);
}

/* A timeout for the running task, on its stack. */
struct alarm {
	struct timer timer;
	struct task *task;
};

static void alarm_fire(struct timer *timer)
{
	wake(container_of(timer, struct alarm, timer)->task);
}

void task_sleep_until(u64 deadline_ns)
{
	struct alarm alarm = { .task = waiting_task() };
	u64 saved = arch_irq_save();

	timer_init(&alarm.timer, alarm_fire);
	while (time_ns() < deadline_ns) {
		/* The alarm comes on this core only, so with interrupts off it cannot come before the switch. */
		mark_blocked(alarm.task);
		timer_set(&alarm.timer, deadline_ns);
		schedule();
	}
	timer_cancel(&alarm.timer);
	arch_irq_restore(saved);
}

void event_init(struct event *event)
{
	*event = (struct event){ 0 };
}

void event_signal(struct event *event)
{
	u64 saved = spin_lock_irqsave(&event->lock);
	struct task *waiter = event->waiter;

	event->set = 1;
	event->waiter = NULL;
	if (waiter)
		wake(waiter);
	spin_unlock_irqrestore(&event->lock, saved);
}

bool event_poll(struct event *event)
{
	u64 saved = spin_lock_irqsave(&event->lock);
	bool was_set = event->set != 0;

	event->set = 0;
	spin_unlock_irqrestore(&event->lock, saved);
	return was_set;
}

bool event_wait_until(struct event *event, u64 deadline_ns)
{
	struct alarm alarm = { .task = waiting_task() };
	u64 saved = arch_irq_save();
	bool was_set;

	timer_init(&alarm.timer, alarm_fire);
	spin_lock(&event->lock);
	while (!event->set && (deadline_ns == NO_DEADLINE || time_ns() < deadline_ns)) {
		panic_if(event->waiter, "two tasks wait for one event: \"%s\" and \"%s\"", event->waiter->name,
			 alarm.task->name);
		event->waiter = alarm.task;
		mark_blocked(alarm.task);
		spin_unlock(&event->lock);
		if (deadline_ns != NO_DEADLINE)
			timer_set(&alarm.timer, deadline_ns);
		schedule();
		spin_lock(&event->lock);
		if (event->waiter == alarm.task)
			event->waiter = NULL;
	}
	was_set = event->set != 0;
	event->set = 0;
	spin_unlock(&event->lock);
	timer_cancel(&alarm.timer);
	arch_irq_restore(saved);
	return was_set;
}

void event_wait(struct event *event)
{
	event_wait_until(event, NO_DEADLINE);
}
