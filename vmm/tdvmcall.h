/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDG.VP.VMCALL: the guest's registers become named fields here and nowhere else. One table row per sub-function; the
 * handlers are in call_cpu.c, call_io.c, call_mem.c and call_attest.c.
 * Manual: Guest-Host Communication Interface, "TDG.VP.VMCALL".
 */
#ifndef VMM_TDVMCALL_H
#define VMM_TDVMCALL_H

#include "include/cella/types.h"
#include "include/spec/tdx/ghci.h"

struct guest_vcpu;

#define TDVMCALL_ARGUMENTS 4
#define TDVMCALL_OUTPUTS 5
#define TDVMCALL_MESSAGE_WORDS 8

/* Outputs in the order of the registers R11 to R15. */
enum tdvmcall_output {
	TDVMCALL_OUT_R11,
	TDVMCALL_OUT_R12,
	TDVMCALL_OUT_R13,
	TDVMCALL_OUT_R14,
	TDVMCALL_OUT_R15,
};

struct vmcall {
	u64 function;	/* sub-function (R11) of a standard call */
	u64 argument[TDVMCALL_ARGUMENTS];	/* R12 to R15; 0 where the guest exposed nothing */
	u64 message[TDVMCALL_MESSAGE_WORDS];	/* ReportFatalError's text registers, in its order */
	u64 output[TDVMCALL_OUTPUTS];	/* what call_return() set */
	u32 outputs;	/* bit per output that is set */
};

/** tdvmcall_handle() - serve the call that ended the last stay. @mask: registers the guest exposed. vCPU's own task */
void tdvmcall_handle(struct guest_vcpu *vcpu, u32 mask);
/** tdvmcall_return() - a handler sets an output register */
void tdvmcall_return(struct vmcall *call, enum tdvmcall_output output, u64 value);

/* Handlers: the result is the status for R10. All run in the vCPU's own task, outside the TD. */
u64 call_cpuid(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_hlt(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_rdmsr(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_wrmsr(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_io(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_mmio(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_map_gpa(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_get_info(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_get_quote(struct guest_vcpu *vcpu, struct vmcall *call);
u64 call_fatal_error(struct guest_vcpu *vcpu, struct vmcall *call);

#endif
