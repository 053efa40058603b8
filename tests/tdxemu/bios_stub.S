/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stays of us in the host's low memory, in real mode: the start of a drive's boot sector, and INT 15h.
 * bios_boot.c copies bios_stub_code..bios_stub_end behind a struct bios_stub; CS is that struct's segment, and so its
 * members are reached. Position-independent but for these offsets.
 * Manual: ACPI, "INT 15H, E820H - Query System Address Map"; BIOS Boot Specification, "INT 19h".
 */
#include "include/spec/bios.h"
#include "tests/tdxemu/bios_boot.h"

#define PORT_DEBUG 0xe9
#define PORT_EXIT 0xf4
#define EXIT_STOPPED 0x21	/* as verdict.c */
#define FLAGS_CF 0x01
#define FLAGS_IN_FRAME 6	/* BP's slot, then IP, CS, FLAGS as INT pushed them */
#define OFFSET(label) (label - bios_stub_code + BIOS_STUB_CODE)

	.text
	.code16
	.globl bios_stub_code, bios_stub_int15, bios_stub_end

/* As the BIOS starts a boot sector: DL drive, stack below it. */
bios_stub_code:
	cld
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $BIOS_BOOT_SECTOR, %sp
	sti
	mov $BIOS_DISK_READ_ONE_SECTOR, %ax
	mov $BIOS_DISK_CYLINDER_0_SECTOR_1, %cx
	xor %dx, %dx
	mov %cs:BIOS_STUB_DRIVE, %dl
	mov $BIOS_BOOT_SECTOR, %bx
	int $BIOS_INT_DISK
	mov $OFFSET(.Lunreadable), %si
	jc .Lstop
	mov $OFFSET(.Lnot_bootable), %si
	cmpw $BIOS_BOOT_SIGNATURE, BIOS_BOOT_SECTOR + BIOS_BOOT_SIGNATURE_OFFSET
	jne .Lstop
	xor %dx, %dx
	mov %cs:BIOS_STUB_DRIVE, %dl
	ljmp $0, $BIOS_BOOT_SECTOR

/* The sentence at CS:SI to the debug port, then the end of the run. */
.Lstop:
	lodsb %cs:(%si), %al
	out %al, $PORT_DEBUG
	cmp $'\n', %al
	jne .Lstop
	mov $EXIT_STOPPED, %al
	out %al, $PORT_EXIT
1:	hlt
	jmp 1b
.Lunreadable:
	.ascii "tdxemu: STOP: boot=: the BIOS cannot read the drive\n"
.Lnot_bootable:
	.ascii "tdxemu: STOP: boot=: the drive's first sector has no boot signature\n"

/* INT 15h. Functions about memory are answered from the struct, all others by the BIOS with registers and flags untouched. */
bios_stub_int15:
	pushf
	cmp $BIOS_SYSTEM_MEMORY_MAP, %ax
	je .Lmemory_map
	cmp $BIOS_SYSTEM_MEMORY_SIZES, %ax
	je .Lmemory_sizes
	cmp $BIOS_SYSTEM_MEMORY_SIZES_32, %ax
	je .Lmemory_sizes_32
	cmp $BIOS_SYSTEM_EXTENDED_KIB, %ah
	je .Lextended_kib
	popf
	ljmp *%cs:BIOS_STUB_OLD_INT15

/* Range EBX to ES:DI. Out: EAX signature, ECX bytes, EBX the next one or 0. */
.Lmemory_map:
	cmp $BIOS_MEMORY_MAP_SIGNATURE, %edx
	jne .Lrefused
	cmp $BIOS_MEMORY_ENTRY_BYTES, %ecx
	jb .Lrefused
	movzwl %cs:BIOS_STUB_RANGE_COUNT, %eax
	cmp %eax, %ebx
	jae .Lrefused
	push %si
	push %di
	imul $BIOS_MEMORY_ENTRY_BYTES, %bx, %si
	add $BIOS_STUB_RANGES, %si
	mov $BIOS_MEMORY_ENTRY_BYTES / 4, %cx
	cld
	rep movsl %cs:(%si), %es:(%di)
	pop %di
	pop %si
	mov $BIOS_MEMORY_ENTRY_BYTES, %ecx
	inc %ebx
	cmp %eax, %ebx
	jb 1f
	xor %ebx, %ebx
1:	mov %edx, %eax
	jmp .Lanswered

.Lmemory_sizes_32:
	movzwl %cs:BIOS_STUB_KIB_TO_16M, %eax
	movzwl %cs:BIOS_STUB_64KIB_ABOVE_16M, %ebx
	mov %eax, %ecx
	mov %ebx, %edx
	jmp .Lanswered

.Lmemory_sizes:
	mov %cs:BIOS_STUB_KIB_TO_16M, %ax
	mov %cs:BIOS_STUB_64KIB_ABOVE_16M, %bx
	mov %ax, %cx
	mov %bx, %dx
	jmp .Lanswered

.Lextended_kib:
	mov %cs:BIOS_STUB_EXTENDED_KIB, %ax

/* The caller's CF is the one that IRET takes from its frame. */
.Lanswered:
	popf
	push %bp
	mov %sp, %bp
	andw $~FLAGS_CF, FLAGS_IN_FRAME(%bp)
	pop %bp
	iret
.Lrefused:
	popf
	mov $BIOS_UNSUPPORTED, %ah
	push %bp
	mov %sp, %bp
	orw $FLAGS_CF, FLAGS_IN_FRAME(%bp)
	pop %bp
	iret
	.org bios_stub_code + BIOS_STUB_BYTES - BIOS_STUB_CODE	/* an error when there is more code than memory */
bios_stub_end:

	.section .note.GNU-stack, "", @progbits
