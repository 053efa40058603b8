/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on other cores: who runs them, what comes back. Storms of real cores are a machine test. */
#include "kernel/cpu_call.h"

#include <string.h>

#include "include/cella/arch.h"
#include "kernel/irq.h"
#include "kernel/percpu.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

static int core_number(void *arg)
{
	CHECK(!arch_irqs_enabled());
	(*(u32 *)arg)++;
	return (int)arch_this_cpu()->id;
}

TEST(a_call_runs_on_the_core_that_was_named)
{
	u32 runs = 0;

	fake_reset(4);
	for (u32 id = 0; id < 4; id++)
		CHECK_EQ(cpu_call(id, core_number, &runs), id);
	CHECK_EQ(runs, 4);
	CHECK_EQ(fake.ipis[VECTOR_CPU_CALL], 3);	/* none to itself */
	CHECK(arch_irqs_enabled());
}

TEST(a_call_to_all_runs_once_on_each_and_returns_the_first_failure)
{
	int results[4] = { -1, -1, -1, -1 };
	u32 runs = 0;

	fake_reset(4);
	fake_set_cpu(2);
	CHECK_EQ(cpu_call_all(core_number, &runs, results), 1);	/* core 0 returned 0 */
	CHECK_EQ(runs, 4);
	for (int id = 0; id < 4; id++)
		CHECK_EQ(results[id], id);
	CHECK_EQ(cpu_call_all(core_number, &runs, NULL), 1);
	CHECK_EQ(runs, 8);
}

TEST(a_core_that_is_not_there_is_our_own_bug)
{
	u32 runs = 0;

	fake_reset(2);
	CHECK_PANICS(cpu_call(2, core_number, &runs));
}
