/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks and events on fake cores: real contexts, time that only moves when asked. */
#include "kernel/sched.h"

#include <string.h>

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/irq.h"
#include "kernel/percpu.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

static char trace[200];

static void note(const char *text)
{
	strncat(trace, text, sizeof(trace) - strlen(trace) - 1);
}

static void begin(u32 cores)
{
	fake_reset(cores);
	trace[0] = '\0';
}

static void three_turns(void *arg)
{
	for (u32 i = 0; i < 3; i++) {
		note(arg);
		task_yield();
	}
}

TEST(ready_tasks_take_turns)
{
	struct task a, b, c;

	begin(1);
	CHECK_EQ(task_start(&a, "a", 0, three_turns, "a"), 0);
	CHECK_EQ(task_start(&b, "b", 0, three_turns, "b"), 0);
	CHECK_EQ(task_start(&c, "c", 0, three_turns, "c"), 0);
	fake_run();
	CHECK_STR(trace, "abcabcabc");
	CHECK_EQ(a.state, TASK_DEAD);
	CHECK(event_poll(&a.done) && event_poll(&b.done) && event_poll(&c.done));
	arch_stack_free(a.stack_top);
	arch_stack_free(b.stack_top);
	arch_stack_free(c.stack_top);
}

static void joiner(void *arg)
{
	struct task child;

	CHECK_EQ(task_start(&child, "child", *(u32 *)arg, three_turns, "x"), 0);
	task_join(&child);
	note("joined");
}

static void run_and_free(struct task *task)
{
	fake_run();
	CHECK_EQ(task->state, TASK_DEAD);
	if (task->state == TASK_DEAD)
		arch_stack_free(task->stack_top);
	CHECK_EQ(fake.stacks, 0);
}

TEST(join_waits_and_frees_the_stack)
{
	struct task parent;

	for (u32 core = 0; core < 2; core++) {
		begin(2);
		CHECK_EQ(task_start(&parent, "parent", 0, joiner, &core), 0);
		run_and_free(&parent);
		CHECK_STR(trace, "xxxjoined");
	}
}

TEST(a_task_needs_a_core_and_a_stack)
{
	struct task task;

	begin(2);
	CHECK_EQ(task_start(&task, "t", 2, three_turns, ""), -EINVAL);
	fake.no_stack = true;
	CHECK_EQ(task_start(&task, "t", 0, three_turns, ""), -ENOMEM);
}

static struct event event;

static void waiter(void *arg)
{
	event_wait(&event);
	note("woken");
}

TEST(an_event_set_before_is_not_lost)
{
	struct task task;

	begin(1);
	event_init(&event);
	event_signal(&event);
	event_signal(&event);	/* a latch: twice is once */
	CHECK_EQ(task_start(&task, "t", 0, waiter, NULL), 0);
	run_and_free(&task);
	CHECK_STR(trace, "woken");
	CHECK(!event_poll(&event));
}

TEST(an_event_from_another_core_wakes_by_interrupt)
{
	struct task task;

	begin(2);
	event_init(&event);
	CHECK_EQ(task_start(&task, "t", 1, waiter, NULL), 0);
	CHECK_EQ(fake.ipis[VECTOR_RESCHED], 1);
	fake_run();
	CHECK_STR(trace, "");
	CHECK_EQ(task.state, TASK_BLOCKED);
	event_signal(&event);
	CHECK_EQ(fake.ipis[VECTOR_RESCHED], 2);
	CHECK(cpu_at(1)->need_resched);
	run_and_free(&task);
	CHECK_STR(trace, "woken");
}

static void wait_100us(void *arg)
{
	u64 deadline = time_ns() + 100000;

	note(event_wait_until(&event, deadline) ? "set" : "late");
	CHECK_EQ(time_ns() >= deadline, *(bool *)arg);
}

TEST(a_wait_ends_at_its_deadline)
{
	struct task task;
	bool late = true;

	begin(1);
	event_init(&event);
	CHECK_EQ(task_start(&task, "t", 0, wait_100us, &late), 0);
	run_and_free(&task);
	CHECK_STR(trace, "late");
	CHECK(!event.waiter);
	CHECK_EQ(fake.timer_tsc[0], 0);
}

TEST(a_wait_that_was_served_leaves_no_timer)
{
	struct task task;
	bool late = false;

	begin(1);
	event_init(&event);
	CHECK_EQ(task_start(&task, "t", 0, wait_100us, &late), 0);
	fake_run_ready();
	fake_advance(50000);
	event_signal(&event);
	fake_run_ready();
	CHECK_STR(trace, "set");
	CHECK_EQ(fake.timer_tsc[0], 0);
	run_and_free(&task);
}

static struct event ping, pong;

static void play(void *arg)
{
	bool serves = arg != NULL;

	for (u32 i = 0; i < 500; i++) {
		if (serves)
			event_signal(&ping);
		event_wait(serves ? &pong : &ping);
		if (!serves)
			event_signal(&pong);
	}
	note("end ");
}

TEST(ping_pong_across_cores_loses_nothing)
{
	struct task a, b;

	begin(2);
	event_init(&ping);
	event_init(&pong);
	CHECK_EQ(task_start(&a, "a", 0, play, "serves"), 0);
	CHECK_EQ(task_start(&b, "b", 1, play, NULL), 0);
	fake_run();
	CHECK_STR(trace, "end end ");
	arch_stack_free(a.stack_top);
	arch_stack_free(b.stack_top);
}

static void sleeper(void *arg)
{
	u64 until = time_ns() + *(u64 *)arg;

	task_sleep_until(until);
	CHECK(time_ns() >= until);
	CHECK(time_ns() < until + 1000);
	note(*(u64 *)arg > 1000000 ? "long " : "short ");
}

TEST(sleepers_wake_at_their_time)
{
	struct task a, b;
	u64 long_ns = 5 * NS_PER_MS, short_ns = 100000;

	begin(1);
	CHECK_EQ(task_start(&a, "a", 0, sleeper, &long_ns), 0);
	CHECK_EQ(task_start(&b, "b", 0, sleeper, &short_ns), 0);
	fake_run();
	CHECK_STR(trace, "short long ");
	arch_stack_free(a.stack_top);
	arch_stack_free(b.stack_top);
}

static void worker(void *arg)
{
	/* 40 ms of work that polls every millisecond */
	for (u32 i = 0; i < 40; i++) {
		fake_advance(NS_PER_MS);
		if (i % 10 == 5)
			note(arg);
		sched_poll();
	}
}

TEST(polling_tasks_share_the_core_by_time_slice)
{
	struct task a, b;

	begin(1);
	CHECK_EQ(task_start(&a, "a", 0, worker, "a"), 0);
	CHECK_EQ(task_start(&b, "b", 0, worker, "b"), 0);
	fake_run();
	CHECK_STR(trace, "abababab");
	CHECK(a.run_ns >= 39 * NS_PER_MS && a.run_ns <= 42 * NS_PER_MS);
	arch_stack_free(a.stack_top);
	arch_stack_free(b.stack_top);
}

TEST(waiting_in_the_idle_task_is_our_own_bug)
{
	begin(1);
	event_init(&event);
	CHECK_PANICS(event_wait(&event));
}
