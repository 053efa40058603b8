/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From GRUB (32-bit, paging off, EAX magic, EBX multiboot2 information) to 64-bit C with the first 4 GiB mapped one to
 * one.
 * Manual: Multiboot2 specification, "I386 machine state"; SDM volume 3, "Initializing IA-32e Mode".
 */
#include "tests/tdxemu/desc.h"

#define HEADER_MAGIC 0xe85250d6
#define HEADER_ARCH_I386 0
#define HEADER_TAG_END 0
#define HEADER_TAG_MODULE_ALIGN 6
#define HEADER_TAG_OPTIONAL 1

#define TABLE_PRESENT_WRITE 0x3
#define TABLE_LARGE 0x80
#define BOOT_DIRECTORIES 4	/* page directories of 1 GiB each */

#define CR4_PAE_BIT 5
#define CR0_PG_BIT 31
#define MSR_EFER 0xc0000080
#define EFER_LME_BIT 8
#define CPUID_EXT_LONG_MODE_BIT 29

#define BOOT_STACK_BYTES 0x8000

	.section .multiboot2, "a", @progbits
	.balign 8
header:
	.long HEADER_MAGIC
	.long HEADER_ARCH_I386
	.long header_end - header
	.long -(HEADER_MAGIC + HEADER_ARCH_I386 + (header_end - header))
	.short HEADER_TAG_MODULE_ALIGN, HEADER_TAG_OPTIONAL
	.long 8
	.short HEADER_TAG_END, 0
	.long 8
header_end:

	.text
	.code32
	.globl _start
	.type _start, @function
_start:
	cli
	cld
	mov $boot_stack_top, %esp
	mov %eax, %ebp			/* magic */
	mov %ebx, %esi			/* information */

	mov $0x80000001, %eax
	cpuid
	bt $CPUID_EXT_LONG_MODE_BIT, %edx
	jnc .Lno_long_mode

	movl $boot_pdpt + TABLE_PRESENT_WRITE, boot_pml4
	mov $boot_directories + TABLE_PRESENT_WRITE, %eax
	mov $boot_pdpt, %edi
	mov $BOOT_DIRECTORIES, %ecx
1:	mov %eax, (%edi)
	add $0x1000, %eax
	add $8, %edi
	loop 1b

	mov $TABLE_PRESENT_WRITE + TABLE_LARGE, %eax
	mov $boot_directories, %edi
	mov $BOOT_DIRECTORIES * 512, %ecx
2:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 2b

	call enter_long_mode_32
	lgdt boot_gdt_pointer
	ljmp $SELECTOR_CODE64, $.Llong_mode

.Lno_long_mode:
	hlt
	jmp .Lno_long_mode
	.size _start, . - _start

/*
 * enter_long_mode_32() - paging on with boot_pml4, IA-32e mode active, still in a 32-bit segment. Also for other
 * cores
 */
	.globl enter_long_mode_32
	.type enter_long_mode_32, @function
enter_long_mode_32:
	mov %cr4, %eax
	bts $CR4_PAE_BIT, %eax
	mov %eax, %cr4
	mov $boot_pml4, %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	bts $EFER_LME_BIT, %eax
	wrmsr
	mov %cr0, %eax
	bts $CR0_PG_BIT, %eax
	mov %eax, %cr0
	ret
	.size enter_long_mode_32, . - enter_long_mode_32

	.code64
.Llong_mode:
	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov $boot_stack_top, %rsp
	mov %ebp, %edi
	mov %esi, %esi
	xor %ebp, %ebp			/* end of the frame chain */
	call emu_main
1:	hlt
	jmp 1b

	.section .rodata
	.balign 8
	.globl boot_gdt
boot_gdt:
	.quad 0
	.quad DESCRIPTOR_CODE64
	.quad DESCRIPTOR_DATA
	.quad DESCRIPTOR_CODE32
boot_gdt_end:
	.globl boot_gdt_pointer
boot_gdt_pointer:
	.short boot_gdt_end - boot_gdt - 1
	.quad boot_gdt

	.bss
	.balign 4096
	.globl boot_pml4, boot_pdpt
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_directories:
	.skip 4096 * BOOT_DIRECTORIES
boot_stack:
	.skip BOOT_STACK_BYTES
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
