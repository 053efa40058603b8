/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU the host sees: exits for CPUID, RDMSR and WRMSR, answered by platform.c. Two CPUID bits mirror the host's CR4,
 * because CPUID in root reflects ours. An MSR outside the bitmap's ranges always exits and is passed to the CPU.
 * Callers: exit handlers on any core, host's VMCS current.
 * Manual: SDM volume 3, "MSR-Bitmap Address"; volume 2A, "CPUID".
 */
#include "tests/tdxemu/cpu_face.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/vmx.h"

#define MSR_BITMAP_READ_LOW 0
#define MSR_BITMAP_WRITE_LOW 2048

struct cpuid_regs platform_native_cpuid(u32 leaf, u32 subleaf)
{
	return cpuid(leaf, subleaf);
}

static u32 mirror(u32 reg, u32 bit, bool on)
{
	return on ? reg | bit : reg & ~bit;
}

void cpu_face_cpuid(struct emu_cpu *cpu)
{
	u32 leaf = (u32)cpu->gpr[GPR_RAX];
	u32 subleaf = (u32)cpu->gpr[GPR_RCX];
	struct cpuid_regs regs = platform_cpuid(cpu, leaf, subleaf, PLATFORM_HOST);
	u64 cr4 = vmread(VMCS_GUEST_CR4);

	if (leaf == CPUID_FEATURES)
		regs.ecx = mirror(regs.ecx, CPUID_1_ECX_OSXSAVE, (cr4 & CR4_OSXSAVE) != 0);
	else if (leaf == CPUID_EXTENDED && subleaf == 0)
		regs.ecx = mirror(regs.ecx, CPUID_7_ECX_OSPKE, (cr4 & CR4_PKE) != 0);
	cpu->gpr[GPR_RAX] = regs.eax;
	cpu->gpr[GPR_RBX] = regs.ebx;
	cpu->gpr[GPR_RCX] = regs.ecx;
	cpu->gpr[GPR_RDX] = regs.edx;
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

static void set_bit(u8 *bitmap, u32 bit)
{
	bitmap[bit / 8] |= (u8)(1 << (bit % 8));
}

void cpu_face_fill_msr_bitmap(u8 *bitmap)
{
	for (u32 msr = 0; msr <= MSR_LOW_LAST; msr++) {
		if (!platform_msr_exits(msr))
			continue;
		set_bit(bitmap + MSR_BITMAP_READ_LOW, msr);
		set_bit(bitmap + MSR_BITMAP_WRITE_LOW, msr);
	}
}

void cpu_face_rdmsr(struct emu_cpu *cpu)
{
	u64 value;

	if (!platform_msr(cpu, (u32)cpu->gpr[GPR_RCX], PLATFORM_HOST, &value)) {
		l1_inject_gp();
		return;
	}
	cpu->gpr[GPR_RAX] = (u32)value;
	cpu->gpr[GPR_RDX] = value >> 32;
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

void cpu_face_wrmsr(struct emu_cpu *cpu)
{
	u64 value = cpu->gpr[GPR_RDX] << 32 | (u32)cpu->gpr[GPR_RAX];

	if (platform_msr_write(cpu, (u32)cpu->gpr[GPR_RCX], value))
		l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
	else
		l1_inject_gp();
}
