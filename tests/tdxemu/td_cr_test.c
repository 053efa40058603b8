/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/td_cr.h"

#include "include/spec/x86/cr.h"
#include "tests/unit/test.h"

/* A CPU of today: PE, NE, PG and VMXE are fixed to 1, the high halves to 0, CR4 bits from 25 up unknown. */
static const struct cr_fixed fixed = {
	.cr0_zero = 0xffffffff00000000ull,
	.cr0_one = CR0_PE | CR0_NE | CR0_PG,
	.cr4_zero = 0xfffffffffe000000ull,
	.cr4_one = CR4_VMXE,
};

#define RUNNING (CR0_PE | CR0_NE | CR0_PG | CR0_WP)

TEST(cache_disable_and_real_mode_are_the_hosts_business)
{
	CHECK_EQ(td_cr0_check(&fixed, RUNNING | CR0_CD, 0), CR_VE);
	CHECK_EQ(td_cr0_check(&fixed, RUNNING | CR0_NW, 0), CR_VE);
	CHECK_EQ(td_cr0_check(&fixed, CR0_NE, 0), CR_VE);
}

TEST(cr0_values_that_no_cpu_takes_are_general_protection)
{
	CHECK_EQ(td_cr0_check(&fixed, CR0_PE | CR0_PG, 0), CR_GP);	/* NE=0 */
	CHECK_EQ(td_cr0_check(&fixed, RUNNING | 1ull << 32, 0), CR_GP);
	CHECK_EQ(td_cr0_check(&fixed, CR0_NE | CR0_PG, 0), CR_GP);
	CHECK_EQ(td_cr0_check(&fixed, CR0_PE | CR0_NE, CR4_CET), CR_GP);
	CHECK_EQ(td_cr0_check(&fixed, RUNNING | 1u << 8, 0), CR_WRITE);
}

TEST(paging_and_task_switched_belong_to_the_guest)
{
	u64 mask = td_cr0_mask(&fixed);

	CHECK_EQ(mask & (CR0_PG | CR0_WP | CR0_AM | CR0_TS | CR0_MP | CR0_EM | CR0_ET), 0);
	CHECK_EQ(mask & (CR0_PE | CR0_NE | CR0_CD | CR0_NW), CR0_PE | CR0_NE | CR0_CD | CR0_NW);
	CHECK_EQ(mask >> 32, 0xffffffff);
}

TEST(cr4_bits_of_absent_features_are_masked)
{
	u64 mask = td_cr4_mask(&fixed, 0, TD_XFAM_X87 | TD_XFAM_SSE);
	u64 guests = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP | CR4_PCIDE | CR4_UMIP;

	CHECK_EQ(mask & guests, 0);
	CHECK_EQ(mask & (CR4_MCE | CR4_VMXE | CR4_SMXE | CR4_PKE | CR4_CET | CR4_KL),
		 CR4_MCE | CR4_VMXE | CR4_SMXE | CR4_PKE | CR4_CET | CR4_KL);
	mask = td_cr4_mask(&fixed, TD_ATTR_PKS, TD_XFAM_PKRU | TD_XFAM_CET);
	CHECK_EQ(mask & (CR4_PKE | CR4_CET | CR4_PKS), 0);
}

TEST(an_exiting_cr4_write_never_succeeds)
{
	u64 xfam = TD_XFAM_X87 | TD_XFAM_SSE;

	CHECK_EQ(td_cr4_check(&fixed, 0, xfam, CR4_PAE, RUNNING), CR_VE);	/* MCE=0 */
	CHECK_EQ(td_cr4_check(&fixed, 0, xfam, CR4_MCE | CR4_VMXE, RUNNING), CR_VE);
	CHECK_EQ(td_cr4_check(&fixed, 0, xfam, CR4_MCE | CR4_SMXE, RUNNING), CR_VE);
	CHECK_EQ(td_cr4_check(&fixed, 0, xfam, CR4_MCE | CR4_PKE, RUNNING), CR_GP);
	CHECK_EQ(td_cr4_check(&fixed, 0, xfam, CR4_MCE | CR4_KL, RUNNING), CR_GP);
	CHECK_EQ(td_cr4_check(&fixed, 0, xfam, CR4_MCE | 1ull << 40, RUNNING), CR_GP);
	CHECK_EQ(td_cr4_check(&fixed, 0, TD_XFAM_CET, CR4_MCE | CR4_CET, CR0_PE), CR_GP);
}

TEST(xcr0_keeps_its_components_together)
{
	u64 xfam = TD_XFAM_X87 | TD_XFAM_SSE | TD_XFAM_AVX | TD_XFAM_AVX512;

	CHECK(td_xcr0_is_valid(~0ull, xfam, 0x1));
	CHECK(td_xcr0_is_valid(~0ull, xfam, 0x7));
	CHECK(td_xcr0_is_valid(~0ull, xfam, 0xe7));
	CHECK(!td_xcr0_is_valid(~0ull, xfam, 0x6));	/* without x87 */
	CHECK(!td_xcr0_is_valid(~0ull, xfam, 0x5));	/* AVX without SSE */
	CHECK(!td_xcr0_is_valid(~0ull, xfam, 0x27));	/* part of AVX-512 */
	CHECK(!td_xcr0_is_valid(~0ull, xfam, 0xe3));	/* AVX-512 without AVX */
	CHECK(!td_xcr0_is_valid(~0ull, xfam, 0x207));	/* not in XFAM */
	CHECK(!td_xcr0_is_valid(0x7, xfam, 0xe7));	/* not in the CPU */
}
