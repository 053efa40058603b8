/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and interrupts from exception.S. */
#ifndef ARCH_X86_TRAP_H
#define ARCH_X86_TRAP_H

#include "include/cella/types.h"

enum trap_vector {
	TRAP_DEBUG = 1,
	TRAP_NMI = 2,
	TRAP_INVALID_OPCODE = 6,
	TRAP_DOUBLE_FAULT = 8,
	TRAP_GENERAL_PROTECTION = 13,
	TRAP_PAGE_FAULT = 14,
	TRAP_MACHINE_CHECK = 18,
	TRAP_COUNT = 32,
};

struct trap_frame {
	u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/** trap_dispatch() - from exception.S */
void trap_dispatch(struct trap_frame *frame);
/** trap_nmi_stops() - from now on an NMI stops the core that takes it (panic) */
void trap_nmi_stops(void);

/* One entry per 16-byte stub; where trap_dispatch() returns to, for backtraces. */
extern const u8 trap_stubs[], trap_return[];
#define TRAP_STUB_BYTES 16

#endif
