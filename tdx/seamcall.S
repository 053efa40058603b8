/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SEAMCALL instruction, twice: with the operand registers of an ordinary leaf, and with all registers that
 * TDH.VP.ENTER exchanges with a guest.
 *
 *   u64 seamcall_issue(u64 leaf, struct seamcall_regs *regs);	RDI, RSI -> status in RAX
 *   u64 seamcall_issue_enter(u64 leaf, u64 gpr[GPR_COUNT]);	RDI, RSI -> status in RAX
 *
 * Whatever the module or the guest leaves in a register does not matter here: only RSP is trusted afterwards, and the
 * pointer to the block waits on the stack. RBP is saved as well, because a module without NO_RBP_MOD loses it.
 *
 * CF is looked at before RAX, which VMfailInvalid leaves unchanged. #GP and #UD of the instruction arrive at the fixup with
 * the exception vector in RAX and the input registers as they were. TDX Module ABI, "SEAMCALL Instruction".
 */
#include "arch/x86/extable.h"
#include "tdx/seamcall_offsets.h"

#define STATUS_VMFAIL_INVALID 0x8000ff00ffff0000
#define STATUS_OF_FAULT 0x8000ff0000000000	/* or-ed with the vector */

.macro SAVE_CALLER
	push	%rbp
	mov	%rsp, %rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rsi			/* on top while the module runs: the register block */
.endm

/* Behind it the block's pointer is in RSI; the module's RSI has gone into the block. */
.macro TAKE_BLOCK rsi_offset
	push	%rsi
	mov	8(%rsp), %rsi
	popq	\rsi_offset(%rsi)
	add	$8, %rsp
.endm

.macro RESTORE_CALLER_AND_RETURN
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
.endm

/* The instruction, spelled in bytes for assemblers that do not know it; status in RAX in every case. */
.macro SEAMCALL_TO_STATUS
771:	.byte	0x66, 0x0f, 0x01, 0xcf
	jc	773f
	jmp	774f
772:	or	seamcall_status_of_fault(%rip), %rax
	jmp	774f
773:	mov	$STATUS_VMFAIL_INVALID, %rax
774:
	EX_TABLE(771b, 772b)
.endm

	.section .rodata.seamcall, "a"
	.balign	8
seamcall_status_of_fault:
	.quad	STATUS_OF_FAULT

	.section .text.seamcall_issue, "ax"
	.globl	seamcall_issue
	.type	seamcall_issue, @function
seamcall_issue:
	SAVE_CALLER
	mov	%rdi, %rax
	mov	REGS_RCX(%rsi), %rcx
	mov	REGS_RDX(%rsi), %rdx
	mov	REGS_R8(%rsi), %r8
	mov	REGS_R9(%rsi), %r9
	mov	REGS_R10(%rsi), %r10
	mov	REGS_R11(%rsi), %r11
	mov	REGS_R12(%rsi), %r12
	mov	REGS_R13(%rsi), %r13
	mov	REGS_R14(%rsi), %r14
	mov	REGS_R15(%rsi), %r15
	mov	REGS_RBX(%rsi), %rbx
	mov	REGS_RDI(%rsi), %rdi
	mov	REGS_RSI(%rsi), %rsi
	SEAMCALL_TO_STATUS
	TAKE_BLOCK REGS_RSI
	mov	%rcx, REGS_RCX(%rsi)
	mov	%rdx, REGS_RDX(%rsi)
	mov	%r8, REGS_R8(%rsi)
	mov	%r9, REGS_R9(%rsi)
	mov	%r10, REGS_R10(%rsi)
	mov	%r11, REGS_R11(%rsi)
	mov	%r12, REGS_R12(%rsi)
	mov	%r13, REGS_R13(%rsi)
	mov	%r14, REGS_R14(%rsi)
	mov	%r15, REGS_R15(%rsi)
	mov	%rbx, REGS_RBX(%rsi)
	mov	%rdi, REGS_RDI(%rsi)
	RESTORE_CALLER_AND_RETURN
	.size	seamcall_issue, . - seamcall_issue

	.section .text.seamcall_issue_enter, "ax"
	.globl	seamcall_issue_enter
	.type	seamcall_issue_enter, @function
seamcall_issue_enter:
	SAVE_CALLER
	mov	%rdi, %rax
	mov	GPRS_RCX(%rsi), %rcx
	mov	GPRS_RDX(%rsi), %rdx
	mov	GPRS_RBX(%rsi), %rbx
	mov	GPRS_RDI(%rsi), %rdi
	mov	GPRS_R8(%rsi), %r8
	mov	GPRS_R9(%rsi), %r9
	mov	GPRS_R10(%rsi), %r10
	mov	GPRS_R11(%rsi), %r11
	mov	GPRS_R12(%rsi), %r12
	mov	GPRS_R13(%rsi), %r13
	mov	GPRS_R14(%rsi), %r14
	mov	GPRS_R15(%rsi), %r15
	mov	GPRS_RSI(%rsi), %rsi
	SEAMCALL_TO_STATUS
	TAKE_BLOCK GPRS_RSI
	mov	%rax, GPRS_RAX(%rsi)
	mov	%rcx, GPRS_RCX(%rsi)
	mov	%rdx, GPRS_RDX(%rsi)
	mov	%rbx, GPRS_RBX(%rsi)
	mov	%rdi, GPRS_RDI(%rsi)
	mov	%r8, GPRS_R8(%rsi)
	mov	%r9, GPRS_R9(%rsi)
	mov	%r10, GPRS_R10(%rsi)
	mov	%r11, GPRS_R11(%rsi)
	mov	%r12, GPRS_R12(%rsi)
	mov	%r13, GPRS_R13(%rsi)
	mov	%r14, GPRS_R14(%rsi)
	mov	%r15, GPRS_R15(%rsi)
	RESTORE_CALLER_AND_RETURN
	.size	seamcall_issue_enter, . - seamcall_issue_enter

	.section .note.GNU-stack, "", @progbits
