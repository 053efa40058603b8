/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on other cores: a queue per core for calls to one core, and one broadcast at a time for calls to all.
 *
 * A caller keeps its call on its stack and waits until the target marked it done; that store is the target's last
 * touch. Whoever waits also serves what others asked of its own core, so two cores that call each other both get on,
 * whether their interrupts are on or not.
 */
#include "kernel/cpu_call.h"

#include "include/cella/arch.h"
#include "kernel/irq.h"
#include "kernel/lock.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

struct call {
	int (*fn)(void *arg);
	void *arg;
	int result;
	bool done;	/* atomic: result is there */
	struct call *next;
};

struct call_queue {
	struct spinlock lock;
	struct call *head;	/* (l) */
	struct call **tail;	/* (l) NULL: queue never used */
	bool broadcast;	/* atomic: this core has not run the broadcast yet */
};

static struct {
	struct call_queue queues[MAX_CPUS];
	/* the broadcast under way; its caller owns all of it while @busy */
	bool busy;	/* atomic */
	int (*fn)(void *arg);
	void *arg;
	int results[MAX_CPUS];
	u32 left;	/* atomic: cores that have not run it */
} calls;

static struct call *take_call(struct call_queue *queue)
{
	struct call *call;

	spin_lock(&queue->lock);
	call = queue->head;
	if (call) {
		queue->head = call->next;
		if (!queue->head)
			queue->tail = &queue->head;
	}
	spin_unlock(&queue->lock);
	return call;
}

/* Run all that other cores want of core @cpu, which is the running one. Interrupts off. */
static void serve(u32 cpu)
{
	struct call_queue *queue = &calls.queues[cpu];
	struct call *call;

	if (__atomic_exchange_n(&queue->broadcast, false, __ATOMIC_ACQUIRE)) {
		calls.results[cpu] = calls.fn(calls.arg);
		__atomic_fetch_sub(&calls.left, 1, __ATOMIC_RELEASE);
	}
	while ((call = take_call(queue)) != NULL) {
		call->result = call->fn(call->arg);
		__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
	}
}

static void serve_own(void)
{
	u64 saved = arch_irq_save();

	serve(arch_this_cpu()->id);
	arch_irq_restore(saved);
	arch_cpu_relax();
}

static void cpu_call_interrupt(void *arg)
{
	(void)arg;
	serve(arch_this_cpu()->id);
}

void cpu_call_init(void)
{
	int taken = irq_register(VECTOR_CPU_CALL, cpu_call_interrupt, NULL);

	panic_if(taken, "cpu_call_init() called twice");
}

static int run_here(int (*fn)(void *arg), void *arg)
{
	u64 saved = arch_irq_save();
	int result = fn(arg);

	arch_irq_restore(saved);
	return result;
}

static void check_caller(void)
{
	panic_if(arch_this_cpu()->irq_depth > 0, "cpu_call from an interrupt handler");
}

int cpu_call(u32 cpu, int (*fn)(void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg };
	struct call_queue *queue = &calls.queues[cpu];
	u64 saved;

	check_caller();
	panic_if(cpu >= cpu_count(), "cpu_call to core %u of %u", cpu, cpu_count());
	if (cpu == arch_this_cpu()->id)
		return run_here(fn, arg);
	saved = spin_lock_irqsave(&queue->lock);
	if (!queue->tail)
		queue->tail = &queue->head;
	*queue->tail = &call;
	queue->tail = &call.next;
	spin_unlock_irqrestore(&queue->lock, saved);
	arch_ipi(cpu, VECTOR_CPU_CALL);
	while (!__atomic_load_n(&call.done, __ATOMIC_ACQUIRE))
		serve_own();
	return call.result;
}

int cpu_call_all(int (*fn)(void *arg), void *arg, int *results)
{
	u32 count = cpu_count();
	u32 me = arch_this_cpu()->id;
	int first = 0;

	check_caller();
	while (__atomic_exchange_n(&calls.busy, true, __ATOMIC_ACQUIRE))
		serve_own();
	calls.fn = fn;
	calls.arg = arg;
	__atomic_store_n(&calls.left, count - 1, __ATOMIC_RELAXED);
	for (u32 cpu = 0; cpu < count; cpu++) {
		if (cpu == me)
			continue;
		__atomic_store_n(&calls.queues[cpu].broadcast, true, __ATOMIC_RELEASE);
		arch_ipi(cpu, VECTOR_CPU_CALL);
	}
	calls.results[me] = run_here(fn, arg);
	while (__atomic_load_n(&calls.left, __ATOMIC_ACQUIRE))
		serve_own();
	for (u32 cpu = 0; cpu < count; cpu++) {
		if (results)
			results[cpu] = calls.results[cpu];
		if (!first)
			first = calls.results[cpu];
	}
	__atomic_store_n(&calls.busy, false, __ATOMIC_RELEASE);
	return first;
}
