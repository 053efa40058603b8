/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A core after our SIPI: real mode at SMP_TRAMPOLINE, then 32-bit, then 64-bit C on its own stack.
 * smp.c copies trampoline_start..trampoline_end to that page and fills trampoline_cpu and trampoline_stack.
 */
#include "tests/tdxemu/desc.h"
#include "tests/tdxemu/smp.h"

#define CR0_PE_BIT 0

	.text
	.code16
	.globl trampoline_start, trampoline_end
trampoline_start:
	cli
	xor %ax, %ax
	mov %ax, %ds
	lgdtl SMP_TRAMPOLINE + (trampoline_gdt - trampoline_start)
	mov %cr0, %eax
	bts $CR0_PE_BIT, %eax
	mov %eax, %cr0
	ljmpl $SELECTOR_CODE32, $.Lprotected
	.balign 4
trampoline_gdt:
	.short SELECTOR_CODE32 + 7
	.long boot_gdt
trampoline_end:

	.code32
.Lprotected:
	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov trampoline_stack, %esp	/* below 4 GiB: our own range */
	call enter_long_mode_32
	ljmp $SELECTOR_CODE64, $.Llong_mode

	.code64
.Llong_mode:
	mov trampoline_stack, %rsp
	mov trampoline_cpu, %rdi
	xor %ebp, %ebp
	call secondary_main

	.bss
	.balign 8
	.globl trampoline_cpu, trampoline_stack
trampoline_cpu:
	.skip 8
trampoline_stack:
	.skip 8

	.section .note.GNU-stack, "", @progbits
