/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks: host work and vCPUs. Each has its own stack and is pinned to one core; a core runs its ready tasks round robin
 * with a time slice. Inside a task the only ways to wait are event_wait(), task_sleep_until() and task_yield().
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "include/cella/types.h"
#include "kernel/lock.h"
#include "kernel/timer.h"

struct task;

/* A latch: set by anybody, interrupt handlers included; cleared by the one task that waits for it. */
struct event {
	u32 set;
	struct task *waiter;
	struct spinlock lock;
};

enum task_state {
	TASK_READY,	/* in its core's run queue */
	TASK_RUNNING,
	TASK_BLOCKED,
	TASK_DEAD,	/* waits for task_join() */
};

struct task {
	u64 saved_sp;	/* arch's part: stack pointer while not running */
	char name[24];	/* (c) */
	u32 cpu;	/* (c) core the task is pinned to */
	enum task_state state;	/* (l) its core's run_lock */
	struct task *next;	/* (l) run queue */
	void *stack_top;	/* (c) NULL for an idle task, which owns its core's boot stack */
	void (*entry)(void *arg);	/* (c) */
	void *arg;	/* (c) */
	u64 slice_end_ns;	/* (o) */
	u64 run_ns;	/* (o) time spent running */
	struct event done;	/* its function returned and its stack is left */
};

/**
 * sched_init() - the vector by which cores point each other at their run queues. Boot core, once, after arch_cpu_init()
 */
void sched_init(void);
/** sched_init_cpu() - the running context becomes this core's idle task */
void sched_init_cpu(struct task *idle);
/** sched_idle_loop() - what an idle task does for ever: run ready tasks, then halt */
__noreturn void sched_idle_loop(void);

/**
 * task_start() - a new task on core @cpu
 * @task: caller's memory, lives until task_join(). @name: truncated to fit. -ENOMEM: no stack; -EINVAL: no such core
 */
int __must_check task_start(struct task *task, const char *name, u32 cpu, void (*entry)(void *arg), void *arg);
/** task_join() - wait until the task's function has returned, then free its stack. From another task, once */
void task_join(struct task *task);
/** task_yield() - let the other ready tasks of this core run */
void task_yield(void);
/** task_sleep_until() - until time_ns() reaches @deadline_ns */
void task_sleep_until(u64 deadline_ns);
/** sched_poll() - yield if the time slice is over or a wake-up asked for it; called between two entries of a vCPU */
void sched_poll(void);

void event_init(struct event *event);
/** event_signal() - set it and wake the waiter. Any core, any context */
void event_signal(struct event *event);
/** event_wait() - block until set, then clear. event_wait_until() - false when @deadline_ns passed first */
void event_wait(struct event *event);
bool event_wait_until(struct event *event, u64 deadline_ns);
/** event_poll() - clear it without waiting; was it set? */
bool event_poll(struct event *event);

#endif
