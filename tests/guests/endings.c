/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways in which a TD can end itself; the hypervisor must name each and stay up. The mode comes from the command line. */
#include "boot/tdshim/report.h"
#include "include/spec/tdx/ghci.h"
#include "include/spec/tdx/sept.h"
#include "kernel/lib/string.h"
#include "tests/guests/payload.h"

#define UNACCEPTED 0x2000000ull
#define OUTSIDE_RAM 0xb0000000ull
#define SHARED TDX_SHARED_BIT_GPAW48

static void end_triple_fault(void)
{
	static const struct {
		u16 limit;
		u64 base;
	} __packed none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void end_unaccepted(void)
{
	*(volatile u64 *)UNACCEPTED = 1;
}

static void end_outside(void)
{
	*(volatile u64 *)OUTSIDE_RAM = 1;
}

static void end_shared_then_private(void)
{
	struct tdcall_regs regs = { .r12 = SHARED | UNACCEPTED, .r13 = PAGE_SIZE_2M };

	(void)tdvmcall(TDVMCALL_MAP_GPA, &regs);
	*(volatile u64 *)UNACCEPTED = 1;
}

static void end_fatal_report(void)
{
	tdvmcall_fatal("the end, said by the guest \x1b[31m");
}

static void end_reset(void)
{
	tdvmcall_port_write(GUEST_PORT_RESET, GUEST_RESET_VALUE);
}

static void end_call_storm(void)
{
	for (u64 i = 0; i < 20000; i++) {
		struct tdcall_regs regs = { .rcx = i * 0x10001 & 0xffcc, .r10 = i & 1, .r11 = i * 7919, .r12 = i << 40,
					    .r13 = ~i, .r14 = i * i, .r15 = i };

		(void)tdcall(TDG_VP_VMCALL, &regs);
	}
}

void payload_run(void)
{
	static const struct {
		const char *mode;
		void (*end)(void);
	} endings[] = {
		{ "triple-fault", end_triple_fault },
		{ "unaccepted", end_unaccepted },
		{ "outside", end_outside },
		{ "shared-then-private", end_shared_then_private },
		{ "fatal-report", end_fatal_report },
		{ "reset", end_reset },
		{ "call-storm", end_call_storm },
	};

	for (u32 i = 0; i < ARRAY_SIZE(endings); i++)
		if (strcmp(payload_mode(), endings[i].mode) == 0)
			endings[i].end();
}
