/* SPDX-License-Identifier: BSD-2-Clause */
/* The SEAMCALL instruction: register block in and out, faults as statuses, entropy retry, one trace point. */
#ifndef TDX_SEAMCALL_H
#define TDX_SEAMCALL_H

#include "include/cella/types.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/vp_enter.h"
#include "tdx/status.h"

/* Operand registers of a leaf; outputs overwrite inputs. RBP is saved by seamcall.S whatever the module does. */
struct seamcall_regs {
	u64 rcx, rdx, r8, r9, r10, r11, r12, r13, r14, r15, rbx, rdi, rsi;
};

/**
 * seamcall() - call a leaf of the TDX module (or of P-SEAMLDR: bit 63 of @leaf)
 * @leaf: number, version in bits 23:16. @regs: in and out
 * Any core in VMX operation, interrupts on or off; runs with interrupts off inside and not at all in parallel on this
 * core. TDX_RND_NO_ENTROPY is retried here with back-off and a bound; every other status is the caller's. Each failure
 * goes to the log at debug level with leaf name, status by name and raw registers, and is counted per leaf.
 */
tdx_status_t seamcall(u64 leaf, struct seamcall_regs *regs);

/**
 * seamcall_enter() - TDH.VP.ENTER, which exchanges all registers
 * @gpr: in: RCX is the TDVPR, the others are for the guest; out: everything but RSP and RBP, RAX being the status
 * Interrupts off. Nothing is retried; counted and traced like every other leaf.
 */
tdx_status_t seamcall_enter(u64 gpr[GPR_COUNT]);

/** seamcall_count() - calls of leaf @leaf since boot, all cores; seamcall_total() - of all leaves */
u64 seamcall_count(u32 leaf);
u64 seamcall_total(void);

#endif
