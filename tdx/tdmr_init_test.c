/* SPDX-License-Identifier: BSD-2-Clause */
/* Includes the source: the calls of each core are its own affair. */
#include "tdx/tdmr_init.c"

#include <string.h>

#include "include/cella/arch.h"
#include "include/spec/tdx/leaf.h"
#include "kernel/page.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/fake_task.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

#define CALLS_PER_GIB 64	/* of the fake */

/* Hand @count TDMRs of @gibs each to the fake module; @cores in the machine. */
static struct tdx_tdmr_info *begin(u32 cores, u32 count, u64 gibs)
{
	struct tdx_cpuid_complaint cpuid;
	struct tdx_tdmr_info *tdmrs;
	u64 *pointers;

	tdx_world_reset();
	doctor_forget();
	world.cores = cores;
	tdmrs = page_zalloc(8, PAGE_KERNEL);
	pointers = page_zalloc(1, PAGE_KERNEL);
	for (u32 i = 0; i < count; i++) {
		tdmrs[i] = (struct tdx_tdmr_info){ .base = GIB(1 + i * gibs), .bytes = GIB(gibs), .pamt_4k_bytes = 1 };
		pointers[i] = hva_to_hpa(&tdmrs[i]).raw;
	}
	CHECK(tdx_succeeded(tdh_sys_init(&cpuid)));
	for (u32 cpu = 0; cpu < cores; cpu++) {
		tdx_world_run_on(cpu);
		CHECK(tdx_succeeded(tdh_sys_lp_init(&cpuid)));
	}
	tdx_world_run_on(0);
	CHECK(tdx_succeeded(tdh_sys_config(hva_to_hpa(pointers), count, HKID(32), 0)));
	return tdmrs;
}

static u64 longest(void)
{
	u64 calls = 0;

	for (u32 cpu = 0; cpu < cpu_count(); cpu++)
		calls = MAX(calls, work.cores[cpu].calls);
	return calls;
}

TEST(tdmr_init_shares_the_work_out)
{
	static const struct {
		u32 cores, tdmrs, longest_tdmrs;
	} rows[] = { { 1, 7, 7 }, { 2, 8, 4 }, { 4, 8, 2 }, { 8, 8, 1 }, { 8, 3, 1 } };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tdx_tdmr_info *tdmrs = begin(rows[i].cores, rows[i].tdmrs, 1);

		CHECK_EQ(tdmr_init_all(tdmrs, rows[i].tdmrs), 0);
		CHECK_EQ(fake_calls(TDH_SYS_TDMR_INIT), rows[i].tdmrs * CALLS_PER_GIB);
		CHECK_EQ(longest(), rows[i].longest_tdmrs * CALLS_PER_GIB);
	}
}

/* The least that is possible: an even share, but no less than the largest TDMR, which has one core at a time. */
static u64 ideal(u32 cores, u64 gibs, u64 largest_gibs)
{
	return MAX(DIV_ROUND_UP(gibs * CALLS_PER_GIB, (u64)cores), largest_gibs * CALLS_PER_GIB);
}

TEST(tdmr_init_gives_each_core_an_even_share)
{
	for (u32 cores = 1; cores <= 8; cores++) {
		for (u32 gibs = 1; gibs <= 64; gibs += gibs < 24 ? 1 : 5) {
			struct tdx_tdmr_info *tdmrs = begin(cores, gibs, 1);

			CHECK_EQ(tdmr_init_all(tdmrs, gibs), 0);
			CHECK_EQ(fake_calls(TDH_SYS_TDMR_INIT), gibs * CALLS_PER_GIB);
			CHECK(longest() * 10 <= ideal(cores, gibs, 1) * 11);
		}
	}
}

TEST(tdmr_init_gives_each_core_an_even_share_of_uneven_tdmrs)
{
	for (u32 cores = 1; cores <= 8; cores++) {
		struct tdx_tdmr_info *tdmrs = begin(cores, 7, 5);
		u64 gibs = 0;

		for (u32 i = 0; i < 7; i++) {
			tdmrs[i].bytes = GIB(1 + i * 3 % 5);
			gibs += tdmrs[i].bytes / GIB(1);
		}
		CHECK_EQ(tdmr_init_all(tdmrs, 7), 0);
		CHECK_EQ(fake_calls(TDH_SYS_TDMR_INIT), gibs * CALLS_PER_GIB);
		CHECK(longest() * 10 <= ideal(cores, gibs, 5) * 11);
	}
}

TEST(tdmr_init_lets_one_core_at_a_large_tdmr_while_others_do_the_rest)
{
	struct tdx_tdmr_info *tdmrs = begin(2, 3, 4);

	tdmrs[0].bytes = tdmrs[1].bytes = GIB(1);
	tdmrs[2].bytes = GIB(4);
	CHECK_EQ(tdmr_init_all(tdmrs, 3), 0);
	CHECK_EQ(longest(), 4 * CALLS_PER_GIB);
}

TEST(tdmr_init_stops_every_core_when_one_is_refused)
{
	struct tdx_tdmr_info *tdmrs = begin(4, 8, 4);

	fake_refuse(TDH_SYS_TDMR_INIT, 6, 1, TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
	CHECK(tdmr_init_all(tdmrs, 8) != 0);
	CHECK_EQ(doctor_count(), 1);
	CHECK(fake_calls(TDH_SYS_TDMR_INIT) < 16);
}

TEST(tdmr_init_goes_on_after_busy_and_with_tdmrs_that_are_done)
{
	struct tdx_tdmr_info *tdmrs = begin(2, 4, 1);

	fake_refuse(TDH_SYS_TDMR_INIT, 3, 5, TDX_OPERAND_BUSY | TDX_OPERAND_ID_RCX);
	CHECK_EQ(tdmr_init_all(tdmrs, 4), 0);
	CHECK_EQ(tdmr_init_all(tdmrs, 4), 0);
}

TEST(tdmr_init_needs_one_task)
{
	struct tdx_tdmr_info *tdmrs = begin(4, 4, 1);

	fake_task_refuse(3);
	CHECK_EQ(tdmr_init_all(tdmrs, 4), 0);
	CHECK_EQ(longest(), 4 * CALLS_PER_GIB);
	fake_task_refuse(4);
	CHECK_EQ(tdmr_init_all(tdmrs, 4), -ENOMEM);
	CHECK_EQ(doctor_count(), 1);
}
