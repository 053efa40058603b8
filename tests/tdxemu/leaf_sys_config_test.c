/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row of the validation table in tdx-host-system.md 7.3, in its order. */
#include "kernel/lib/string.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define DETAIL(i, level, other) ((u64)(i) | (u64)(level) << 8 | (u64)(other) << 16)

static void prepare(void)
{
	machine_reset(1, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	memset(module.cmrs, 0, sizeof(module.cmrs));
	module.cmr_count = 1;
	module.cmrs[0] = (struct tdx_cmr){ ARENA_BASE, GIB(16) };
}

static u64 configure(u64 count)
{
	u64 status = SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = count, .r8 = GLOBAL_HKID);

	CHECK(machine_kept(0));
	CHECK_EQ(module.state, status == TDX_SUCCESS ? SYS_CONFIG_DONE : SYS_INIT_DONE);
	CHECK_EQ(module.kot[GLOBAL_HKID].state, status == TDX_SUCCESS ? KOT_RESERVED : KOT_FREE);
	return status;
}

/* A second TDMR right above the first, with its PAMT in the host's memory as well. */
static struct tdx_tdmr_info *second(void)
{
	struct tdx_tdmr_info *info = machine_tdmr(1);

	info->base = ARENA_BASE + TDMR_BYTES;
	info->pamt_1g_base += MIB(10);
	info->pamt_2m_base += MIB(10);
	info->pamt_4k_base += MIB(4);
	info->reserved[0].bytes = 0;
	return info;
}

TEST(operands_of_sys_config_come_before_the_list)
{
	prepare();
	machine_tdmr(0);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST + 8, .rdx = 0, .r8 = 0), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = BIT(PLATFORM_MAXPA), .rdx = 1, .r8 = GLOBAL_HKID), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST | (u64)GLOBAL_HKID << PLATFORM_KEYID_SHIFT, .rdx = 1,
		      .r8 = GLOBAL_HKID), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 0, .r8 = 0), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 65, .r8 = 0), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = 1), INVALID(R8));
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID | BIT(16)), INVALID(R8));
	((u64 *)phys(HOST_TDMR_LIST))[0] = HOST_TDMR_INFO + 256;
	CHECK_EQ(configure(1), INVALID(RCX));
}

TEST(version_1_enables_features_that_exist_and_is_checked_after_r8)
{
	u64 wrong = TDX_FEATURE_DYNAMIC_PAMT;	/* this machine does not offer it */

	prepare();
	machine_tdmr(0);
	CHECK_EQ(SEAM_V1(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = 1, .r9 = wrong), INVALID(R8));
	CHECK_EQ(SEAM_V1(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID, .r9 = wrong, .r10 = 1),
		 INVALID(R9));
	CHECK_EQ(SEAM_V1(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID, .r10 = 1), INVALID(R10));
	CHECK_EQ(machine_call(0, leaf_sys_config, 2, (struct machine_regs){ .rcx = HOST_TDMR_LIST, .rdx = 1 }),
		 INVALID(RAX));
	CHECK_EQ(module.kot[GLOBAL_HKID].state, KOT_FREE);
	CHECK_EQ(SEAM_V1(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID,
			 .r9 = TDX_FEATURE_NO_RBP_MOD), TDX_SUCCESS);
	CHECK(machine_kept(0));
}

TEST(row_2_to_6_base_and_size)
{
	struct tdx_tdmr_info *info;

	prepare();
	info = machine_tdmr(0);
	info->bytes = ~0ull;
	CHECK_EQ(configure(1), TDX_INVALID_TDMR);
	info = machine_tdmr(0);
	second()->base = 0;
	CHECK_EQ(configure(2), TDX_NON_ORDERED_TDMR | 1);
	second()->base = ARENA_BASE + TDMR_BYTES / 2;
	CHECK_EQ(configure(2), TDX_NON_ORDERED_TDMR | 1);
	info->base += MIB(512);
	CHECK_EQ(configure(1), TDX_INVALID_TDMR);
	info = machine_tdmr(0);
	info->bytes += PAGE_SIZE;
	CHECK_EQ(configure(1), TDX_INVALID_TDMR);
	info->bytes = 0;
	CHECK_EQ(configure(1), TDX_INVALID_TDMR);
	info->bytes = BIT(PLATFORM_KEYID_SHIFT);	/* last byte has a KeyID bit */
	CHECK_EQ(configure(1), TDX_INVALID_TDMR);
}

TEST(row_7_to_10_reserved_areas)
{
	struct tdx_tdmr_info *info;

	prepare();
	info = machine_tdmr(0);
	info->reserved[2] = (struct tdx_reserved_area){ MIB(100), MIB(1) };
	CHECK_EQ(configure(1), TDX_NON_ORDERED_RESERVED_IN_TDMR | DETAIL(0, 1, 0));
	info->reserved[2].bytes = 0;
	info->reserved[1] = (struct tdx_reserved_area){ ~0xfffull, 0x2000 };
	CHECK_EQ(configure(1), TDX_INVALID_RESERVED_IN_TDMR | DETAIL(0, 1, 0));
	info->reserved[1] = (struct tdx_reserved_area){ MIB(63), MIB(2) };
	CHECK_EQ(configure(1), TDX_NON_ORDERED_RESERVED_IN_TDMR | DETAIL(0, 1, 0));
	info->reserved[1] = (struct tdx_reserved_area){ MIB(64), 0x800 };
	CHECK_EQ(configure(1), TDX_INVALID_RESERVED_IN_TDMR | DETAIL(0, 1, 0));
	info->reserved[1] = (struct tdx_reserved_area){ TDMR_BYTES - PAGE_SIZE, 2 * PAGE_SIZE };
	CHECK_EQ(configure(1), TDX_INVALID_RESERVED_IN_TDMR | DETAIL(0, 1, 0));
	info->reserved[1] = (struct tdx_reserved_area){ MIB(64), MIB(1) };	/* touching is fine */
	CHECK_EQ(configure(1), TDX_SUCCESS);
}

TEST(row_11_form_of_the_pamts_largest_first)
{
	struct tdx_tdmr_info *info;

	prepare();
	info = machine_tdmr(0);
	info->pamt_1g_bytes = 0;
	info->pamt_4k_bytes = 0;
	CHECK_EQ(configure(1), TDX_INVALID_PAMT | DETAIL(0, TDX_LEVEL_1G, 0));
	info->pamt_1g_bytes = PAGE_SIZE;
	CHECK_EQ(configure(1), TDX_INVALID_PAMT | DETAIL(0, TDX_LEVEL_4K, 0));
	info->pamt_4k_bytes = MIB(4) - PAGE_SIZE;
	CHECK_EQ(configure(1), TDX_INVALID_PAMT | DETAIL(0, TDX_LEVEL_4K, 0));
	info->pamt_4k_bytes = MIB(4);
	info->pamt_2m_base += 512;
	CHECK_EQ(configure(1), TDX_INVALID_PAMT | DETAIL(0, TDX_LEVEL_2M, 0));
	info->pamt_2m_base = BIT(PLATFORM_KEYID_SHIFT);
	CHECK_EQ(configure(1), TDX_INVALID_PAMT | DETAIL(0, TDX_LEVEL_2M, 0));
	info->pamt_2m_base = ~0ull - 0xfff;
	CHECK_EQ(configure(1), TDX_INVALID_PAMT | DETAIL(0, TDX_LEVEL_2M, 0));
}

TEST(row_12_and_13_pamts_apart)
{
	struct tdx_tdmr_info *info;

	prepare();
	machine_tdmr(0);
	info = second();
	info->pamt_2m_base = PAMT_1G_BASE;
	CHECK_EQ(configure(2), TDX_PAMT_OVERLAP | DETAIL(1, TDX_LEVEL_2M, 0));
	info = machine_tdmr(0);
	info->pamt_1g_base = PAMT_4K_BASE + MIB(2);
	CHECK_EQ(configure(1), TDX_PAMT_OVERLAP | DETAIL(0, TDX_LEVEL_4K, 0));
	info->pamt_1g_base = PAMT_2M_BASE + PAGE_SIZE;
	CHECK_EQ(configure(1), TDX_PAMT_OVERLAP | DETAIL(0, TDX_LEVEL_2M, 0));
}

TEST(row_14_pamts_only_in_reserved_parts_whatever_the_order)
{
	struct tdx_tdmr_info *info;

	prepare();
	info = machine_tdmr(0);
	info->pamt_2m_base = POOL_BASE;
	CHECK_EQ(configure(1), TDX_PAMT_OVERLAP | DETAIL(0, TDX_LEVEL_2M, 0));
	machine_tdmr(0);
	info = second();
	info->pamt_1g_base = POOL_BASE;	/* of the second, in the first */
	CHECK_EQ(configure(2), TDX_PAMT_OVERLAP | DETAIL(1, TDX_LEVEL_1G, 0));
	info = machine_tdmr(0);
	info->pamt_1g_base = ARENA_BASE + TDMR_BYTES + MIB(5);	/* of the first, in the second */
	second();
	CHECK_EQ(configure(2), TDX_PAMT_OVERLAP | DETAIL(0, TDX_LEVEL_1G, 1));
}

TEST(row_14_looks_at_all_pamts_of_the_later_tdmr_first)
{
	struct tdx_tdmr_info *info;

	prepare();
	info = machine_tdmr(0);
	info->pamt_4k_base = ARENA_BASE + TDMR_BYTES + MIB(5);	/* of the first, in the second */
	info = second();
	info->pamt_4k_base = PAMT_4K_BASE;
	info->pamt_1g_base = POOL_BASE;	/* of the second, in the first */
	CHECK_EQ(configure(2), TDX_PAMT_OVERLAP | DETAIL(1, TDX_LEVEL_1G, 0));
}

TEST(row_15_and_16_everything_usable_is_convertible)
{
	struct tdx_tdmr_info *info;

	prepare();
	info = machine_tdmr(0);
	info->pamt_1g_base = MIB(512);
	CHECK_EQ(configure(1), TDX_PAMT_OUTSIDE_CMRS | DETAIL(0, TDX_LEVEL_1G, 0));
	machine_tdmr(0);
	module.cmrs[0].bytes = TDMR_BYTES - PAGE_SIZE;
	CHECK_EQ(configure(1), TDX_TDMR_OUTSIDE_CMRS);
	module.cmrs[1] = (struct tdx_cmr){ ARENA_BASE + TDMR_BYTES - PAGE_SIZE, PAGE_SIZE };	/* a run that touches */
	module.cmr_count = 2;
	CHECK_EQ(configure(1), TDX_SUCCESS);
}

TEST(a_reserved_hole_need_not_be_convertible)
{
	prepare();
	module.cmrs[0] = (struct tdx_cmr){ PAMT_4K_BASE, GIB(1) - MIB(16) };
	machine_tdmr(0);
	CHECK_EQ(configure(1), TDX_SUCCESS);
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_HIDDEN);
	CHECK_EQ(machine_hidden_as(PAMT_1G_BASE), HIDDEN_PAMT);
	CHECK_EQ(machine_view(PAMT_4K_BASE + MIB(4)), VIEW_SHARED);
}

TEST(two_good_tdmrs_are_taken)
{
	prepare();
	machine_tdmr(0);
	second();
	CHECK_EQ(configure(2), TDX_SUCCESS);
	CHECK_EQ(module.tdmr_count, 2);
	CHECK_EQ(module.tdmrs[1].next_to_init, ARENA_BASE + TDMR_BYTES);
	CHECK_EQ(module.tdmrs[0].reserved_count, 1);
}
