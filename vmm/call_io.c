/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDVMCALLs for port and MMIO accesses: everything is checked here, so that device models see only naturally sized and
 * aligned accesses. MMIO goes through the shared half and never touches RAM, not even RAM that the guest shares.
 * Own task of the vCPU, outside the TD.
 *
 * GHCI, "TDG.VP.VMCALL<Instruction.IO>", "TDG.VP.VMCALL<#VE.RequestMMIO>".
 */
#include "include/spec/tdx/ghci.h"
#include "vmm/bus.h"
#include "vmm/gmem.h"
#include "vmm/guest.h"
#include "vmm/tdvmcall.h"

#define PORT_COUNT 0x10000u

static u64 low_bytes_of(u64 value, u64 bytes)
{
	return bytes < sizeof(u64) ? value & (BIT(8 * bytes) - 1) : value;
}

/* A power of two of bytes, up to @max, read or written. */
static bool is_access(const struct vmcall *call, u64 max)
{
	u64 bytes = call->argument[0], direction = call->argument[1];

	return bytes && bytes <= max && !(bytes & (bytes - 1)) &&
	       (direction == TDVMCALL_READ || direction == TDVMCALL_WRITE);
}

/* One access to a checked address. */
static u64 perform(struct guest_vcpu *vcpu, struct vmcall *call, enum bus_space space, u64 address)
{
	struct bus *bus = &vcpu->guest->bus;
	u64 bytes = call->argument[0], data;

	if (call->argument[1] == TDVMCALL_WRITE) {
		bus_write(bus, space, address, (u32)bytes, low_bytes_of(call->argument[3], bytes));
		return TDVMCALL_SUCCESS;
	}
	data = bus_read(bus, space, address, (u32)bytes);
	tdvmcall_return(call, TDVMCALL_OUT_R11, low_bytes_of(data, bytes));
	return TDVMCALL_SUCCESS;
}

u64 call_io(struct guest_vcpu *vcpu, struct vmcall *call)
{
	u64 bytes = call->argument[0], port = call->argument[2];

	if (!is_access(call, sizeof(u32)) || port >= PORT_COUNT || bytes > PORT_COUNT - port)
		return TDVMCALL_INVALID_OPERAND;
	return perform(vcpu, call, BUS_PORT, port);
}

u64 call_mmio(struct guest_vcpu *vcpu, struct vmcall *call)
{
	u64 bytes = call->argument[0], shared_bit = vcpu->guest->td.shared_bit;
	gpa_t gpa = GPA(call->argument[2] & ~shared_bit);

	if (!is_access(call, sizeof(u64)))
		return TDVMCALL_INVALID_OPERAND;
	/* Natural alignment also keeps the access inside its page. */
	if (!(call->argument[2] & shared_bit) || gpa.raw >= shared_bit || !IS_ALIGNED(gpa.raw, bytes))
		return TDVMCALL_INVALID_OPERAND;
	if (gmem_is_ram(vcpu->guest, gpa, bytes))
		return TDVMCALL_INVALID_OPERAND;
	return perform(vcpu, call, BUS_MMIO, gpa.raw);
}
