/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start the host without us: from 64-bit mode to the multiboot2 entry state.
 *
 *	void native_start(u32 entry, u32 information) __noreturn;
 *		EDI entry   ESI information
 */
#include "include/spec/multiboot2.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/desc.h"

	.text
	.code64
	.globl native_start
	.type native_start, @function
native_start:
	cli
	lgdt boot_gdt_pointer
	push $SELECTOR_CODE32
	lea .Lcompatibility(%rip), %rax
	push %rax
	lretq

	.code32
.Lcompatibility:
	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov $CR0_PE | CR0_ET, %eax	/* paging off ends IA-32e mode */
	mov %eax, %cr0
	mov $MSR_EFER, %ecx
	xor %eax, %eax
	xor %edx, %edx
	wrmsr
	xor %eax, %eax
	mov %eax, %cr4
	mov %eax, %cr3
	mov $MB2_BOOT_MAGIC, %eax
	mov %esi, %ebx
	jmp *%edi
	.size native_start, . - native_start

	.section .note.GNU-stack, "", @progbits
