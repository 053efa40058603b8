/* SPDX-License-Identifier: BSD-2-Clause */
/* First context of a task, for switch.S. */
#include "include/cella/arch.h"
#include "kernel/sched.h"

#define FIRST_FRAME_WORDS 7	/* six registers, return address */

/* switch.S */
void task_first_entry(void);

void arch_task_prepare(struct task *task, void (*entry)(void *arg), void *arg)
{
	u64 *stack = (u64 *)task->stack_top - FIRST_FRAME_WORDS;

	stack[0] = 0;	/* R15 */
	stack[1] = 0;	/* R14 */
	stack[2] = (u64)arg;	/* R13 */
	stack[3] = (u64)entry;	/* R12 */
	stack[4] = 0;	/* RBX */
	stack[5] = 0;	/* RBP */
	stack[6] = (u64)task_first_entry;
	task->saved_sp = (u64)stack;
}
