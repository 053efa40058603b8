/* SPDX-License-Identifier: BSD-2-Clause */
/* The little VMX that a TDX host needs: VMXON on every core, and nothing that would need a VMCS of its own. */
#ifndef TDXEMU_NESTED_H
#define TDXEMU_NESTED_H

#include "tests/tdxemu/cpu.h"

/* Handlers of exit reasons 18 to 27, 50 and 53. */
void nested_vmxon(struct emu_cpu *cpu);
void nested_vmxoff(struct emu_cpu *cpu);
void nested_vmclear(struct emu_cpu *cpu);
void nested_vmptrld(struct emu_cpu *cpu);
void nested_vmptrst(struct emu_cpu *cpu);
void nested_vmcall(struct emu_cpu *cpu);
void nested_invept(struct emu_cpu *cpu);
void nested_invvpid(struct emu_cpu *cpu);
/** nested_no_vmcs() - VMREAD, VMWRITE, VMLAUNCH, VMRESUME: VMfailInvalid, for no VMCS of the host ever runs */
void nested_no_vmcs(struct emu_cpu *cpu);
/** nested_remember_init() - INIT came while the host was in VMX operation: it takes effect at VMXOFF */
void nested_remember_init(struct emu_cpu *cpu);

#endif
