/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/td_msr.h"

#include <string.h>

#include "tests/tdxemu/td_cpuid.h"
#include "tests/unit/test.h"

static struct tdcs tdcs;

static void plain_td(void)
{
	memset(&tdcs, 0, sizeof(tdcs));
	tdcs.xfam = TD_XFAM_X87 | TD_XFAM_SSE;
}

static enum msr_action reading(u32 msr)
{
	return td_msr_action(&tdcs, msr, MSR_READ);
}

static enum msr_action writing(u32 msr)
{
	return td_msr_action(&tdcs, msr, MSR_WRITE);
}

TEST(an_msr_without_a_row_is_forwarded_to_the_guest)
{
	static const u32 forwarded[] = { 0x1b, 0x3a, 0x3b, 0x8b, 0xce, 0xfe, 0x179, 0x200, 0x2ff, 0x400, 0x610,
					 0xc0000083, 0x40000000, 0x4b564d00, 0xffffffff };

	plain_td();
	for (u32 i = 0; i < ARRAY_SIZE(forwarded); i++) {
		CHECK_EQ(reading(forwarded[i]), MSR_VE);
		CHECK_EQ(writing(forwarded[i]), MSR_VE);
	}
}

TEST(only_virtualised_x2apic_registers_are_native)
{
	plain_td();
	CHECK_EQ(reading(0x808), MSR_NATIVE);
	CHECK_EQ(writing(0x808), MSR_NATIVE);
	CHECK_EQ(writing(0x80b), MSR_NATIVE);
	CHECK_EQ(writing(0x83f), MSR_NATIVE);
	CHECK_EQ(reading(0x820), MSR_NATIVE);
	CHECK_EQ(writing(0x820), MSR_GP);
	CHECK_EQ(writing(0x830), MSR_VE);
	CHECK_EQ(reading(0x802), MSR_VE);
	CHECK_EQ(reading(0x804), MSR_GP);
	CHECK_EQ(writing(0x83b), MSR_VE);
	CHECK_EQ(writing(0x8ff), MSR_GP);
}

TEST(gates_turn_gp_into_native_or_ve)
{
	plain_td();
	CHECK_EQ(reading(0xc1), MSR_GP);
	CHECK_EQ(reading(0x6a0), MSR_GP);
	CHECK_EQ(writing(0x6e0), MSR_GP);
	CHECK_EQ(writing(0xe1), MSR_GP);
	CHECK_EQ(reading(0x345), MSR_READ_ZERO);
	CHECK_EQ(writing(0x345), MSR_GP);
	CHECK_EQ(reading(0x1a0), MSR_MISC_ENABLE);
	tdcs.attributes = TD_ATTR_PERFMON;
	tdcs.xfam |= TD_XFAM_CET;
	tdcs.cpuid[TD_CPUID_1].ecx = 1u << 24;
	tdcs.cpuid[TD_CPUID_7_0].ecx = 1u << 5;
	CHECK_EQ(reading(0xc1), MSR_NATIVE);
	CHECK_EQ(reading(0x6a0), MSR_NATIVE);
	CHECK_EQ(writing(0x6e0), MSR_VE);
	CHECK_EQ(writing(0xe1), MSR_NATIVE);
	CHECK_EQ(reading(0x345), MSR_PERF_CAPABILITIES);
	CHECK_EQ(writing(0x345), MSR_NATIVE);
	CHECK_EQ(reading(0x1a0), MSR_NATIVE);
	CHECK_EQ(writing(0x1a0), MSR_VE);
}

TEST(the_bitmap_lets_through_exactly_the_native_accesses)
{
	static u8 bitmap[PAGE_SIZE];
	u32 wrong = 0;

	plain_td();
	memset(bitmap, 0xff, sizeof(bitmap));
	td_msr_fill_bitmap(&tdcs, bitmap);
	for (u32 i = 0; i < 0x4000; i++) {
		u32 msr = i < 0x2000 ? i : 0xc0000000 + i - 0x2000;
		u32 base = i < 0x2000 ? 0 : 1024;
		bool read_exits = (bitmap[base + (i & 0x1fff) / 8] >> (i % 8)) & 1;
		bool write_exits = (bitmap[2048 + base + (i & 0x1fff) / 8] >> (i % 8)) & 1;

		if (read_exits == (reading(msr) == MSR_NATIVE) || write_exits == (writing(msr) == MSR_NATIVE))
			wrong++;
	}
	CHECK_EQ(wrong, 0);
}
