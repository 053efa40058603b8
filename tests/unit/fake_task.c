/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks of the unit tests: contexts that take turns at task_yield(), driven by whoever joins one of them. */
#include "tests/unit/fake_task.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

#define MAX_TASKS 64
#define FAKE_STACK_BYTES KIB(256)

static struct slot {
	struct task *task;	/* NULL: free, or done */
	ucontext_t context;
	char *stack;
} slots[MAX_TASKS];

static struct slot *current;	/* NULL: the test itself runs */
static ucontext_t joiner;
static u32 refuse;

void fake_task_refuse(u32 starts)
{
	refuse = starts;
}

static void run_current(void)
{
	current->task->entry(current->task->arg);
	current->task->state = TASK_DEAD;
	current->task = NULL;
	swapcontext(&current->context, &joiner);
}

static void prepare(struct slot *slot)
{
	if (!slot->stack)
		slot->stack = malloc(FAKE_STACK_BYTES);
	getcontext(&slot->context);
	slot->context.uc_stack.ss_sp = slot->stack;
	slot->context.uc_stack.ss_size = FAKE_STACK_BYTES;
	makecontext(&slot->context, run_current, 0);
}

int task_start(struct task *task, const char *name, u32 cpu, void (*entry)(void *arg), void *arg)
{
	if (refuse) {
		refuse--;
		return -ENOMEM;
	}
	*task = (struct task){ .cpu = cpu, .entry = entry, .arg = arg };
	for (u32 i = 0; i < MAX_TASKS; i++) {
		if (slots[i].task)
			continue;
		slots[i].task = task;
		prepare(&slots[i]);
		return 0;
	}
	abort();
}

void task_yield(void)
{
	CHECK(world.irqs_on);
	if (current)
		swapcontext(&current->context, &joiner);
}

void task_join(struct task *task)
{
	u32 caller = arch_this_cpu()->id;

	while (task->state != TASK_DEAD) {
		for (u32 i = 0; i < MAX_TASKS; i++) {
			if (!slots[i].task)
				continue;
			current = &slots[i];
			tdx_world_run_on(slots[i].task->cpu);
			swapcontext(&joiner, &slots[i].context);
			current = NULL;
		}
	}
	tdx_world_run_on(caller);
}
