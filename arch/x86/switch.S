/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Change of stacks between tasks. struct task starts with its saved stack pointer (kernel/sched.h).
 *
 * void arch_switch(struct task *from, struct task *to): interrupts off; callee-saved registers are all there is to
 * save.
 */
	.text
	.globl arch_switch
arch_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov (%rsi), %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

/* First switch to a task lands here, RSP at the stack's top: R12 = entry, R13 = its argument (task.c). */
	.globl task_first_entry
task_first_entry:
	xor %ebp, %ebp
	mov %r13, %rdi
	push $0			/* end of the call chain */
	jmp *%r12
