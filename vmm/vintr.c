/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts into a guest.
 *
 * The only way in is the posted-interrupt descriptor: a vector is set there, the core is notified if the vCPU is
 * inside the TD, and its task is woken if it waits in HLT. The host never sees an EOI, so every interrupt is an edge.
 * NMIs go through the TDX module and can only be requested by the vCPU's own task, which is asked to do so. Any core,
 * interrupt handlers included; no lock.
 *
 * SDM, "Posted-Interrupt Processing", "Message Signalled Interrupts"; Intel 64 Architecture x2APIC Specification.
 */
#include "vmm/vintr.h"

#include "include/spec/x86/apic.h"
#include "vmm/guest.h"

void vintr_post(struct guest_vcpu *vcpu, u8 vector)
{
	u32 svr = __atomic_load_n(&vcpu->vapic.regs[VAPIC_REGISTER(APIC_SVR)], __ATOMIC_RELAXED);

	if (vector < APIC_VECTOR_FIRST_LEGAL || !(svr & APIC_SVR_ENABLE))
		return;
	vcpu_post_interrupt(&vcpu->vcpu, vector);
	event_signal(&vcpu->wake);
}

void vintr_nmi(struct guest_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->nmi_requested, true, __ATOMIC_SEQ_CST);
	vcpu_kick(&vcpu->vcpu);
	event_signal(&vcpu->wake);
}

/* Eight destination bits reach cluster 0 of the x2APIC's logical ids, which holds all vCPUs a guest may have. */
static bool msi_targets(u32 destination, bool logical, u32 vcpu_index)
{
	if (destination == XAPIC_BROADCAST)
		return true;
	return logical ? (destination >> vcpu_index & 1) != 0 : destination == vcpu_index;
}

_Static_assert(GUEST_MAX_VCPUS <= 8, "logical MSI destinations have eight bits");

void vintr_msi(struct guest *guest, u64 address, u32 data)
{
	u32 destination = (u32)(address >> MSI_ADDRESS_DESTINATION_SHIFT) & 0xff;
	bool logical = (address & MSI_ADDRESS_LOGICAL) != 0;

	if ((address & MSI_ADDRESS_BASE_MASK) != MSI_ADDRESS_BASE || (data & MSI_DATA_DELIVERY_MASK))
		return;
	for (u32 i = 0; i < guest->vcpu_count; i++)
		if (msi_targets(destination, logical, i))
			vintr_post(&guest->vcpus[i], (u8)data);
}
