/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TDCALL instruction.
 *
 * u64 tdcall(u64 leaf, struct tdcall_regs *regs)
 *   RAX leaf in, status out; RCX RDX R8..R15 RBX RDI RSI from and to the block (order of struct tdcall_regs in tdcall.h).
 */
	.code64
	.text
	.globl tdcall
tdcall:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rsi
	mov %rdi, %rax
	mov %rsi, %rbp			/* RBP is never an operand */
	mov 0(%rbp), %rcx
	mov 8(%rbp), %rdx
	mov 16(%rbp), %r8
	mov 24(%rbp), %r9
	mov 32(%rbp), %r10
	mov 40(%rbp), %r11
	mov 48(%rbp), %r12
	mov 56(%rbp), %r13
	mov 64(%rbp), %r14
	mov 72(%rbp), %r15
	mov 80(%rbp), %rbx
	mov 88(%rbp), %rdi
	mov 96(%rbp), %rsi
	.byte 0x66, 0x0f, 0x01, 0xcc
	mov %rcx, 0(%rbp)
	mov %rdx, 8(%rbp)
	mov %r8, 16(%rbp)
	mov %r9, 24(%rbp)
	mov %r10, 32(%rbp)
	mov %r11, 40(%rbp)
	mov %r12, 48(%rbp)
	mov %r13, 56(%rbp)
	mov %r14, 64(%rbp)
	mov %r15, 72(%rbp)
	mov %rbx, 80(%rbp)
	mov %rdi, 88(%rbp)
	mov %rsi, 96(%rbp)
	pop %rsi
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
