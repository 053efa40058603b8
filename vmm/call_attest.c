/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDVMCALLs about the TD itself: what the host offers, quotes, and the guest's last words.
 *
 * Cella runs no quoting enclave: GetQuote is checked as if there were one and answered with "service unavailable" in
 * the guest's buffer, the answer guests know how to handle; reports for a quoting service elsewhere do not need the
 * host. ReportFatalError's text goes to the operator's terminal, so only printable characters pass. Own task of the
 * vCPU, outside the TD.
 *
 * GHCI, "TDG.VP.VMCALL<GetTdVmCallInfo>", "<GetQuote>", "<ReportFatalError>".
 */
#include "include/spec/tdx/ghci.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "vmm/gmem.h"
#include "vmm/guest.h"
#include "vmm/tdvmcall.h"

u64 call_get_info(struct guest_vcpu *vcpu, struct vmcall *call)
{
	(void)vcpu;
	if (call->argument[0] > 1)
		return TDVMCALL_INVALID_OPERAND;
	/* 0: all mandatory calls are there. 1: bit maps of the optional ones, of which there is none. */
	for (u32 output = TDVMCALL_OUT_R11; output <= TDVMCALL_OUT_R14; output++)
		tdvmcall_return(call, output, 0);
	return TDVMCALL_SUCCESS;
}

u64 call_get_quote(struct guest_vcpu *vcpu, struct vmcall *call)
{
	static const u64 answer = TDX_QUOTE_UNAVAILABLE;
	struct guest *guest = vcpu->guest;
	u64 shared_bit = guest->td.shared_bit, bytes = call->argument[1];
	gpa_t buffer = GPA(call->argument[0] & ~shared_bit);
	struct tdx_quote_header header;

	if (!(call->argument[0] & shared_bit) || !bytes)
		return TDVMCALL_INVALID_OPERAND;
	if (!IS_ALIGNED(buffer.raw | bytes, PAGE_SIZE))
		return TDVMCALL_ALIGN_ERROR;
	if (bytes > TDX_QUOTE_MAX_BYTES || !gmem_is_ram(guest, buffer, bytes))
		return TDVMCALL_INVALID_OPERAND;
	/* The guest may change the buffer at any time: one copy, and only the copy is believed. */
	if (gmem_read(guest, buffer, &header, sizeof(header)) || header.version != TDX_QUOTE_VERSION ||
	    header.in_bytes > bytes - sizeof(header) ||
	    gmem_write(guest, gpa_add(buffer, offsetof(struct tdx_quote_header, status)), &answer, sizeof(answer)))
		return TDVMCALL_INVALID_OPERAND;
	return TDVMCALL_SUCCESS;
}

u64 call_fatal_error(struct guest_vcpu *vcpu, struct vmcall *call)
{
	char text[sizeof(call->message) + 1];

	memcpy(text, call->message, sizeof(call->message));
	text[sizeof(call->message)] = '\0';
	for (char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '.';
	log_error("td", "%s vCPU %u reported a fatal error, code 0x%lx: \"%s\"", vcpu->guest->config->name,
		  vcpu->vcpu.index, call->argument[0], text);
	guest_request_end(vcpu->guest, GUEST_END_FATAL_REPORT);
	return TDVMCALL_SUCCESS;
}
