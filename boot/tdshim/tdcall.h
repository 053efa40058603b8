/* SPDX-License-Identifier: BSD-2-Clause */
/* One typed wrapper per guest leaf that the shim uses. Manual: TDX Module ABI, guest-side interface functions; GHCI. */
#ifndef BOOT_TDSHIM_TDCALL_H
#define BOOT_TDSHIM_TDCALL_H

#include "include/cella/types.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
#include "include/spec/tdx/tdmr.h"

struct tdcall_regs {
	u64 rcx, rdx, r8, r9, r10, r11, r12, r13, r14, r15, rbx, rdi, rsi;
};

/** tdcall() - the instruction; returns RAX */
u64 tdcall(u64 leaf, struct tdcall_regs *regs);

struct td_info {
	u32 gpa_width;
	u64 attributes;
	u32 vcpus;	/* initialised, which is all of them once the TD runs */
};

/** tdg_vp_info() - cannot fail */
struct td_info tdg_vp_info(void);
/** tdg_mem_page_accept() - @gpa aligned to @level (4K or 2M). Returns the status word */
u64 tdg_mem_page_accept(gpa_t gpa, enum tdx_level level);
/** tdg_rtmr_extend() - @digest: 48 bytes, 64-byte aligned, private. Returns the status word */
u64 tdg_rtmr_extend(u32 rtmr, const u8 *digest);
/** tdvmcall_port_write() - one byte to an I/O port; the result is ignored: the host owns the console */
void tdvmcall_port_write(u16 port, u8 value);
/** tdvmcall_fatal() - report up to 64 bytes of text and stop; never returns */
__noreturn void tdvmcall_fatal(const char *text);

#endif
