/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a TD's reset state to C in long mode, for every vCPU.
 *
 * In: 32-bit protected mode, paging off, no GDT behind the segments, EFER.LME and NXE already set (and not ours to write).
 *   EBX  GPA width (48 or 52)      ECX, R8  what the host gave to TDH.VP.INIT      ESI  vCPU index
 * Out: the BSP (index 0) in shim_main(gpa width, initial RCX) on the stack in the TempMem section; every other vCPU in the
 *   waiting loop below, without a stack.
 *
 * No instruction here can raise #VE: CR4 keeps MCE, EFER is not written. Manual: TDX Module Base, "TD VCPU Initial State".
 */
#include "include/cella/tdshim.h"
#include "include/spec/tdvf.h"
#include "include/spec/x86/cr.h"

#define CODE64 0x10
#define DATA64 0x18
#define CODE32 0x08
#define PTE_P 1
#define PTE_W 2
#define PTE_PS 0x80
#define PTE_NX 0x8000000000000000
#define SHARED_BIT_48 0x800000000000
#define STACK_TOP (TDSHIM_TEMP_BASE + TDSHIM_TEMP_BYTES)
#define TDVMCALL_HLT_FUNCTION 12
#define TDVMCALL_HLT_MASK 0xfc00
#define SPINS_BEFORE_HLT 4096
#define VECTORS 32
#define VECTOR_NMI 2

	.section .text.start, "ax"
	.code32
start32:
	cli
	cld
	mov %ebx, %ebp			/* GPA width survives in EBP, index in ESI, initial RCX in ECX */
	lgdtl gdt_pointer32
	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov $page_pml4, %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $(CR0_PG | CR0_WP), %eax
	mov %eax, %cr0
	ljmpl $CODE64, $start64

	.code64
start64:
	mov $DATA64, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	lidt idt_pointer(%rip)
	mov %esi, %esi
	test %esi, %esi
	jnz ap_wait
	mov $STACK_TOP, %esp
	mov %ebp, %edi
	mov %rcx, %rsi
	xor %ebp, %ebp
	movabs $shim_main, %rax
	call *%rax
1:	jmp 1b				/* shim_main does not return */

/*
 * Other vCPUs wait in the image until the BSP has built the permanent loop, then move there. ap_gate is private memory of
 * the image: the host can neither see nor write it. While waiting they leave the core to others by a HLT TDVMCALL; the
 * host cannot see the gate, so it returns from that on its own after a while.
 */
ap_wait:
	mov %esi, %r12d
	movabs $ap_gate, %r13
1:	mov $SPINS_BEFORE_HLT, %r14d
2:	mov (%r13), %rax
	test %rax, %rax
	jnz 3f
	pause
	dec %r14d
	jnz 2b
	xor %eax, %eax
	mov $TDVMCALL_HLT_MASK, %ecx
	mov %r12, %rbx			/* R12..R15 are operands of the call */
	mov %r13, %rdx
	xor %r10d, %r10d
	mov $TDVMCALL_HLT_FUNCTION, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	.byte 0x66, 0x0f, 0x01, 0xcc
	mov %rbx, %r12
	mov %rdx, %r13
	jmp 1b
3:	mov ap_mailbox(%rip), %rbx
	mov ap_tables(%rip), %rcx
	jmp *%rax			/* RBX mailbox, RCX page tables, R12D own id */

/*
 * The permanent loop, copied to a page that Linux leaves alone. Position independent, no stack, no memory but the mailbox.
 * ACPI, "Multiprocessor Wakeup Structure": command 1 = jump to the vector, acknowledged by writing 0 to the command.
 */
	.globl ap_loop_start, ap_loop_end
ap_loop_start:
	mov %rcx, %cr3
	mov %r12d, %esi
4:	mov $SPINS_BEFORE_HLT, %edi
5:	cmpw $1, (%rbx)
	jne 6f
	cmp %esi, 4(%rbx)
	jne 6f
	mov 8(%rbx), %rax
	movw $0, (%rbx)
	jmp *%rax
6:	pause
	dec %edi
	jnz 5b
	xor %eax, %eax
	mov $TDVMCALL_HLT_MASK, %ecx
	xor %r10d, %r10d
	mov $TDVMCALL_HLT_FUNCTION, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	.byte 0x66, 0x0f, 0x01, 0xcc
	jmp 4b
ap_loop_end:

/* void linux_enter(u64 entry, u64 boot_params): the 64-bit boot protocol. Interrupts are off and stay off. */
	.globl linux_enter
linux_enter:
	mov %rdi, %rax
	xor %ebp, %ebp
	xor %edi, %edi
	xor %ebx, %ebx
	cld
	jmp *%rax

/* An exception in the shim is the end of the TD, with its number in the report. NMIs may come at any time: ignored. */
	.balign 16
exception_stubs:
	.set vector, 0
	.rept VECTORS
	.balign 16
	.if vector == VECTOR_NMI
	iretq
	.else
	mov $vector, %edi
	jmp exception_common
	.endif
	.set vector, vector + 1
	.endr
exception_common:
	mov $(STACK_TOP - 0x8000), %esp	/* a fresh stack: the old one may be what broke */
	movabs $shim_exception, %rax
	call *%rax
7:	jmp 7b

	.section .tables, "aw"
	.balign 4096
page_pml4:
	.quad page_pdpt + PTE_P + PTE_W
	.fill 511, 8, 0
page_pdpt:
	.quad page_pd + PTE_P + PTE_W
	.quad page_pd + 0x1000 + PTE_P + PTE_W
	.quad page_pd + 0x2000 + PTE_P + PTE_W
	.quad page_pd + 0x3000 + PTE_P + PTE_W
	.fill 252, 8, 0
	.quad page_pd_payload + PTE_P + PTE_W	/* GUEST_PAYLOAD_WINDOW is 256 GiB: entry 256 */
	.fill 255, 8, 0
	.globl page_pd
page_pd:
	.set address, 0
	.rept 2048
	.quad address + PTE_P + PTE_W + PTE_PS
	.set address, address + 0x200000
	.endr
/* The payload window: SHARED, read-only, never executed. GPA width 48 only; shim_main refuses 52. */
page_pd_payload:
	.set address, 0
	.rept 512
	.quad GUEST_PAYLOAD_WINDOW + SHARED_BIT_48 + PTE_NX + PTE_P + PTE_PS + address
	.set address, address + 0x200000
	.endr

	.section .data, "aw"
	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff	/* 32-bit code */
	.quad 0x00af9b000000ffff	/* 64-bit code, the selector Linux wants */
	.quad 0x00cf93000000ffff	/* data */
gdt_end:
gdt_pointer32:
	.word gdt_end - gdt - 1
	.long gdt
	.balign 16
	/* Stubs lie below 4 GiB and the low 16 bits are the only part that differs: shim_idt_init() fills the table. */
	.globl shim_idt, shim_stubs
shim_stubs: .quad exception_stubs
shim_idt: .fill VECTORS * 2, 8, 0
idt_pointer:
	.word VECTORS * 16 - 1
	.quad shim_idt
	.globl ap_gate, ap_mailbox, ap_tables
	.balign 8
ap_gate: .quad 0			/* address of the permanent loop, written last */
ap_mailbox: .quad 0
ap_tables: .quad 0

/* TDVF: descriptor, GUIDed table, reset vector. TDX Virtual Firmware Design Guide, "TDVF Metadata". */
	.section .tdvf, "a"
tdvf_start:
	.byte 0xf3, 0xf9, 0xea, 0xe9, 0x8e, 0x16, 0xd5, 0x44, 0xa8, 0xeb, 0x7f, 0x4d, 0x87, 0x38, 0xf6, 0xae
tdvf_descriptor:
	.long TDVF_SIGNATURE, TDVF_DESCRIPTOR_HEADER_BYTES + 3 * TDVF_SECTION_BYTES, TDVF_VERSION, 3
	.long 0, TDSHIM_IMAGE_BYTES
	.quad TDSHIM_IMAGE_BASE, TDSHIM_IMAGE_BYTES
	.long TDVF_SECTION_BFV, TDVF_ATTR_MR_EXTEND
	.long 0, 0
	.quad TDSHIM_TEMP_BASE, TDSHIM_TEMP_BYTES
	.long TDVF_SECTION_TEMP_MEM, 0
	.long 0, 0
	.quad TDSHIM_HOB_BASE, TDSHIM_HOB_BYTES
	.long TDVF_SECTION_TD_HOB, 0
	.org 0x200 - 0x48
	.long 0x200 - (tdvf_descriptor - tdvf_start)	/* distance from the end of the image */
	.word 22
	.byte 0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2
	.word 40
	.byte 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d
	.org 0x200 - 0x10
	.code32
	.globl reset_vector
reset_vector:
	jmp start32
	.org 0x200
