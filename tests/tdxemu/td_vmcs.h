/* SPDX-License-Identifier: BSD-2-Clause */
/* VMCS of a TD vCPU: initial state after TDH.VP.INIT, fields the host may read and write. */
#ifndef TDXEMU_TD_VMCS_H
#define TDXEMU_TD_VMCS_H

#include "tests/tdxemu/td.h"

/**
 * td_vmcs_init() - TDH.VP.INIT: fill page TDVPS_PAGE_VMCS, the guest registers and the merged EPT root
 * @rcx: initial RCX and R8
 */
void td_vmcs_init(struct emu_cpu *cpu, struct tdr *tdr, struct tdvps *tdvps, u64 rcx);
/** td_vmcs_load() - make the vCPU's VMCS current on this core, the one it is associated with */
void td_vmcs_load(struct tdvps *tdvps);
/** td_vmcs_flush() - VMCLEAR; the vCPU leaves this core (TDH.VP.FLUSH) */
void td_vmcs_flush(struct emu_cpu *cpu, struct tdvps *tdvps);
/**
 * td_vmcs_read(), td_vmcs_write() - TDH.VP.RD/WR of VMCS fields in the production-TD table (tdx-host-td.md 11.4)
 * @mask: the host's write mask. Return a status word of the metadata class.
 */
u64 td_vmcs_read(struct emu_cpu *cpu, struct tdvps *tdvps, u32 encoding, u64 *value);
u64 td_vmcs_write(struct emu_cpu *cpu, struct tdvps *tdvps, u32 encoding, u64 value, u64 mask, u64 *previous);
/** td_vmcs_interrupt_pending() - VCPU_STATE_DETAILS.VMXIP: RVI[7:4] > PPR[7:4] */
bool td_vmcs_interrupt_pending(struct emu_cpu *cpu, struct tdvps *tdvps);

#endif
