/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers fire once, in order, on their core; the clock converts exactly. */
#include "kernel/timer.h"

#include <string.h>

#include "kernel/percpu.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

static struct {
	struct timer *order[16];
	u64 at[16];
	u32 count;
} fired;

static void note(struct timer *timer)
{
	fired.order[fired.count] = timer;
	fired.at[fired.count++] = time_ns();
}

static void begin(void)
{
	fake_reset(2);
	memset(&fired, 0, sizeof(fired));
}

TEST(timers_fire_in_order_of_their_deadlines)
{
	struct timer a, b, c, d;
	u64 now;

	begin();
	now = time_ns();
	timer_init(&a, note);
	timer_init(&b, note);
	timer_init(&c, note);
	timer_init(&d, note);
	timer_set(&b, now + 200);
	timer_set(&c, now + 300);
	timer_set(&a, now + 100);
	timer_set(&d, now + 200);	/* equal: after b */
	fake_advance(150);
	CHECK_EQ(fired.count, 1);
	fake_advance(1000);
	CHECK_EQ(fired.count, 4);
	CHECK(fired.order[0] == &a && fired.order[1] == &b && fired.order[2] == &d && fired.order[3] == &c);
	for (u32 i = 0; i < 4; i++)
		CHECK(fired.at[i] >= fired.order[i]->deadline_ns);
	CHECK(!a.armed && !d.armed);
	CHECK_EQ(fake.timer_tsc[0], 0);
}

TEST(a_timer_set_again_moves)
{
	struct timer a;
	u64 now;

	begin();
	now = time_ns();
	timer_init(&a, note);
	timer_set(&a, now + 100);
	timer_set(&a, now + 1000);
	fake_advance(500);
	CHECK_EQ(fired.count, 0);
	timer_set(&a, now + 600);
	fake_advance(500);
	CHECK_EQ(fired.count, 1);
}

TEST(a_cancelled_timer_never_fires)
{
	struct timer a, b;

	begin();
	timer_init(&a, note);
	timer_init(&b, note);
	timer_set(&a, time_ns() + 100);
	timer_set(&b, time_ns() + 200);
	timer_cancel(&a);
	timer_cancel(&a);
	fake_advance(1000);
	CHECK_EQ(fired.count, 1);
	CHECK(fired.order[0] == &b);
}

static void again_at_once(struct timer *timer)
{
	note(timer);
	if (fired.count < 5)
		timer_set(timer, 0);
}

TEST(a_past_deadline_fires_at_once_and_does_not_hold_the_core)
{
	struct timer a;

	begin();
	timer_init(&a, again_at_once);
	timer_set(&a, 5);
	fake_advance(1);
	CHECK(fired.count < 5);	/* each time by an interrupt of its own */
	fake_advance(100);
	CHECK_EQ(fired.count, 5);
}

static struct timer victim;

static void cancel_victim(struct timer *timer)
{
	note(timer);
	timer_cancel(&victim);
}

TEST(a_handler_may_cancel_a_timer_that_is_due_too)
{
	struct timer a;

	begin();
	timer_init(&a, cancel_victim);
	timer_init(&victim, note);
	timer_set(&a, time_ns() + 10);
	timer_set(&victim, time_ns() + 11);
	fake.tsc += 1000;	/* both are due when the interrupt comes */
	fake_advance(1);
	CHECK_EQ(fired.count, 1);
}

TEST(a_far_deadline_is_reached_in_steps)
{
	struct timer a;
	u64 week = 7 * 24 * 3600 * NS_PER_S;

	begin();
	timer_init(&a, note);
	timer_set(&a, time_ns() + week);
	CHECK(fake.timer_tsc[0] <= fake.tsc + 3600 * NS_PER_S + 1);
	fake_advance(week - 10);
	CHECK_EQ(fired.count, 0);
	fake_advance(20);
	CHECK_EQ(fired.count, 1);
	timer_set(&a, ~0ull);
	CHECK(fake.timer_tsc[0] <= fake.tsc + 3600 * NS_PER_S + 1);
	timer_cancel(&a);
}

TEST(a_timer_belongs_to_the_core_that_set_it)
{
	struct timer a;

	begin();
	timer_init(&a, note);
	fake_set_cpu(1);
	timer_set(&a, time_ns() + 100);
	CHECK(fake.timer_tsc[1] && !fake.timer_tsc[0]);
	fake_set_cpu(0);
	CHECK_PANICS(timer_cancel(&a));
	fake.irqs_enabled = true;
	fake_advance(200);
	CHECK_EQ(fired.count, 1);
}

TEST(time_converts_both_ways)
{
	begin();
	CHECK_EQ(time_tsc_to_ns(123456789), 123456789);
	CHECK_EQ(time_ns_to_tsc(86400 * 365 * NS_PER_S), 86400 * 365 * NS_PER_S);
}
