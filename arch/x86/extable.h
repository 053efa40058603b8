/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that may fault on purpose. EX_TABLE(fault, fixup) in a .S file: an exception at label `fault` continues
 * at `fixup` with the vector in RAX and every other register as at the fault. Debug exceptions, NMI, double fault and
 * machine check are not the instruction's own and never continue there.
 */
#ifndef ARCH_X86_EXTABLE_H
#define ARCH_X86_EXTABLE_H

#ifdef __ASSEMBLER__
#define EX_TABLE(fault, fixup) \
	.pushsection __ex_table, "a"; \
	.balign 8; \
	.quad fault, fixup; \
	.popsection
#else
#include "include/cella/types.h"

/** rdmsr_safe() - false: the MSR does not exist or must not be read (#GP); *value is then 0. wrmsr_safe() likewise */
bool rdmsr_safe(u32 msr, u64 *value);
bool wrmsr_safe(u32 msr, u64 value);
/** vmxon_safe() - @region: where the physical address of the VMXON region is. False: refused, by whatever means */
bool vmxon_safe(const u64 *region);
/** extable_find() - where to continue after an exception at @rip, 0: nowhere */
u64 extable_find(u64 rip);
#endif

#endif
