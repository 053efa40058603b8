/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/params.h"

#include <string.h>

#include "include/spec/tdx/metadata.h"
#include "tests/unit/test.h"

#define LEAF_ENTRIES 5

static struct tdx_sysinfo sysinfo;
static struct guest_config config;
static struct td_params params;
static struct params_input input;
static char error[REFUSAL_BYTES];

/* A machine that has everything. */
static void all_ones(u32 leaf, u32 subleaf, struct td_cpuid_value *value)
{
	memset(value, 0xff, sizeof(*value));
	if (leaf == 4)
		value->eax = 0xfc0fc000 | 3 << 5 | 1;	/* a shared level-3 cache of a large package */
}

static void reset(void)
{
	memset(&sysinfo, 0, sizeof(sysinfo));
	memset(&config, 0, sizeof(config));
	memset(&params, 0, sizeof(params));
	sysinfo.features0 = TDX_FEATURE_NO_RBP_MOD;
	sysinfo.attributes_fixed0 = 0x8000000070000001;
	sysinfo.xfam_fixed0 = 0x6dbe7;
	sysinfo.xfam_fixed1 = 3;
	sysinfo.max_vcpus_per_td = 576;
	sysinfo.cpuid_config_count = LEAF_ENTRIES;
	sysinfo.cpuid_config[0] = (struct tdx_cpuid_config){ 1, ~0u, { 0x0fff3fff, 0xff0000, 0x31044d88, 0xb8440000 } };
	sysinfo.cpuid_config[1] = (struct tdx_cpuid_config){ 4, 3, { 0xffffc3ff, 0xfffff000, ~0u, 7 } };
	sysinfo.cpuid_config[2] = (struct tdx_cpuid_config){ 7, 0, { 0, 0xdc2b9b18, 0x02417f65, 0x0005411c } };
	sysinfo.cpuid_config[3] = (struct tdx_cpuid_config){ 0x23, 0, { 0xf, 0, 0, 0 } };
	sysinfo.cpuid_config[4] = (struct tdx_cpuid_config){ 0x80000008, ~0u, { 0, 0x200, 0, 0 } };
	config.cpus = 4;
	config.attributes = TD_ATTR_SEPT_VE_DISABLE;
	input = (struct params_input){ &sysinfo, &config, 80, all_ones };
}

static int fill(void)
{
	memset(&params, 0, sizeof(params));
	return params_fill(&params, &input, error);
}

TEST(params_default_td)
{
	reset();
	CHECK_EQ(fill(), 0);
	CHECK_EQ(params.attributes, TD_ATTR_SEPT_VE_DISABLE);
	CHECK_EQ(params.xfam, 0x61ae7);	/* no PT, UINTR, LBR */
	CHECK_EQ(params.max_vcpus, 4);
	CHECK_EQ(params.eptp_controls, 0x1e);
	CHECK_EQ(params.config_flags, TD_CONFIG_NO_RBP_MOD);
	CHECK_EQ(params.tsc_frequency, 80);
}

TEST(params_never_set_a_cpuid_bit_outside_the_modules_list)
{
	reset();
	CHECK_EQ(fill(), 0);
	for (u32 i = 0; i < LEAF_ENTRIES; i++) {
		const struct td_cpuid_value *may = &sysinfo.cpuid_config[i].configurable, *is = &params.cpuid[i];

		CHECK_EQ(is->eax & ~may->eax, 0);
		CHECK_EQ(is->ebx & ~may->ebx, 0);
		CHECK_EQ(is->ecx & ~may->ecx, 0);
		CHECK_EQ(is->edx & ~may->edx, 0);
	}
	for (u32 i = LEAF_ENTRIES; i < TD_PARAMS_MAX_CPUID_CONFIG; i++)
		CHECK_EQ(params.cpuid[i].eax | params.cpuid[i].ebx | params.cpuid[i].ecx | params.cpuid[i].edx, 0);
}

TEST(params_shape_cpuid_for_the_guest)
{
	reset();
	CHECK_EQ(fill(), 0);
	CHECK_EQ(params.cpuid[0].eax, 0);
	CHECK_EQ(params.cpuid[0].ebx, 4u << 16);
	CHECK_EQ(params.cpuid[0].ecx, 0x31000000);	/* TSC deadline, AVX, F16C; no MONITOR */
	CHECK_EQ(params.cpuid[0].edx, 0x18000000);	/* SS, HTT */
	CHECK_EQ(params.cpuid[1].eax, 3u << 26 | 3u << 14 | 3 << 5 | 1);
	CHECK_EQ(params.cpuid[2].ebx & (1u << 4 | 1u << 11 | 1u << 12 | 1u << 15), 0);
	CHECK_EQ(params.cpuid[2].ecx & (1u << 16 | 1u << 5), 0);	/* LA57, WAITPKG */
	CHECK_EQ(params.cpuid[3].eax, 0);	/* no PERFMON */
	CHECK_EQ(params.cpuid[4].ebx, 0x200);
	config.cpus = 1;
	CHECK_EQ(fill(), 0);
	CHECK_EQ(params.cpuid[0].edx, 0x08000000);
}

TEST(params_follow_what_the_machine_lacks)
{
	reset();
	sysinfo.xfam_fixed0 = 0x67;	/* no ZMM_Hi256 part: AVX-512 is incomplete */
	CHECK_EQ(fill(), 0);
	CHECK_EQ(params.xfam, 7);
	sysinfo.xfam_fixed0 = 0xe3;	/* AVX-512 without AVX */
	CHECK_EQ(fill(), 0);
	CHECK_EQ(params.xfam, 3);
}

TEST(params_refuse_with_a_sentence)
{
	reset();
	config.attributes = BIT(4);
	CHECK(fill() != 0);
	CHECK_STR(error, "property \"cella,td-attributes\": bits 0x10 are not served by Cella");
	reset();
	sysinfo.attributes_fixed0 = 0;
	CHECK(fill() != 0);
	CHECK_STR(error, "property \"cella,td-attributes\": this TDX module does not offer bits 0x10000000 (it has "
			 "0x0)");
	reset();
	config.xfam = 0x10007;
	CHECK(fill() != 0);
	CHECK(strstr(error, "this machine does not offer bits 0x10000"));
	config.xfam = 0x4;
	CHECK(fill() != 0);
	CHECK_STR(error, "property \"cella,td-xfam\": bits 0x3 must be set");
	config.xfam = 0x27;
	CHECK(fill() != 0);
	CHECK(strstr(error, "without the rest"));
	reset();
	config.cpus = 600;
	CHECK(fill() != 0);
	CHECK(strstr(error, "600 is more than the 576"));
	reset();
	input.tsc_frequency = 3;
	CHECK(fill() != 0);
	CHECK_STR(error, "the machine's TSC frequency of 75 MHz cannot be given to a TD");
}
