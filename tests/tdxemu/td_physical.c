/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is an interrupt waiting for this core while a TDCALL is handled? The module asks a SEAM-only MSR; here the local
 * APIC's request register is read: an interrupt is deliverable when its priority class is above the processor
 * priority. Called on the core that runs the TD; physical interrupts are off. Manual: SDM volume 3, "Interrupt
 * Acceptance".
 */
#include "arch/x86/insn.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/tdcall.h"

#define IRR_REGISTERS 8
#define REGISTER_STRIDE 0x10
#define VECTORS_PER_REGISTER 32
#define PRIORITY_CLASS(vector) ((vector) >> 4)

static u32 apic_read(u32 offset)
{
	u64 base = rdmsr(IA32_APIC_BASE);

	if (base & APIC_BASE_X2APIC)
		return (u32)rdmsr(X2APIC_MSR(offset));
	if ((base & APIC_BASE_ENABLE) == 0)
		return 0;
	return *(volatile u32 *)phys((base & APIC_BASE_ADDRESS_MASK) + offset);
}

static u32 highest_requested_vector(void)
{
	for (u32 i = IRR_REGISTERS; i-- > 0;) {
		u32 requests = apic_read(APIC_IRR + i * REGISTER_STRIDE);

		if (requests != 0)
			return i * VECTORS_PER_REGISTER + 31 - (u32)__builtin_clz(requests);
	}
	return 0;
}

bool td_physical_event(struct td_run *run)
{
	return smp_nmi_pending(run->cpu) ||
	       PRIORITY_CLASS(highest_requested_vector()) > PRIORITY_CLASS(apic_read(APIC_PPR));
}
