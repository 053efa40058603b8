/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.VP.ENTER: operand bits, exit reasons that reach the host, extended exit qualification, register mask of a TDVMCALL.
 * Manual: TDX Module ABI, "TDH.VP.ENTER Leaf".
 */
#ifndef SPEC_TDX_VP_ENTER_H
#define SPEC_TDX_VP_ENTER_H

#include "include/cella/types.h"

/* General registers in the order of the TDVMCALL mask and of all register arrays. */
enum gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15, GPR_COUNT,
};

#define VP_ENTER_RECOVERABILITY_HINT BIT(52)
#define VP_ENTER_RESUME_L1 BIT(53)

#define TDVMCALL_MASK_GPRS 0x0000ffffull
#define TDVMCALL_MASK_XMMS 0xffff0000ull
#define TDVMCALL_MASK_FORBIDDEN (BIT(GPR_RAX) | BIT(GPR_RCX) | BIT(GPR_RSP))

/* VMX exit reasons that TDH.VP.ENTER returns in RAX 15:0. */
enum td_exit_reason {
	TD_EXIT_EXCEPTION_NMI = 0,
	TD_EXIT_EXTERNAL_INTERRUPT = 1,
	TD_EXIT_TRIPLE_FAULT = 2,
	TD_EXIT_INIT = 3,
	TD_EXIT_SMI = 6,
	TD_EXIT_TASK_SWITCH = 9,
	TD_EXIT_ENTRY_FAIL_GUEST_STATE = 33,
	TD_EXIT_ENTRY_FAIL_MSR = 34,
	TD_EXIT_ENTRY_FAIL_MACHINE_CHECK = 41,
	TD_EXIT_CSTATE_SMI = 42,
	TD_EXIT_EPT_VIOLATION = 48,
	TD_EXIT_EPT_MISCONFIGURATION = 49,
	TD_EXIT_BUS_LOCK = 74,
	TD_EXIT_NOTIFICATION = 75,
	TD_EXIT_TDCALL = 77,
};
#define TD_EXIT_REASON_MASK 0xffffull
#define TD_EXIT_BUS_LOCK_BIT BIT(26)
#define TD_EXIT_ENTRY_FAILURE_BIT BIT(31)

/* RDX of an asynchronous exit: type in 3:0, details in 63:32. */
enum td_exit_extended {
	TD_EEQ_NONE = 0,
	TD_EEQ_ACCEPT = 1,
	TD_EEQ_GPA_DETAILS = 2,
	TD_EEQ_MSR_LOAD_FAILURE = 3,
	TD_EEQ_XSTATE_LOAD_FAILURE = 4,
	TD_EEQ_ATTR_WR = 5,
	TD_EEQ_PENDING_EPT_VIOLATION = 6,
};
#define TD_EEQ_TYPE_MASK 0xfull
#define TD_EEQ_ACCEPT_LEVEL_SHIFT 32	/* requested level, 3 bits */
#define TD_EEQ_ACCEPT_FAIL_LEVEL_SHIFT 35	/* level of the failing entry, 3 bits */
#define TD_EEQ_ACCEPT_STATE_SHIFT 38	/* enum sept_state, 8 bits */
#define TD_EEQ_ACCEPT_LEAF_SHIFT 46
#define TD_EEQ_VM_SHIFT 52

/* Exit qualification of an EPT violation. */
#define EPT_VIOLATION_READ BIT(0)
#define EPT_VIOLATION_WRITE BIT(1)
#define EPT_VIOLATION_FETCH BIT(2)

/* Posted-interrupt descriptor, 64 bytes, 64-byte aligned. SDM, "Posted-Interrupt Processing". */
struct posted_interrupt_desc {
	u64 requests[4];	/* PIR */
	u32 control;	/* 0 ON, 1 SN, 23:16 notification vector */
	u32 destination;	/* x2APIC id */
	u32 reserved[6];
} __aligned(64);
_Static_assert(sizeof(struct posted_interrupt_desc) == 64, "posted-interrupt descriptor is 64 bytes");
#define PID_OUTSTANDING BIT(0)
#define PID_SUPPRESS BIT(1)
#define PID_VECTOR_SHIFT 16

#endif
