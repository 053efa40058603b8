/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From GRUB to C: multiboot2 header, 32-bit entry, long mode, jump to the higher half.
 *
 * In (Multiboot2, "I386 machine state"): EAX magic, EBX physical address of the information, protected mode, paging
 * off. Out: boot_entry(magic, information) in long mode on the boot stack, with boot page tables that map the first 4
 * GiB at 0 (dropped by arch_paging_init) and at DIRECT_MAP_BASE, and 1 GiB from CELLA_PHYS_BASE on at CELLA_VIRT_BASE.
 */
#include "include/cella/memory_map.h"
#include "include/spec/multiboot2.h"
#include "include/spec/uart.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"

#define PHYS(symbol) ((symbol) - CELLA_VIRT_BASE + CELLA_PHYS_BASE)
#define PTE_PW 3
#define PTE_PS 0x80
#define CODE64 0x08
#define DATA64 0x10
#define DIRECT_PML4_INDEX ((DIRECT_MAP_BASE >> 39) & 511)
#define IMAGE_PML4_INDEX 511
#define IMAGE_PDPT_INDEX 510
#define LARGE_PAGE 0x200000
#define UART_WAIT_LOOPS 100000

	.section .multiboot2, "a"
	.balign MB2_HEADER_ALIGN
header:
	.long MB2_HEADER_MAGIC, MB2_ARCHITECTURE_I386, header_end - header
	.long -(MB2_HEADER_MAGIC + MB2_ARCHITECTURE_I386 + (header_end - header))
	.balign MB2_HEADER_ALIGN
	.word MB2_HEADER_TAG_INFO_REQUEST, 0
	.long 12, MB2_TAG_MEMORY_MAP
	.balign MB2_HEADER_ALIGN
	.word MB2_HEADER_TAG_ENTRY, 0
	.long 12, PHYS(entry32)
	.balign MB2_HEADER_ALIGN
	.word MB2_HEADER_TAG_MODULE_ALIGN, 0
	.long 8
	.balign MB2_HEADER_ALIGN
	.word MB2_HEADER_TAG_END, 0
	.long 8
header_end:

	.section .text.entry, "ax"
	.code32
	.globl entry32
entry32:
	cli
	cld
	mov %eax, %edi			/* boot_entry's first argument */
	mov %ebx, %esi			/* and its second */
	mov $CPUID_EXT_MAX, %eax
	cpuid
	cmp $CPUID_EXT_FEATURES, %eax
	jb no_long_mode
	mov $CPUID_EXT_FEATURES, %eax
	cpuid
	bt $CPUID_EXT_LONG_MODE_BIT, %edx
	jnc no_long_mode
	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3
	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $(CR0_PG | CR0_WP | CR0_NE), %eax
	mov %eax, %cr0
	lgdtl PHYS(boot_gdt_pointer)
	ljmpl $CODE64, $PHYS(entry64)

/* One sentence on COM1 as the boot loader left it; a UART that is never ready costs a bounded wait per character. */
no_long_mode:
	mov $PHYS(refusal), %esi
1:	mov $UART_WAIT_LOOPS, %ecx
	mov $(UART_COM1 + UART_LINE_STATUS), %dx
2:	in %dx, %al
	test $UART_LSR_TRANSMIT_EMPTY, %al
	loopz 2b
	lodsb
	test %al, %al
	jz 3f
	mov $UART_COM1, %dx
	out %al, %dx
	jmp 1b
3:	hlt
	jmp 3b

	.code64
entry64:
	mov $DATA64, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $boot_stack_top, %rsp
	xor %ebp, %ebp
	mov %edi, %edi
	mov %esi, %esi
	mov $boot_entry, %rax
	call *%rax
1:	hlt
	jmp 1b

	.section .rodata, "a"
refusal:
	.asciz "Cella cannot start: this processor has no 64-bit mode\r\n"

	.section .data, "aw"
	.balign 4096
boot_pml4:
	.quad PHYS(boot_pdpt_low) + PTE_PW
	.fill DIRECT_PML4_INDEX - 1, 8, 0
	.quad PHYS(boot_pdpt_low) + PTE_PW
	.fill IMAGE_PML4_INDEX - DIRECT_PML4_INDEX - 1, 8, 0
	.quad PHYS(boot_pdpt_image) + PTE_PW
boot_pdpt_low:
	.quad PHYS(boot_pd_low) + PTE_PW
	.quad PHYS(boot_pd_low) + 0x1000 + PTE_PW
	.quad PHYS(boot_pd_low) + 0x2000 + PTE_PW
	.quad PHYS(boot_pd_low) + 0x3000 + PTE_PW
	.fill 508, 8, 0
boot_pdpt_image:
	.fill IMAGE_PDPT_INDEX, 8, 0
	.quad PHYS(boot_pd_image) + PTE_PW
	.quad 0
boot_pd_low:
	.set address, 0
	.rept 2048
	.quad address + PTE_PW + PTE_PS
	.set address, address + LARGE_PAGE
	.endr
boot_pd_image:
	.set address, CELLA_PHYS_BASE
	.rept 512
	.quad address + PTE_PW + PTE_PS
	.set address, address + LARGE_PAGE
	.endr
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)

/* The boot stack stays in use: it becomes the first core's idle task. paging.c unmaps the page below it. */
	.section .bss, "aw", @nobits
	.balign 4096
	.globl boot_stack_guard
boot_stack_guard:
	.skip 4096
	.skip STACK_BYTES
boot_stack_top:
