/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XSAVES and XRSTORS, 64-bit form. RFBM is @components; XCR0 and IA32_XSS must allow them; @area is 64-byte aligned.
 *
 *	void xsave_supervisor(void *area, u64 components);
 *	void xrstor_supervisor(const void *area, u64 components);
 *		RDI area   RSI components
 */
	.text
	.code64

	.globl xsave_supervisor
	.type xsave_supervisor, @function
xsave_supervisor:
	mov %esi, %eax
	mov %rsi, %rdx
	shr $32, %rdx
	xsaves64 (%rdi)
	ret
	.size xsave_supervisor, . - xsave_supervisor

	.globl xrstor_supervisor
	.type xrstor_supervisor, @function
xrstor_supervisor:
	mov %esi, %eax
	mov %rsi, %rdx
	shr $32, %rdx
	xrstors64 (%rdi)
	ret
	.size xrstor_supervisor, . - xrstor_supervisor

	.section .note.GNU-stack, "", @progbits
