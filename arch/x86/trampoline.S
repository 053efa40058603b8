/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 16-bit start of a core, copied to TRAMPOLINE_BASE below 1 MiB by smp.c: real mode -> protected mode -> long mode on
 * Cella's page tables -> smp_entered(percpu) on the new core's own stack. The data words at its end are filled in by
 * smp.c.
 */
#include "arch/x86/smp.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"

#define AT(symbol) ((symbol) - trampoline_start + TRAMPOLINE_BASE)

	.section .rodata, "a"
	.balign 16
	.globl trampoline_start, trampoline_end, trampoline_words
	.code16
trampoline_start:
	cli
	cld
	xor %ax, %ax
	mov %ax, %ds
	lgdtl AT(trampoline_gdt_pointer)
	mov $CR0_PE, %eax
	mov %eax, %cr0
	ljmpl $0x08, $AT(start32)
	.code32
start32:
	mov $0x18, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov AT(word_cr3), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $(EFER_LME | EFER_NXE), %eax
	wrmsr
	mov $(CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_ET), %eax
	mov %eax, %cr0
	ljmpl $0x10, $AT(start64)
	.code64
start64:
	mov AT(word_stack), %rsp
	mov AT(word_percpu), %rdi
	mov AT(word_entry), %rax
	xor %ebp, %ebp
	push %rbp
	jmp *%rax

	.balign 8
trampoline_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
trampoline_gdt_pointer:
	.word 31
	.long AT(trampoline_gdt)
	.balign 8
trampoline_words:		/* struct trampoline_words of smp.c */
word_cr3: .quad 0
word_stack: .quad 0
word_percpu: .quad 0
word_entry: .quad 0
trampoline_end:
