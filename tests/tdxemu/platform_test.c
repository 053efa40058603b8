/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/platform.h"

#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/platform_seed.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_verdict.h"
#include "tests/unit/test.h"

static u64 host_msr(u32 cpu, u32 msr)
{
	u64 value;

	return platform_msr(&machine.cpus[cpu], msr, PLATFORM_HOST, &value) ? value : ~0ull;
}

TEST(the_host_sees_a_tdx_server)
{
	machine_reset(2, 1);
	CHECK_EQ(host_msr(0, 0x87), 48ull << 32 | 15);
	CHECK_EQ(host_msr(0, 0x982), 0x0001002600000003ull);
	CHECK_EQ(host_msr(0, 0x1400), EMU_BASE | 8);
	CHECK_EQ(host_msr(0, 0x1401), 0xfffffc000c00ull);
	CHECK_EQ(host_msr(0, 0x35), 2ull << 16 | 2);
	CHECK_EQ(host_msr(0, 0xbd), 1);
	CHECK_EQ(host_msr(0, 0x98), ~0ull);	/* SEAM mode only */
	CHECK_EQ(host_msr(0, 0x1402), ~0ull);
	CHECK(platform_seam_enabled(&machine.cpus[1]));
}

TEST(read_only_msrs_cannot_be_written)
{
	/* clang-format off */
	static const u32 fixed[] = { 0x3a, 0x87, 0x98, 0xbd, 0xcf, 0xfe, 0x10a, 0x1f2, 0x1f3, 0x480, 0x981, 0x982, 0x1400,
				     0x1401, 0x1402 };
	/* clang-format on */

	machine_reset(1, 1);
	for (u32 i = 0; i < ARRAY_SIZE(fixed); i++)
		CHECK(!platform_msr_write(&machine.cpus[0], fixed[i], 0));
	CHECK(platform_msr_write(&machine.cpus[0], 0xbc, 0));	/* accepted, but it stays on */
	CHECK_EQ(host_msr(0, 0xbc), 1);
	CHECK(!platform_msr_write(&machine.cpus[0], 0xbc, 2));
}

TEST(the_host_is_not_shown_what_only_the_module_assumes)
{
	machine_reset(1, 1);
	CHECK_EQ(platform_cpuid(&machine.cpus[0], 0x7, 0, PLATFORM_HOST).ebx, 0);
	CHECK_EQ(platform_cpuid(&machine.cpus[0], 0x7, 0, PLATFORM_MODULE).ebx, 0x219424c3);
	CHECK_EQ(host_msr(0, 0x345), ~0ull);
}

TEST(a_deviation_is_seen_by_host_and_module_alike)
{
	u64 value;

	machine_reset(2, 1);
	machine_platform("xapic-unlocked,no-movdir64b,no-tme,lp-vmx-locked-off");
	CHECK_EQ(host_msr(0, 0xbd), 0);
	CHECK(platform_msr(&machine.cpus[0], 0xbd, PLATFORM_MODULE, &value) && value == 0);
	CHECK_EQ(platform_cpuid(&machine.cpus[0], 7, 0, PLATFORM_MODULE).ecx & BIT(28), 0);
	CHECK(!platform_msr(&machine.cpus[0], 0x982, PLATFORM_MODULE, &value));
	CHECK_EQ(host_msr(0, 0x982), ~0ull);
	CHECK_EQ(host_msr(0, 0x3a), 0);
	CHECK_EQ(host_msr(1, 0x3a), 1);	/* core 1: locked without VMX */
	CHECK(platform_msr_exits(0x982));
	machine_platform("perf-capabilities");
	CHECK(platform_msr_exits(0x345));
	machine_platform("");
	CHECK(!platform_msr_exits(0x345));
}

TEST(seamcall_needs_what_firmware_sets_up)
{
	/* clang-format off */
	static const char *const off[] = { "no-tdx", "no-seamrr", "seamrr-unlocked", "seamrr-invalid", "gp-fault",
					   "no-seamrr-capability", "no-keyid-msr", "tme-off" };
	/* clang-format on */

	machine_reset(1, 1);
	for (u32 i = 0; i < ARRAY_SIZE(off); i++) {
		machine_platform(off[i]);
		CHECK(!platform_seam_enabled(&machine.cpus[0]));
	}
	machine_platform("one-keyid,xapic-unlocked");
	CHECK(platform_seam_enabled(&machine.cpus[0]));
}

TEST(packages_split_the_apic_ids)
{
	struct cpuid_regs level;

	machine_reset(8, 2);
	for (u32 i = 0; i < 8; i++)
		CHECK_EQ(machine.cpus[i].package, i % 2);
	level = platform_cpuid(&machine.cpus[1], 0x1f, 1, PLATFORM_HOST);
	CHECK_EQ(level.eax, 2);	/* four APIC ids a package */
	CHECK_EQ(level.ebx, 4);
	CHECK_EQ(level.ecx, 0x201);
	CHECK_EQ(level.edx, machine.cpus[1].apic_id);
	CHECK_EQ(level.edx >> level.eax, 1);
	CHECK_EQ(platform_cpuid(&machine.cpus[1], 0x1f, 2, PLATFORM_HOST).ecx, 2);
	CHECK_EQ(platform_cpuid(&machine.cpus[1], 0x4, 3, PLATFORM_HOST).eax >> 14 & 0xfff, 3);
	CHECK_EQ(platform_cpuid(&machine.cpus[1], 0x4, 1, PLATFORM_HOST).eax >> 14 & 0xfff, 0);
	CHECK_EQ(host_msr(0, 0x35), 4ull << 16 | 4);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(module.packages, 3);
}

TEST(packages_that_apic_ids_cannot_show_are_refused)
{
	machine_reset(6, 1);
	CHECK(STOPS(platform_prepare("packages=2")));	/* three each */
	CHECK(STOPS(platform_prepare("packages=4")));
	CHECK(STOPS(platform_prepare("packages=0")));
	CHECK(STOPS(platform_prepare("packages=9")));
	machine.cpus[5].apic_id = 7;
	CHECK(STOPS(platform_prepare("packages=2")));	/* a gap */
	CHECK(!STOPS(platform_prepare("packages=1")));
	CHECK_EQ(machine.cpus[5].package, 0);
}

TEST(every_package_configures_its_key)
{
	machine_reset(4, 2);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	for (u32 i = 0; i < 4; i++)
		CHECK_EQ(SEAM_ON(i, leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_NUM_PKGS), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 2);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_PKG_FMS + 1), TDX_SUCCESS);
	CHECK(machine.out[GPR_R8] != 0);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_PKG_FMS + 2), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 0);
}
