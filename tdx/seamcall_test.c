/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/seamcall.h"

#include "include/spec/tdx/metadata.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static tdx_status_t read_vendor(struct seamcall_regs *regs)
{
	*regs = (struct seamcall_regs){ .rdx = TDX_SYS_VENDOR_ID };
	return seamcall(TDH_SYS_RD, regs);
}

TEST(seamcall_hands_registers_in_and_out)
{
	struct seamcall_regs regs;

	tdx_world_reset();
	fake_module_make_ready();
	CHECK_EQ(read_vendor(&regs).raw, TDX_SUCCESS);
	CHECK_EQ(regs.r8, 0x8086);
}

TEST(seamcall_retries_missing_entropy_and_gives_up_after_ten)
{
	struct seamcall_regs regs;

	tdx_world_reset();
	fake_module_make_ready();
	fake_refuse(TDH_SYS_RD, 1, 9, TDX_RND_NO_ENTROPY);
	CHECK_EQ(read_vendor(&regs).raw, TDX_SUCCESS);
	CHECK_EQ(fake_calls(TDH_SYS_RD), 10);
	fake_refuse(TDH_SYS_RD, 1, 100, TDX_RND_NO_ENTROPY);
	CHECK_EQ(read_vendor(&regs).raw, TDX_RND_NO_ENTROPY);
	CHECK_EQ(fake_calls(TDH_SYS_RD), 20);
}

TEST(seamcall_leaves_every_other_refusal_to_the_caller)
{
	struct seamcall_regs regs;

	tdx_world_reset();
	fake_module_make_ready();
	fake_refuse(TDH_SYS_RD, 1, 1, TDX_SYS_BUSY);
	CHECK_EQ(read_vendor(&regs).raw, TDX_SYS_BUSY);
	CHECK_EQ(fake_calls(TDH_SYS_RD), 1);
}

TEST(seamcall_counts_calls_of_all_cores)
{
	struct seamcall_regs regs;
	u64 before, total;

	tdx_world_reset();
	fake_module_make_ready();
	before = seamcall_count(TDH_SYS_RD);
	total = seamcall_total();
	read_vendor(&regs);
	tdx_world_run_on(3);
	read_vendor(&regs);
	tdx_world_run_on(0);
	CHECK_EQ(seamcall_count(TDH_SYS_RD), before + 2);
	CHECK_EQ(seamcall_total(), total + 2);
}
