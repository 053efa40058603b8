/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest-host communication: sub-functions of TDG.VP.VMCALL, their statuses and constants.
 * Manual: Guest-Host Communication Interface for Intel TDX.
 */
#ifndef SPEC_TDX_GHCI_H
#define SPEC_TDX_GHCI_H

#include "include/cella/types.h"

/* R11 when R10 is 0. Instruction sub-functions carry the VMX exit reason of the instruction. */
enum tdvmcall {
	TDVMCALL_CPUID = 10,
	TDVMCALL_HLT = 12,
	TDVMCALL_IO = 30,
	TDVMCALL_RDMSR = 31,
	TDVMCALL_WRMSR = 32,
	TDVMCALL_MMIO = 48,
	TDVMCALL_WBINVD = 54,
	TDVMCALL_PCONFIG = 65,
	TDVMCALL_GET_TD_VMCALL_INFO = 0x10000,
	TDVMCALL_MAP_GPA = 0x10001,
	TDVMCALL_GET_QUOTE = 0x10002,
	TDVMCALL_REPORT_FATAL_ERROR = 0x10003,
	TDVMCALL_SETUP_EVENT_NOTIFY = 0x10004,
	TDVMCALL_SERVICE = 0x10005,
	TDVMCALL_MIGTD = 0x10006,
};

/* R10 on return. */
#define TDVMCALL_SUCCESS 0ull
#define TDVMCALL_RETRY 1ull
#define TDVMCALL_INVALID_OPERAND 0x8000000000000000ull
#define TDVMCALL_GPA_INUSE 0x8000000000000001ull
#define TDVMCALL_ALIGN_ERROR 0x8000000000000002ull
#define TDVMCALL_SUBFUNC_UNSUPPORTED 0x8000000000000003ull

#define TDVMCALL_READ 0	/* R13 of IO and MMIO */
#define TDVMCALL_WRITE 1

/* GetQuote buffer: header, then data. */
struct tdx_quote_header {
	u64 version;
	u64 status;
	u32 in_bytes;
	u32 out_bytes;
};
#define TDX_QUOTE_VERSION 1
#define TDX_QUOTE_MAX_BYTES KIB(128)
#define TDX_QUOTE_DONE 0ull
#define TDX_QUOTE_IN_FLIGHT 0xffffffffffffffffull
#define TDX_QUOTE_ERROR 0x8000000000000000ull
#define TDX_QUOTE_UNAVAILABLE 0x8000000000000001ull

/* The hypervisor signature that Linux takes as a promise that x2APIC stays on. */
#define HYPERVISOR_CPUID_BASE 0x40000000u
#define HYPERVISOR_CPUID_FEATURES 0x40000001u
#define HYPERVISOR_SIGNATURE_EBX 0x4b4d564bu	/* KVMKVMKVM */
#define HYPERVISOR_SIGNATURE_ECX 0x564b4d56u
#define HYPERVISOR_SIGNATURE_EDX 0x0000004du

#endif
