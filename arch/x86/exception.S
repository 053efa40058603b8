/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector stubs, one path into C. Every stub leaves on the stack what struct trap_frame (trap.h) names, lowest address
 * first: RAX RBX RCX RDX RSI RDI RBP R8..R15, vector, error code, RIP, CS, RFLAGS, RSP, SS. Below it lies a frame
 * record (RBP, RIP of what was interrupted), so that a backtrace goes on there.
 *
 * Also here: instructions that may fault and then return false.
 */
#include "arch/x86/extable.h"

#define VECTORS 256
#define FRAME_RIP 136	/* of struct trap_frame; trap.c asserts it */

	.text
	.balign 16
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept VECTORS
	.balign 16
	/* vectors for which the CPU pushes an error code */
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || \
	      vector == 30)
	push $0
	.endif
	push $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

	.balign 16
trap_common:
	cld
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	push %rbp
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rbx
	push %rax
	mov %rsp, %rdi
	mov %rsp, %rbx			/* callee-saved: the way back */
	and $-16, %rsp
	pushq FRAME_RIP(%rdi)
	push %rbp
	mov %rsp, %rbp
	call trap_dispatch
	.globl trap_return
trap_return:
	mov %rbx, %rsp
	pop %rax
	pop %rbx
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	pop %rbp
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	add $16, %rsp
	iretq

/* bool rdmsr_safe(u32 msr, u64 *value) */
	.globl rdmsr_safe
rdmsr_safe:
	mov %edi, %ecx
	movq $0, (%rsi)
1:	rdmsr
	shl $32, %rdx
	or %rdx, %rax
	mov %rax, (%rsi)
	mov $1, %eax
	ret
2:	xor %eax, %eax
	ret
	EX_TABLE(1b, 2b)

/* bool wrmsr_safe(u32 msr, u64 value) */
	.globl wrmsr_safe
wrmsr_safe:
	mov %edi, %ecx
	mov %esi, %eax
	mov %rsi, %rdx
	shr $32, %rdx
3:	wrmsr
	mov $1, %eax
	ret
4:	xor %eax, %eax
	ret
	EX_TABLE(3b, 4b)

/* bool vmxon_safe(const u64 *region): false when VMXON failed or faulted */
	.globl vmxon_safe
vmxon_safe:
5:	vmxon (%rdi)
	seta %al			/* CF and ZF clear: it succeeded */
	movzbl %al, %eax
	ret
6:	xor %eax, %eax
	ret
	EX_TABLE(5b, 6b)
