/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of TDVMCALLs.
 *
 * Only registers that the guest exposed are read, the others count as 0; only exposed ones are written, and of those
 * only R10 and what the sub-function defines as output, so that the guest finds everything else as it left it.
 * Counting is by row. A call that names no row (the optional ones: notification, services,
 * migration, WBINVD, PCONFIG) gets SUBFUNC_UNSUPPORTED; a vendor call (R10 not 0) gets what KVM
 * answers for an unknown hypercall, because that is the signature the guest sees.
 *
 * GHCI, "TDG.VP.VMCALL<sub-functions>"; TDX Module ABI, "TDH.VP.ENTER", output of a TDVMCALL exit.
 */
#include "vmm/tdvmcall.h"

#include "include/spec/tdx/vp_enter.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "vmm/guest.h"

#define VENDOR_NOT_KNOWN ((u64)-1000)	/* -KVM_ENOSYS */

struct row {
	u64 function;
	u64 (*handle)(struct guest_vcpu *vcpu, struct vmcall *call);
	size_t counter;	/* offset in struct guest_counters */
};

#define COUNTER(name) offsetof(struct guest_counters, name)
/* The commonest first: the search is linear. IO and MMIO count reads and writes apart, see count_call(). */
static const struct row rows[] = {
	{ TDVMCALL_HLT, call_hlt, COUNTER(hlt) },
	{ TDVMCALL_WRMSR, call_wrmsr, COUNTER(wrmsr) },
	{ TDVMCALL_IO, call_io, COUNTER(io_in) },
	{ TDVMCALL_MMIO, call_mmio, COUNTER(mmio_read) },
	{ TDVMCALL_RDMSR, call_rdmsr, COUNTER(rdmsr) },
	{ TDVMCALL_CPUID, call_cpuid, COUNTER(cpuid) },
	{ TDVMCALL_MAP_GPA, call_map_gpa, COUNTER(map_gpa) },
	{ TDVMCALL_GET_QUOTE, call_get_quote, COUNTER(get_quote) },
	{ TDVMCALL_GET_TD_VMCALL_INFO, call_get_info, COUNTER(other) },
	{ TDVMCALL_REPORT_FATAL_ERROR, call_fatal_error, COUNTER(other) },
};

/* Where ReportFatalError carries its text, in order. */
static const u8 message_registers[TDVMCALL_MESSAGE_WORDS] = {
	GPR_R14, GPR_R15, GPR_RBX, GPR_RDI, GPR_RSI, GPR_R8, GPR_R9, GPR_RDX,
};

static u64 exposed(const struct vcpu *vcpu, u32 mask, u32 gpr)
{
	return mask & BIT(gpr) ? vcpu->gpr[gpr] : 0;
}

static void decode(const struct vcpu *vcpu, u32 mask, struct vmcall *call)
{
	memset(call, 0, sizeof(*call));
	call->function = exposed(vcpu, mask, GPR_R11);
	for (u32 i = 0; i < TDVMCALL_ARGUMENTS; i++)
		call->argument[i] = exposed(vcpu, mask, GPR_R12 + i);
	for (u32 i = 0; i < TDVMCALL_MESSAGE_WORDS; i++)
		call->message[i] = exposed(vcpu, mask, message_registers[i]);
}

static void encode(struct vcpu *vcpu, u32 mask, u64 status, const struct vmcall *call)
{
	if (mask & BIT(GPR_R10))
		vcpu->gpr[GPR_R10] = status;
	for (u32 i = 0; i < TDVMCALL_OUTPUTS; i++)
		if ((call->outputs & BIT(i)) && (mask & BIT(GPR_R11 + i)))
			vcpu->gpr[GPR_R11 + i] = call->output[i];
}

void tdvmcall_return(struct vmcall *call, enum tdvmcall_output output, u64 value)
{
	call->output[output] = value;
	call->outputs |= (u32)BIT(output);
}

static u64 call_unsupported(struct guest_vcpu *vcpu, struct vmcall *call)
{
	log_debug("td", "%s vCPU %u: TDVMCALL 0x%lx is not offered", vcpu->guest->config->name, vcpu->vcpu.index,
		  call->function);
	return TDVMCALL_SUBFUNC_UNSUPPORTED;
}

static void count_call(struct guest_counters *counters, const struct row *row, const struct vmcall *call)
{
	size_t offset = row->counter;

	if (row->function == TDVMCALL_IO && call->argument[1] == TDVMCALL_WRITE)
		offset = COUNTER(io_out);
	if (row->function == TDVMCALL_MMIO && call->argument[1] == TDVMCALL_WRITE)
		offset = COUNTER(mmio_write);
	++*(u64 *)(void *)((char *)counters + offset);
}

static u64 serve(struct guest_vcpu *vcpu, struct vmcall *call)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].function != call->function)
			continue;
		count_call(&vcpu->counters, &rows[i], call);
		return rows[i].handle(vcpu, call);
	}
	vcpu->counters.other++;
	return call_unsupported(vcpu, call);
}

void tdvmcall_handle(struct guest_vcpu *vcpu, u32 mask)
{
	struct vmcall call;
	u64 status;

	vcpu->counters.tdvmcalls++;
	decode(&vcpu->vcpu, mask, &call);
	if (exposed(&vcpu->vcpu, mask, GPR_R10)) {
		vcpu->counters.other++;
		status = VENDOR_NOT_KNOWN;
	} else {
		status = serve(vcpu, &call);
	}
	if (status != TDVMCALL_SUCCESS && status != TDVMCALL_RETRY)
		vcpu->counters.refused++;
	encode(&vcpu->vcpu, mask, status, &call);
}
