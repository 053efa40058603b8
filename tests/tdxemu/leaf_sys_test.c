/* SPDX-License-Identifier: BSD-2-Clause */
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/pamt.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_verdict.h"
#include "tests/unit/test.h"

static u64 configure(void)
{
	machine_tdmr(0);
	return SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID);
}

static void flush_all_cores(void)
{
	for (u32 i = 0; i < machine.cpu_count; i++)
		machine.cpus[i].wbinvd_done = true;
}

TEST(bring_up_answers_each_leaf_by_state)
{
	machine_reset(2, 1);
	/* INIT_PENDING */
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SYS_LP_INIT_NOT_PENDING);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_MAJOR_VERSION), TDX_SYS_LP_INIT_NOT_DONE);
	CHECK_EQ(configure(), TDX_SYS_CONFIG_NOT_PENDING);
	CHECK_EQ(SEAM(leaf_sys_key_config), TDX_SYS_KEY_CONFIG_NOT_PENDING);
	CHECK_EQ(SEAM(leaf_sys_lp_shutdown), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	/* INIT_DONE */
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SYS_INIT_NOT_PENDING);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_MAJOR_VERSION), TDX_SYS_LP_INIT_NOT_DONE);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SYS_LP_INIT_DONE);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_MAJOR_VERSION), TDX_SUCCESS);
	CHECK_EQ(configure(), TDX_SYS_CONFIG_NOT_PENDING);	/* core 1 is missing */
	CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(configure(), TDX_SUCCESS);
	/* CONFIG_DONE */
	CHECK_EQ(configure(), TDX_SYS_CONFIG_NOT_PENDING);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SYS_LP_INIT_NOT_PENDING);
	flush_all_cores();
	CHECK_EQ(SEAM(leaf_sys_key_config), TDX_SUCCESS);
	/* READY */
	CHECK_EQ(module.state, SYS_READY);
	CHECK_EQ(SEAM(leaf_sys_key_config), TDX_SYS_KEY_CONFIG_NOT_PENDING);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SYS_INIT_NOT_PENDING);
	CHECK_EQ(module.kot[GLOBAL_HKID].state, KOT_RESERVED);
}

TEST(sys_init_checks_its_operand_and_the_platform_first)
{
	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init, .rcx = 1), INVALID(RCX));
	CHECK_EQ(machine.out[GPR_RCX], 0);
	machine.misc_enable = MISC_ENABLE_LIMIT_CPUID;
	CHECK_EQ(SEAM(leaf_sys_init), TDX_LIMIT_CPUID_MAXVAL_SET);
	CHECK_EQ(module.state, SYS_INIT_PENDING);
	machine.misc_enable = 0;
	module.lock = SHAREX_READER;
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SYS_BUSY);
	module.lock = 0;
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK(machine_kept(BIT(GPR_RCX) | BIT(GPR_RDX) | BIT(GPR_R8) | BIT(GPR_R9) | BIT(GPR_R10)));
}

TEST(lp_init_compares_the_core_with_the_first_one)
{
	machine_reset(2, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	machine.tsc_adjust = 5;
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_INCONSISTENT_MSR | IA32_TSC_ADJUST);
	machine.tsc_adjust = 0;
	machine.cpus[1].apic_id = MODULE_MAX_PACKAGES << 1;	/* a package has two APIC ids */
	CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_INVALID_PKG_ID | MODULE_MAX_PACKAGES);
	module.lock = SHAREX_EXCLUSIVE;
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SYS_BUSY);
	module.lock = SHAREX_READER;	/* another core in LP.INIT is no obstacle */
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(module.lock, SHAREX_READER);
}

TEST(keys_are_configured_once_per_package)
{
	machine_reset(4, 2);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	for (u32 i = 0; i < 4; i++)
		CHECK_EQ(SEAM_ON(i, leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(configure(), TDX_SUCCESS);
	flush_all_cores();
	CHECK_EQ(SEAM_ON(0, leaf_sys_key_config), TDX_SUCCESS);
	CHECK_EQ(SEAM_ON(2, leaf_sys_key_config), TDX_KEY_CONFIGURED);
	CHECK_EQ(module.state, SYS_CONFIG_DONE);
	CHECK_EQ(SEAM_ON(3, leaf_sys_key_config), TDX_SUCCESS);
	CHECK_EQ(module.state, SYS_READY);
}

TEST(key_config_without_wbinvd_on_every_core_is_reported)
{
	machine_reset(3, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	for (u32 i = 0; i < 3; i++)
		CHECK_EQ(SEAM_ON(i, leaf_sys_lp_init), TDX_SUCCESS);
	flush_all_cores();	/* too early: before TDH.SYS.CONFIG */
	CHECK_EQ(configure(), TDX_SUCCESS);
	machine.cpus[1].wbinvd_done = true;
	fake_verdict_violations = 0;
	CHECK_EQ(SEAM(leaf_sys_key_config), TDX_SUCCESS);
	CHECK_EQ(fake_verdict_violations, 2);
}

TEST(tdmr_init_works_in_pieces_and_frees_whole_gigabytes)
{
	u64 calls = 1;

	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(configure(), TDX_SUCCESS);
	flush_all_cores();
	CHECK_EQ(SEAM(leaf_sys_key_config), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE + 1), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE * 2), INVALID(RCX));
	CHECK_EQ(machine.out[GPR_RDX], 0);
	module.tdmrs[0].lock = SHAREX_EXCLUSIVE;
	CHECK_EQ(SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE), BUSY(RCX));
	module.tdmrs[0].lock = 0;
	CHECK_EQ(SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RDX], ARENA_BASE);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE), TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OPERAND_ID_RCX);
	while (machine.out[GPR_RDX] != ARENA_BASE + TDMR_BYTES && calls < 1000) {
		CHECK_EQ(SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE), TDX_SUCCESS);
		calls++;
	}
	CHECK_EQ(calls, 256);
	CHECK_EQ(SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE), TDX_TDMR_ALREADY_INITIALIZED);
	CHECK_EQ(machine.out[GPR_RDX], 0);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = POOL_BASE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_NDA);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = PAMT_4K_BASE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_RSVD);
}

TEST(sys_info_fills_its_two_buffers)
{
	u8 *info = phys(HOST_PARAMS);
	struct tdx_cmr *cmrs = phys(HOST_PAGE);

	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_info, .rcx = HOST_PARAMS, .rdx = 1024, .r8 = HOST_PAGE, .r9 = 32),
		 TDX_SYS_LP_INIT_NOT_DONE);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_info, .rcx = HOST_PARAMS + 512, .rdx = 1024, .r8 = HOST_PAGE, .r9 = 32), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_info, .rcx = HOST_PARAMS, .rdx = 1023, .r8 = HOST_PAGE, .r9 = 32), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_sys_info, .rcx = HOST_PARAMS, .rdx = 1024, .r8 = HOST_PAGE + 8, .r9 = 32), INVALID(R8));
	CHECK_EQ(SEAM(leaf_sys_info, .rcx = HOST_PARAMS, .rdx = 1024, .r8 = HOST_PAGE, .r9 = 31), INVALID(R9));
	CHECK_EQ(machine.out[GPR_RDX], 0);
	CHECK_EQ(SEAM(leaf_sys_info, .rcx = HOST_PARAMS, .rdx = 1024, .r8 = HOST_PAGE, .r9 = 32), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RDX], 1024);
	CHECK_EQ(machine.out[GPR_R9], 32);
	CHECK_EQ(*(u16 *)(info + 0x10), module_image.record.major);
	CHECK_EQ(*(u16 *)(info + 0x34), 0x6000);
	CHECK_EQ(*(u32 *)(info + 0x80), 12);
	CHECK_EQ(*(u32 *)(info + 0x84), 1);
	CHECK_EQ(cmrs[0].base, module.cmrs[0].base);
}

TEST(a_walk_with_sys_rd_meets_every_field_and_ends)
{
	u64 field = TDX_MD_FIRST_FIELD;
	bool vcpus = false;
	u32 steps = 0;

	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = field), TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT);
	CHECK_EQ(machine.out[GPR_RDX], TDX_SYS_NUM_PKGS);
	CHECK_EQ(machine.out[GPR_R8], 0);
	for (field = machine.out[GPR_RDX]; field != TDX_MD_FIRST_FIELD && steps < 1000; field = machine.out[GPR_RDX]) {
		CHECK_EQ(SEAM(leaf_sys_rd, .rdx = field), TDX_SUCCESS);
		vcpus = vcpus || field == TDX_SYS_MAX_VCPUS_PER_TD;
		steps++;
	}
	CHECK(vcpus);
	CHECK_EQ(steps, 355);	/* 354 elements of 1.5.01 and MAX_VCPUS_PER_TD */
}

TEST(sys_rd_matches_by_class_and_code_only)
{
	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_MINOR_VERSION ^ BIT(63)), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], module_image.record.minor);
	CHECK_EQ(machine.out[GPR_RDX], TDX_SYS_MAJOR_VERSION);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_MINOR_VERSION | BIT(24)), TDX_METADATA_FIELD_ID_INCORRECT);
	CHECK_EQ(machine.out[GPR_RDX], TDX_MD_FIRST_FIELD);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_MINOR_VERSION | BIT(TDX_MD_LAST_FIELD_SHIFT)),
		 TDX_METADATA_FIELD_ID_INCORRECT);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_PAMT_PAGE_BITMAP_ENTRY_BITS), TDX_METADATA_FIELD_ID_INCORRECT);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_CPUID_CONFIG_LEAVES + 12), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], ~0ull);	/* a slot without a leaf */
}

TEST(features_are_only_those_there_are)
{
	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_TDX_FEATURES0), TDX_SUCCESS);
	CHECK((machine.out[GPR_R8] & BIT(18)) != 0);
	CHECK((machine.out[GPR_R8] & BIT(20)) != 0);
	CHECK((machine.out[GPR_R8] & BIT(1)) != 0);	/* P-SEAMLDR is there */
	CHECK_EQ(machine.out[GPR_R8] & (BIT(0) | BIT(2) | BIT(7) | BIT(36)), 0);
}

TEST(sys_rdall_gives_the_same_as_the_walk)
{
	const u64 *list = phys(HOST_PAGE);
	u32 at = 1, elements = 0, sequences = 0;

	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_rdall, .rdx = HOST_PAGE + 8, .r8 = TDX_MD_FIRST_FIELD), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_sys_rdall, .rdx = HOST_PAGE, .r8 = TDX_SYS_MAJOR_VERSION ^ BIT(32)),
		 TDX_METADATA_FIELD_ID_INCORRECT);	/* wrong size code */
	CHECK_EQ(machine.out[GPR_R8], TDX_MD_FIRST_FIELD);
	CHECK_EQ(SEAM(leaf_sys_rdall, .rdx = HOST_PAGE, .r8 = TDX_MD_FIRST_FIELD), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], TDX_MD_FIRST_FIELD);
	while (at * sizeof(u64) < (list[0] & 0xffff)) {
		u64 header = list[at];
		u32 per_field = (u32)((header >> TDX_MD_LAST_ELEMENT_SHIFT) & 0xf) + 1;
		u32 fields = (u32)((header >> TDX_MD_LAST_FIELD_SHIFT) & 0x1ff) + 1;
		u64 id = header & ~(0xfull << TDX_MD_LAST_ELEMENT_SHIFT) & ~(0x1ffull << TDX_MD_LAST_FIELD_SHIFT);

		for (u32 i = 0; i < fields * per_field; i++) {
			CHECK_EQ(SEAM(leaf_sys_rd, .rdx = id + i), TDX_SUCCESS);
			CHECK_EQ(machine.out[GPR_R8], list[at + 1 + i]);
		}
		elements += fields * per_field;
		at += 1 + fields * per_field;
		sequences++;
	}
	CHECK_EQ(elements, 355);
	CHECK_EQ((list[0] >> 16) & 0xffff, sequences);
}
