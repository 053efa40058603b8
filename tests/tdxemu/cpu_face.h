/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host sees of the CPU: CPUID and the MSRs of a TDX platform. */
#ifndef TDXEMU_CPU_FACE_H
#define TDXEMU_CPU_FACE_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

/** cpu_face_fill_msr_bitmap() - mark the MSRs that exit in the 4 KiB @bitmap of a VMCS. After platform_prepare() */
void cpu_face_fill_msr_bitmap(u8 *bitmap);
/** cpu_face_cpuid(), cpu_face_rdmsr(), cpu_face_wrmsr() - exit reasons 10, 31, 32 */
void cpu_face_cpuid(struct emu_cpu *cpu);
void cpu_face_rdmsr(struct emu_cpu *cpu);
void cpu_face_wrmsr(struct emu_cpu *cpu);

#endif
