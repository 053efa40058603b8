/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/sysinfo.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/metadata.h"
#include "include/spec/tdx/status.h"
#include "tdx/doctor.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

TEST(sysinfo_stores_only_into_fields_of_the_elements_size)
{
	u8 one = 0;
	u16 two = 0;
	u32 four = 0;
	u64 eight = 0;

	CHECK_EQ(sysinfo_store(TDX_SYS_NUM_TDX_FEATURES, 1, &one, sizeof(one)), 0);
	CHECK_EQ(sysinfo_store(TDX_SYS_MAX_TDMRS, 64, &two, sizeof(two)), 0);
	CHECK_EQ(sysinfo_store(TDX_SYS_BUILD_DATE, 20240101, &four, sizeof(four)), 0);
	CHECK_EQ(sysinfo_store(TDX_SYS_TDX_FEATURES0, ~0ull, &eight, sizeof(eight)), 0);
	CHECK_EQ(two, 64);
	CHECK_EQ(four, 20240101);
	CHECK_EQ(eight, ~0ull);
	CHECK_EQ(sysinfo_store(TDX_SYS_MAX_TDMRS, 1, &four, sizeof(four)), -EINVAL);
	CHECK_EQ(sysinfo_store(TDX_SYS_TDX_FEATURES0, 1, &two, sizeof(two)), -EINVAL);
	CHECK_EQ(two, 64);
}

TEST(sysinfo_refuses_a_value_that_does_not_fit)
{
	u16 two = 7;

	CHECK_EQ(sysinfo_store(TDX_SYS_MAX_TDMRS, 0x10000, &two, sizeof(two)), -ERANGE);
	CHECK_EQ(two, 7);
}

TEST(sysinfo_reads_what_the_module_tells)
{
	tdx_world_reset();
	fake_module_make_ready();
	CHECK_EQ(tdx_sysinfo_read(), 0);
	CHECK_EQ(tdx_sysinfo()->vendor_id, 0x8086);
	CHECK_EQ(tdx_sysinfo()->tdcs_bytes, FAKE_TDCS_PAGES * PAGE_SIZE);
	CHECK_EQ(tdx_sysinfo()->cmr_count, 1);
	CHECK_EQ(tdx_sysinfo()->cpuid_config[0].leaf, 1);
	CHECK_EQ(tdx_sysinfo()->cpuid_config[0].subleaf, 0xffffffff);
	CHECK_EQ(tdx_sysinfo()->cpuid_config[0].configurable.eax, 0x0fff3fff);
	CHECK_EQ(tdx_sysinfo()->cpuid_config[0].configurable.edx, 0xb8440000);
	CHECK_EQ(tdx_sysinfo()->max_vcpus_per_td, 0xffff);	/* the fake is a module before 1.5.05 */
}

TEST(sysinfo_names_the_field_it_could_not_read)
{
	tdx_world_reset();
	fake_module_make_ready();
	doctor_forget();
	fake_refuse(TDH_SYS_RD, 3, 1, TDX_METADATA_FIELD_NOT_READABLE);
	CHECK_EQ(tdx_sysinfo_read(), -EIO);
	CHECK_STR(doctor_sentence(0), "metadata: the TDX module does not tell BUILD_NUM: TDX_METADATA_FIELD_NOT_READABLE");
}
