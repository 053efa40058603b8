/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root to non-root and back, and the few instructions that may fault in root.
 *
 *	bool vmx_run(u64 gpr[GPR_COUNT], enum vmx_entry entry);
 *		RDI gpr   RSI 0 launch, 1 resume   AL 1: there was a VM exit, 0: VMfail
 *	bool msr_read_safe(u32 msr, u64 *value);
 *	bool msr_write_safe(u32 msr, u64 value);
 *	bool xcr_write_safe(u32 xcr, u64 value);
 *	bool pmc_read_safe(u32 counter, u64 *value);
 *	void nmi_unblock(void);
 *
 * The stack between entry and exit, from its top: gpr, then the callee-saved registers. HOST_RSP points to gpr.
 */
#include "include/spec/x86/vmcs.h"

/* Byte offsets in gpr[]: enum gpr of include/spec/tdx/vp_enter.h. Slot 4 (RSP) is not touched. */
#define RAX_SLOT 0x00
#define RCX_SLOT 0x08
#define RDX_SLOT 0x10
#define RBX_SLOT 0x18
#define RBP_SLOT 0x28
#define RSI_SLOT 0x30
#define RDI_SLOT 0x38
#define R8_SLOT 0x40
#define R9_SLOT 0x48
#define R10_SLOT 0x50
#define R11_SLOT 0x58
#define R12_SLOT 0x60
#define R13_SLOT 0x68
#define R14_SLOT 0x70
#define R15_SLOT 0x78

	.text
	.code64

	.globl vmx_run
	.type vmx_run, @function
vmx_run:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi

	mov $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax
	lea .Lexit(%rip), %rdx
	mov $VMCS_HOST_RIP, %eax
	vmwrite %rdx, %rax

	test %esi, %esi			/* the loads below keep the flags */
	mov RAX_SLOT(%rdi), %rax
	mov RCX_SLOT(%rdi), %rcx
	mov RDX_SLOT(%rdi), %rdx
	mov RBX_SLOT(%rdi), %rbx
	mov RBP_SLOT(%rdi), %rbp
	mov RSI_SLOT(%rdi), %rsi
	mov R8_SLOT(%rdi), %r8
	mov R9_SLOT(%rdi), %r9
	mov R10_SLOT(%rdi), %r10
	mov R11_SLOT(%rdi), %r11
	mov R12_SLOT(%rdi), %r12
	mov R13_SLOT(%rdi), %r13
	mov R14_SLOT(%rdi), %r14
	mov R15_SLOT(%rdi), %r15
	mov RDI_SLOT(%rdi), %rdi
	jnz 1f
	vmlaunch
	jmp .Lfailed
1:	vmresume
.Lfailed:
	pop %rdi
	xor %eax, %eax
	jmp .Lreturn

.Lexit:
	xchg %rdi, (%rsp)		/* RDI = gpr, guest's RDI on the stack */
	mov %rax, RAX_SLOT(%rdi)
	mov %rcx, RCX_SLOT(%rdi)
	mov %rdx, RDX_SLOT(%rdi)
	mov %rbx, RBX_SLOT(%rdi)
	mov %rbp, RBP_SLOT(%rdi)
	mov %rsi, RSI_SLOT(%rdi)
	mov %r8, R8_SLOT(%rdi)
	mov %r9, R9_SLOT(%rdi)
	mov %r10, R10_SLOT(%rdi)
	mov %r11, R11_SLOT(%rdi)
	mov %r12, R12_SLOT(%rdi)
	mov %r13, R13_SLOT(%rdi)
	mov %r14, R14_SLOT(%rdi)
	mov %r15, R15_SLOT(%rdi)
	pop %rax
	mov %rax, RDI_SLOT(%rdi)
	mov $1, %eax
.Lreturn:
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.size vmx_run, . - vmx_run

/*
 * Instructions that may raise #GP. The trap handler finds the address in this table and continues at the function's
 * failure return (entry.S).
 */
	.macro may_fault insn:vararg
99:	\insn
	.pushsection .fixup_table, "a"
	.quad 99b
	.popsection
	.endm

	.globl msr_read_safe
	.type msr_read_safe, @function
msr_read_safe:
	mov %edi, %ecx
	may_fault rdmsr
	shl $32, %rdx
	mov %eax, %eax
	or %rdx, %rax
	mov %rax, (%rsi)
	mov $1, %eax
	ret
	.size msr_read_safe, . - msr_read_safe

	.globl pmc_read_safe
	.type pmc_read_safe, @function
pmc_read_safe:
	mov %edi, %ecx
	may_fault rdpmc
	shl $32, %rdx
	mov %eax, %eax
	or %rdx, %rax
	mov %rax, (%rsi)
	mov $1, %eax
	ret
	.size pmc_read_safe, . - pmc_read_safe

	.globl msr_write_safe
	.type msr_write_safe, @function
msr_write_safe:
	mov %edi, %ecx
	mov %rsi, %rdx
	shr $32, %rdx
	mov %esi, %eax
	may_fault wrmsr
	mov $1, %eax
	ret
	.size msr_write_safe, . - msr_write_safe

	.globl xcr_write_safe
	.type xcr_write_safe, @function
xcr_write_safe:
	mov %edi, %ecx
	mov %rsi, %rdx
	shr $32, %rdx
	mov %esi, %eax
	may_fault xsetbv
	mov $1, %eax
	ret
	.size xcr_write_safe, . - xcr_write_safe

/* Where the trap handler continues: none of them has anything on the stack but its return address. */
	.globl safe_access_failed
	.type safe_access_failed, @function
safe_access_failed:
	xor %eax, %eax
	ret
	.size safe_access_failed, . - safe_access_failed

/* IRET to the next instruction, on the same stack. */
	.globl nmi_unblock
	.type nmi_unblock, @function
nmi_unblock:
	mov %rsp, %rdx
	mov %ss, %eax
	mov %cs, %ecx
	push %rax
	push %rdx
	pushf
	push %rcx
	lea 1f(%rip), %rax
	push %rax
	iretq
1:	ret
	.size nmi_unblock, . - nmi_unblock

	.section .note.GNU-stack, "", @progbits
