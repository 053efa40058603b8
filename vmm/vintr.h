/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts into a guest: always posted, always edges. */
#ifndef VMM_VINTR_H
#define VMM_VINTR_H

#include "include/cella/types.h"

struct guest;
struct guest_vcpu;

/**
 * vintr_post() - any core: vector into one vCPU; wakes it from HLT
 * Vectors below 16 are dropped, and so is everything while the vCPU's local APIC is disabled by software (SVR).
 */
void vintr_post(struct guest_vcpu *vcpu, u8 vector);
/** vintr_nmi() - any core: an NMI for one vCPU; wakes it from HLT. Requests collapse into one until it is taken */
void vintr_nmi(struct guest_vcpu *vcpu);
/** vintr_msi() - an MSI or MSI-X message: physical or logical destination, fixed delivery; anything else is dropped */
void vintr_msi(struct guest *guest, u64 address, u32 data);

#endif
