/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions and NMI in root. Each stub makes the stack equal (error code, vector), saves the registers a C function
 * may change and calls
 *	void desc_trap(struct trap_frame *frame);	in desc.c
 * which changes the frame's RIP to continue elsewhere.
 */

	.text
	.code64

	.altmacro
	.macro stub vector
	.balign 16
	.if (1 << \vector) & 0x60227d00		/* 8, 10-14, 17, 21, 29, 30 push an error code */
	.else
	push $0
	.endif
	push $\vector
	jmp trap_common
	.endm

	.balign 16
	.globl trap_stubs			/* 32 stubs, 16 bytes each */
trap_stubs:
	.set vector, 0
	.rept 32
	stub %vector
	.set vector, vector + 1
	.endr

	.balign 16
trap_common:
	push %rax
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbp
	mov %rsp, %rdi
	cld
	call desc_trap
	pop %rbp
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
