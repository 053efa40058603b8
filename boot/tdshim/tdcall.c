/* SPDX-License-Identifier: BSD-2-Clause */
/* See tdcall.h. Register names end in this file. */
#include "boot/tdshim/tdcall.h"

#include "include/spec/tdx/ghci.h"
#include "include/spec/tdx/vp_enter.h"
#include "kernel/lib/string.h"

/* R10..R15: what an instruction sub-function exposes to the host. */
#define EXPOSE_R10_R15 0xfc00ull
/* R10..R15, RBX, RDI, RSI, R8, R9, RDX: the registers of a fatal error's text. */
#define EXPOSE_FATAL_TEXT 0xffccull
#define FATAL_TEXT_BYTES 64
#define GPA_WIDTH_MASK 0x3full

struct td_info tdg_vp_info(void)
{
	struct tdcall_regs regs = { 0 };
	struct td_info info;

	(void)tdcall(TDG_VP_INFO, &regs);
	info.gpa_width = (u32)(regs.rcx & GPA_WIDTH_MASK);
	info.attributes = regs.rdx;
	info.vcpus = (u32)regs.r8;
	return info;
}

u64 tdg_mem_page_accept(gpa_t gpa, enum tdx_level level)
{
	struct tdcall_regs regs = { .rcx = gpa.raw | (u64)level };

	return tdcall(TDG_MEM_PAGE_ACCEPT, &regs);
}

u64 tdg_rtmr_extend(u32 rtmr, const u8 *digest)
{
	struct tdcall_regs regs = { .rcx = (u64)digest, .rdx = rtmr };

	return tdcall(TDG_MR_RTMR_EXTEND, &regs);
}

void tdvmcall_port_write(u16 port, u8 value)
{
	struct tdcall_regs regs = {
		.rcx = EXPOSE_R10_R15,
		.r11 = TDVMCALL_IO,
		.r12 = 1,
		.r13 = TDVMCALL_WRITE,
		.r14 = port,
		.r15 = value,
	};

	(void)tdcall(TDG_VP_VMCALL, &regs);
}

__noreturn void tdvmcall_fatal(const char *text)
{
	u64 words[FATAL_TEXT_BYTES / sizeof(u64)] = { 0 };
	size_t bytes = strnlen(text, FATAL_TEXT_BYTES);

	memcpy(words, text, bytes);
	for (;;) {
		struct tdcall_regs regs = {
			.rcx = EXPOSE_FATAL_TEXT,
			.r11 = TDVMCALL_REPORT_FATAL_ERROR,
			.r14 = words[0],
			.r15 = words[1],
			.rbx = words[2],
			.rdi = words[3],
			.rsi = words[4],
			.r8 = words[5],
			.r9 = words[6],
			.rdx = words[7],
		};

		(void)tdcall(TDG_VP_VMCALL, &regs);
	}
}
