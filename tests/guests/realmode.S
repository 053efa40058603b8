/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A boot sector that asks the firmware and the CPU, in real mode, what an operating system's boot loader may ask above the
 * software TDX machine (512 bytes, first sector of a disk; cases: realmode_above).
 * BP holds the letter of the claim that is being tried. On COM1: "realmode:ok", or "realmode:FAILED" and that letter. Then
 * the machine is reset, which brings it back here; the second time it is powered off.
 */
#include "include/spec/bios.h"
#include "include/spec/multiboot2.h"
#include "include/spec/uart.h"
#include "include/spec/x86/msr.h"

#define SEAM_BASE 0x4000000	/* the machine's own memory, 64 MiB from 64 MiB on */
#define SEAM_BYTES 0x4000000
#define KIB_1M_TO_16M 0x3c00
#define PM1A_CONTROL 0xb004	/* as the machine's firmware sets it up */
#define PM1_SLEEP_ENABLE 0x2000
#define BUFFER 0x600
#define VECTOR_UD 6
#define VECTOR_GP 13
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_FREE_BYTE 0x40	/* remembers over a reset that we were here */
#define SEEN 0x5a
#define PORT_KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET 0xfe
#define GET_CONFIGURATION 0xc0	/* INT 15h AH: not about memory, so the BIOS answers */

	.code16
	.section .text
	.globl _start
_start:
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov $'A', %bp				/* DL is the drive */
	cmp $BIOS_FIRST_HARD_DISK, %dl
	jne .Lfailed

	mov $'B', %bp				/* E820 knows our range as reserved, and no RAM in it; it ends */
	xor %ebx, %ebx
	xor %si, %si
1:	call memory_map
	jc .Lfailed
	cmp $BIOS_MEMORY_MAP_SIGNATURE, %eax
	jne .Lfailed
	mov BUFFER, %eax
	cmp $SEAM_BASE, %eax
	jne 2f
	cmpl $SEAM_BYTES, BUFFER + 8
	jne .Lfailed
	cmpl $MB2_MEMORY_RESERVED, BUFFER + 16
	jne .Lfailed
	inc %si
	jmp 3f
2:	cmp $SEAM_BASE + SEAM_BYTES, %eax
	jae 3f
	add BUFFER + 8, %eax
	cmp $SEAM_BASE, %eax
	ja .Lfailed
3:	test %ebx, %ebx
	jnz 1b
	dec %si
	jnz .Lfailed

	mov $'C', %bp				/* a continuation that was never given is refused */
	mov $BIOS_INT_SYSTEM * 1000, %ebx
	call memory_map
	jnc .Lfailed
	cmp $BIOS_UNSUPPORTED, %ah
	jne .Lfailed

	mov $'D', %bp				/* E801 and E881 stop at our range */
	mov $BIOS_SYSTEM_MEMORY_SIZES, %ax
	int $BIOS_INT_SYSTEM
	jc .Lfailed
	cmp $KIB_1M_TO_16M, %cx
	jne .Lfailed
	cmp $(SEAM_BASE - 0x1000000) >> 16, %dx
	jne .Lfailed
	mov $BIOS_SYSTEM_MEMORY_SIZES_32, %ax
	int $BIOS_INT_SYSTEM
	jc .Lfailed
	cmp $(SEAM_BASE - 0x1000000) >> 16, %ebx
	jne .Lfailed

	mov $'E', %bp				/* and so does 88h */
	mov $BIOS_SYSTEM_EXTENDED_KIB, %ah
	int $BIOS_INT_SYSTEM
	jc .Lfailed
	cmp $(SEAM_BASE - 0x100000) >> 10, %ax
	jne .Lfailed

	mov $'F', %bp				/* other functions are the BIOS's, and conventional memory shrank */
	mov $GET_CONFIGURATION, %ah
	int $BIOS_INT_SYSTEM
	jc .Lfailed
	xor %ax, %ax
	mov %ax, %es
	int $0x12
	cmp $640, %ax
	jae .Lfailed

	mov $'G', %bp				/* UD2 and SEAMCALL: #UD, three words on the stack */
	movw $on_fault, VECTOR_UD * BIOS_VECTOR_BYTES
	movw %ds, VECTOR_UD * BIOS_VECTOR_BYTES + 2
	mov $4f, %di
	ud2
4:	mov $5f, %di
	.byte 0x66, 0x0f, 0x01, 0xcf
5:
	mov $'H', %bp				/* RDMSR of a write-only MSR: #GP, no error code */
	movw $on_fault, VECTOR_GP * BIOS_VECTOR_BYTES
	movw %ds, VECTOR_GP * BIOS_VECTOR_BYTES + 2
	mov $6f, %di
	mov $IA32_WBINVDP, %ecx
	mov %sp, %bx
	rdmsr
6:	cmp %sp, %bx
	jne .Lfailed

	mov $'I', %bp				/* CPUID goes on at the next instruction, with the TDX platform's answer */
	mov $0x80000008, %eax
	cpuid
	cmp $48, %al
	jne .Lfailed
	mov $ok, %si
	call print
	jmp .Lend

.Lfailed:
	mov $failed, %si
	call print
	mov %bp, %ax
	call put
	mov $newline, %si
	call print
.Lend:
	mov $CMOS_FREE_BYTE, %al
	out %al, $CMOS_INDEX
	in $CMOS_DATA, %al
	cmp $SEEN, %al
	je .Lpower_off
	mov $CMOS_FREE_BYTE, %al
	out %al, $CMOS_INDEX
	mov $SEEN, %al
	out %al, $CMOS_DATA
	mov $KEYBOARD_RESET, %al
	out %al, $PORT_KEYBOARD_COMMAND
.Lpower_off:
	mov $PM1A_CONTROL, %dx
	mov $PM1_SLEEP_ENABLE, %ax
	out %ax, %dx
7:	hlt
	jmp 7b

/* The fault's frame is IP, CS, FLAGS; IP is the instruction before DI. Goes on at DI. */
on_fault:
	pop %ax
	cmp %di, %ax
	jae .Lfailed
	pop %cx
	test %cx, %cx			/* CS is 0; an error code would have moved it */
	jnz .Lfailed
	popf
	jmp *%di

memory_map:
	mov $BIOS_SYSTEM_MEMORY_MAP, %eax
	mov $BIOS_MEMORY_MAP_SIGNATURE, %edx
	mov $BIOS_MEMORY_ENTRY_BYTES, %ecx
	mov $BUFFER, %di
	int $BIOS_INT_SYSTEM
	ret

print:
	lodsb
	call put
	cmp $'\n', %al
	je 8f
	cmp $' ', %al
	je 8f
	jmp print
8:	ret
put:
	push %ax
	mov $UART_COM1 + UART_LINE_STATUS, %dx
9:	in %dx, %al
	test $UART_LSR_TRANSMIT_EMPTY, %al
	jz 9b
	pop %ax
	mov $UART_COM1 + UART_DATA, %dx
	out %al, %dx
	ret

ok:	.ascii "realmode:ok\r\n"
failed:	.ascii "realmode:FAILED "
newline: .ascii "\r\n"
	.org BIOS_BOOT_SIGNATURE_OFFSET
	.word BIOS_BOOT_SIGNATURE

	.section .note.GNU-stack, "", @progbits
