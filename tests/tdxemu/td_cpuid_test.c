/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/td_cpuid.h"

#include <string.h>

#include "include/spec/tdx/status.h"
#include "tests/tdxemu/refusal.h"
#include "tests/unit/test.h"

#define ALL_ONES 0xffffffffu
#define FMS 0x000806f8u
#define XFAM_BASIC (TD_XFAM_X87 | TD_XFAM_SSE)

/* A CPU that has everything; XSAVE component n lies at 576 + 256 * n and is 64 bytes long. */
static struct cpuid_regs rich_cpu(u32 leaf, u32 subleaf)
{
	if (leaf == 1)
		return (struct cpuid_regs){ FMS, ALL_ONES, ALL_ONES, ALL_ONES };
	if (leaf == 0xd && subleaf >= 2)
		return (struct cpuid_regs){ 64, 576 + 256 * subleaf, 0, 0 };
	return (struct cpuid_regs){ ALL_ONES, ALL_ONES, ALL_ONES, ALL_ONES };
}

static struct cpuid_regs poor_cpu(u32 leaf, u32 subleaf)
{
	return (struct cpuid_regs){ leaf == 1 ? FMS : 0, 0, 0, 0 };
}

static const struct td_cpuid_platform rich = { rich_cpu, true };
static const struct td_cpuid_platform rich_without_tsx_ctrl = { rich_cpu, false };
static const struct td_cpuid_platform poor = { poor_cpu, true };

static struct tdcs tdcs;
static struct td_cpuid_value config[TD_CPUID_CONFIG_ROWS];
static u64 bad_leaf;

static u64 build(const struct td_cpuid_platform *platform, u64 xfam, u64 attributes)
{
	memset(&tdcs, 0, sizeof(tdcs));
	tdcs.xfam = xfam;
	tdcs.attributes = attributes;
	tdcs.tsc_frequency = 88;
	bad_leaf = 0;
	return td_cpuid_build_on(platform, &tdcs, config, &bad_leaf);
}

static void offer_everything(void)
{
	for (u32 i = 0; i < TD_CPUID_CONFIG_ROWS; i++) {
		u32 leaf, subleaf;

		td_cpuid_config_row(i, &leaf, &subleaf, &config[i]);
	}
	config[0].eax = 0;
}

static void offer_nothing(void)
{
	memset(config, 0, sizeof(config));
}

static const struct td_cpuid_value *row(u32 leaf, u32 subleaf)
{
	return &tdcs.cpuid[td_cpuid_find(leaf, subleaf)];
}

TEST(the_tdx_leaf_names_the_machine_on_any_cpu)
{
	offer_nothing();
	CHECK_EQ(build(&poor, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(row(0x21, 0)->eax, 0);
	CHECK_EQ(row(0x21, 0)->ebx, 0x65746e49);
	CHECK_EQ(row(0x21, 0)->edx, 0x5844546c);
	CHECK_EQ(row(0x21, 0)->ecx, 0x20202020);
	CHECK_EQ(row(0, 0)->eax, 0x23);
	CHECK_EQ(row(0x80000000, 0)->eax, 0x80000008);
	CHECK_EQ(row(0x15, 0)->eax, 1);
	CHECK_EQ(row(0x15, 0)->ebx, 88);
	CHECK_EQ(row(0x15, 0)->ecx, 25000000);
}

TEST(a_feature_appears_only_if_cpu_and_host_have_it)
{
	offer_nothing();
	CHECK_EQ(build(&rich, XFAM_BASIC | TD_XFAM_AVX, 0), TDX_SUCCESS);
	CHECK_EQ(row(1, 0)->ecx & 0x31044d88u, 0);
	offer_everything();
	CHECK_EQ(build(&rich, XFAM_BASIC | TD_XFAM_AVX, 0), TDX_SUCCESS);
	CHECK_EQ(row(1, 0)->ecx & 0x31044d88u, 0x31044d88u);
	CHECK_EQ(build(&poor, XFAM_BASIC | TD_XFAM_AVX, 0), TDX_SUCCESS);
	CHECK_EQ(row(1, 0)->ecx & 0x31044d88u, 0);
	CHECK_EQ(row(1, 0)->ecx, 0x80000000u);	/* the hypervisor bit is always there */
}

TEST(vmx_and_smx_are_never_shown)
{
	offer_everything();
	CHECK_EQ(build(&rich, XFAM_BASIC | TD_XFAM_AVX, 0), TDX_SUCCESS);
	CHECK_EQ(row(1, 0)->ecx & 0x60, 0);
	CHECK_EQ(row(7, 0)->ebx & 0x6, 0);	/* TSC_ADJUST, SGX */
}

TEST(a_bit_that_cannot_be_configured_is_refused_by_leaf)
{
	offer_nothing();
	config[5].ebx = 1;	/* 7.0.EBX FSGSBASE is native */
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_OPERAND_INVALID | TDX_OPERAND_ID_CPUID_CONFIG);
	CHECK_EQ(bad_leaf, 7);
	offer_nothing();
	config[7].eax = 1;	/* leaf 0xA has nothing to configure, and no sub-leaf */
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_OPERAND_INVALID | TDX_OPERAND_ID_CPUID_CONFIG);
	CHECK_EQ(bad_leaf, 0xffffffff0000000aull);
}

TEST(family_model_stepping_are_the_platforms_or_nothing)
{
	offer_nothing();
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(row(1, 0)->eax, FMS);
	config[0].eax = FMS;
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(row(1, 0)->eax, FMS);
	config[0].eax = FMS + 1;
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_OPERAND_INVALID | TDX_OPERAND_ID_CPUID_CONFIG);
	CHECK_EQ(bad_leaf, 0xffffffff00000001ull);
}

TEST(tsx_comes_whole_and_only_with_its_control)
{
	offer_nothing();
	config[5].ebx = 1u << 4;
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_OPERAND_INVALID | TDX_OPERAND_ID_CPUID_CONFIG);
	CHECK_EQ(bad_leaf, 7);
	config[5].ebx = 1u << 4 | 1u << 11;
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(build(&rich_without_tsx_ctrl, XFAM_BASIC, 0), TDX_INCORRECT_MSR_VALUE | 0x10a);
}

TEST(xfam_takes_features_away)
{
	offer_everything();
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(row(1, 0)->ecx & 0x30001000u, 0);	/* AVX, F16C, FMA */
	CHECK_EQ(row(7, 0)->ebx & 0xdc230020u, 0);
	CHECK_EQ(row(0xd, 0)->eax, 3);
	CHECK_EQ(row(0xd, 0)->ecx, 576);
	CHECK_EQ(row(0xd, 2)->eax, 0);
	CHECK_EQ(row(0x1c, 0)->ebx, 0);
	CHECK_EQ(build(&rich, XFAM_BASIC | TD_XFAM_AVX | TD_XFAM_AVX512, 0), TDX_SUCCESS);
	CHECK_EQ(row(7, 0)->ebx & 0xdc230020u, 0xdc230020u);
	CHECK_EQ(row(0xd, 0)->eax, 0xe7);
	CHECK_EQ(row(0xd, 0)->ecx, 576 + 256 * 7 + 64);
	CHECK_EQ(row(0xd, 7)->eax, 64);
}

TEST(attributes_gate_perfmon_and_protection_keys)
{
	offer_everything();
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(row(0xa, 0)->eax, 0);
	CHECK_EQ(row(7, 0)->ecx >> 31, 0);
	CHECK_EQ(build(&rich, XFAM_BASIC, TD_ATTR_PERFMON | TD_ATTR_PKS), TDX_SUCCESS);
	CHECK_EQ(row(0xa, 0)->eax, ALL_ONES);
	CHECK_EQ(row(7, 0)->ecx >> 31, 1);
	CHECK_EQ(row(7, 0)->ecx & (1u << 23), 0);	/* Key Locker never */
}

TEST(linear_address_width_follows_la57)
{
	offer_nothing();
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(row(0x80000008, 0)->eax >> 8, 48);
	offer_everything();
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK_EQ(row(0x80000008, 0)->eax >> 8, 57);
}

TEST(leaves_that_fault_or_do_not_exist_have_no_row)
{
	static const u32 absent[][2] = { { 2, 0 }, { 6, 0 }, { 0xb, 0 }, { 0x1f, 0 }, { 0x1f, 6 }, { 4, 5 },
					 { 7, 3 }, { 0xd, 0x13 }, { 0x16, 0 }, { 0x21, 1 }, { 0x23, 4 },
					 { 0x40000000, 0 }, { 0x80000002, 0 }, { 0x80000006, 0 } };
	static const u32 zero[][2] = { { 3, 0 }, { 4, 4 }, { 8, 9 }, { 0xe, 0 }, { 0x11, 0 }, { 0x12, 7 }, { 0x13, 0 },
				       { 0x19, 0 }, { 0x20, 0 }, { 0x22, 0 }, { 0x23, 2 } };

	offer_everything();
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	for (u32 i = 0; i < ARRAY_SIZE(absent); i++)
		CHECK_EQ(td_cpuid_find(absent[i][0], absent[i][1]), -1);
	for (u32 i = 0; i < ARRAY_SIZE(zero); i++) {
		const struct td_cpuid_value *value = row(zero[i][0], zero[i][1]);

		CHECK_EQ(value->eax | value->ebx | value->ecx | value->edx, 0);
	}
}

TEST(the_configurable_list_is_the_modules)
{
	u32 leaf, subleaf;
	struct td_cpuid_value bits;

	CHECK_EQ(td_cpuid_config_count(), 12);
	td_cpuid_config_row(0, &leaf, &subleaf, &bits);
	CHECK_EQ(leaf, 1);
	CHECK_EQ(subleaf, TD_CPUID_NO_SUBLEAF);
	CHECK_EQ(bits.eax, 0x0fff3fff);
	CHECK_EQ(bits.ebx, 0x00ff0000);
	td_cpuid_config_row(10, &leaf, &subleaf, &bits);
	CHECK_EQ(leaf, 7);
	CHECK_EQ(subleaf, 2);
	CHECK_EQ(bits.edx, 0x28);
	td_cpuid_config_row(11, &leaf, &subleaf, &bits);
	CHECK_EQ(leaf, 0x23);
	CHECK_EQ(bits.eax, 0xf);
}

TEST(a_leaf_without_subleaf_is_read_without_one)
{
	struct td_cpuid_value value;

	offer_nothing();
	CHECK_EQ(build(&rich, XFAM_BASIC, 0), TDX_SUCCESS);
	CHECK(td_cpuid_value(&tdcs, 1, TD_CPUID_NO_SUBLEAF, &value));
	CHECK(!td_cpuid_value(&tdcs, 1, 0, &value));
	CHECK(td_cpuid_value(&tdcs, 7, 1, &value));
	CHECK(!td_cpuid_value(&tdcs, 7, TD_CPUID_NO_SUBLEAF, &value));
	CHECK(!td_cpuid_value(&tdcs, 6, TD_CPUID_NO_SUBLEAF, &value));
}
