/* SPDX-License-Identifier: BSD-2-Clause */
/* The same request many times over, kind by kind: tests/system/bench.py counts what each costs the host. */
#include "arch/x86/insn.h"
#include "include/spec/tdx/ghci.h"
#include "include/spec/tdx/sept.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/msr.h"
#include "tests/guests/payload.h"

#define SHARED TDX_SHARED_BIT_GPAW48
#define BUFFER 0x1000000ull	/* 2 MiB of RAM used for conversions */
#define COM1_LINE_STATUS 0x3fd
#define COM1_SCRATCH 0x3ff
#define WAKE_VECTOR 0x40
#define ROUNDS 500
#define CONVERSIONS 50

static u64 refused;

static void call(u64 function, u64 r12, u64 r13, u64 r14, u64 r15)
{
	struct tdcall_regs regs = { .r12 = r12, .r13 = r13, .r14 = r14, .r15 = r15 };

	if (tdvmcall(function, &regs) != 0)
		refused++;
}

void payload_run(void)
{
	if (tdg_mem_page_accept(GPA(BUFFER), TDX_LEVEL_2M) != 0)
		refused++;
	for (u32 i = 0; i < ROUNDS; i++)
		call(TDVMCALL_CPUID, HYPERVISOR_CPUID_BASE, 0, 0, 0);
	for (u32 i = 0; i < ROUNDS; i++)
		call(TDVMCALL_IO, 1, TDVMCALL_WRITE, COM1_SCRATCH, i & 0xff);
	for (u32 i = 0; i < ROUNDS; i++)
		call(TDVMCALL_IO, 1, TDVMCALL_READ, COM1_LINE_STATUS, 0);
	for (u32 i = 0; i < ROUNDS; i++)
		call(TDVMCALL_MMIO, 4, TDVMCALL_READ, SHARED | GUEST_ECAM_BASE, 0);
	for (u32 i = 0; i < ROUNDS; i++)
		call(TDVMCALL_RDMSR, IA32_APIC_BASE, 0, 0, 0);
	/* With an interrupt pending, and IF clear so that it stays so, HLT costs its look at the vCPU and no wait. */
	wrmsr(X2APIC_MSR(APIC_SELF_IPI), WAKE_VECTOR);
	for (u32 i = 0; i < ROUNDS; i++)
		call(TDVMCALL_HLT, 0, 0, 0, 0);
	for (u32 i = 0; i < CONVERSIONS; i++) {
		call(TDVMCALL_MAP_GPA, SHARED | BUFFER, PAGE_SIZE_2M, 0, 0);
		call(TDVMCALL_MAP_GPA, BUFFER, PAGE_SIZE_2M, 0, 0);
		if (tdg_mem_page_accept(GPA(BUFFER), TDX_LEVEL_2M) != 0)
			refused++;
	}
	expect_equal("requests refused", refused, 0);
}
