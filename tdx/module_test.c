/* SPDX-License-Identifier: BSD-2-Clause */
/* Includes the source: every test starts with a module state of its own, which nothing else may reset. */
#include "tdx/module.c"

#include "include/spec/tdx/leaf.h"
#include "tests/unit/fake_pamt_pair.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static int detect_result;
static struct page_books before;

void tdx_console_register(void)
{
}

/* Stands for tdx/detect.c, which asks the CPU. */
int tdx_detect(struct tdx_platform *platform)
{
	*platform = (struct tdx_platform){ 32, 8, 46 };
	return detect_result;
}

static void begin(void)
{
	tdx_world_reset();
	memset(&module, 0, sizeof(module));
	detect_result = 0;
	page_books_read(&before);
}

/* Pool and PAMTs go back, so that the next world finds nothing of this one. */
static void end(void)
{
	undo();
	CHECK_EQ(tdx_world_unmapped_bytes(), 0);
}

static bool books_are_equal(void)
{
	struct page_books after;

	page_books_read(&after);
	return page_books_equal(&before, &after);
}

static u64 pages_of(enum page_zone zone, enum page_owner owner)
{
	struct page_books books;

	page_books_read(&books);
	return books.pages[zone][owner];
}

TEST(module_comes_up_with_the_wanted_pool)
{
	begin();
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_READY);
	CHECK_STR(tdx_module_reason(), "");
	CHECK_EQ(tdx_pool_bytes(), GIB(1));
	CHECK_EQ(tdx_pool_free_bytes(), GIB(1));
	CHECK_EQ(pages_of(ZONE_HOST, PAGE_PAMT), pamt_bytes() / PAGE_SIZE);
	CHECK_EQ(tdx_world_unmapped_bytes(), GIB(1) + pamt_bytes());
	CHECK_EQ(fake_calls(TDH_SYS_INIT), 1);
	CHECK_EQ(fake_calls(TDH_SYS_LP_INIT), WORLD_CORES);
	CHECK_EQ(fake_calls(TDH_SYS_KEY_CONFIG), 2);
	CHECK_EQ(world.wbinvds, WORLD_CORES);
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);	/* once more: nothing to do */
	CHECK_EQ(fake_calls(TDH_SYS_INIT), 1);
	end();
}

TEST(module_pool_leaves_the_host_a_quarter_of_ram)
{
	begin();
	CHECK_EQ(tdx_bring_up(0), 0);
	CHECK(tdx_pool_bytes() > GIB(2));
	CHECK(pages_of(ZONE_HOST, PAGE_FREE) * PAGE_SIZE >= (WORLD_RAM - MIB(1)) / 4 - MIB(4));
	end();
	begin();
	CHECK_EQ(tdx_bring_up(GIB(100)), 0);	/* less than asked is a warning */
	CHECK(tdx_pool_bytes() > GIB(2));
	CHECK(pages_of(ZONE_HOST, PAGE_FREE) * PAGE_SIZE >= (WORLD_RAM - MIB(1)) / 4 - MIB(4));
	end();
}

TEST(module_refused_at_any_step_gives_everything_back)
{
	static const struct {
		u32 leaf, nth;
		u64 status;
	} refusals[] = {
		{ TDH_SYS_INIT, 1, TDX_INCORRECT_MSR_VALUE | 0xbd },
		{ TDH_SYS_INIT, 1, SEAMCALL_VMFAIL_INVALID },
		{ TDH_SYS_INIT, 1, SEAMCALL_GP_FAULT },
		{ TDH_SYS_LP_INIT, 3, TDX_INCONSISTENT_MSR | 0x3b },
		{ TDH_SYS_RD, 5, TDX_METADATA_FIELD_ID_INCORRECT },
		{ TDH_SYS_CONFIG, 1, TDX_PAMT_OVERLAP | 0x010000 },
		{ TDH_SYS_KEY_CONFIG, 2, TDX_SYS_STATE_INCORRECT },
		{ TDH_SYS_TDMR_INIT, 3, TDX_OPERAND_INVALID | 1 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
		begin();
		fake_refuse(refusals[i].leaf, refusals[i].nth, 1, refusals[i].status);
		CHECK(tdx_bring_up(GIB(1)) != 0);
		CHECK(tdx_module_state() != TDX_MODULE_READY);
		CHECK_EQ(doctor_count(), 1);
		CHECK(tdx_module_reason()[0] != 0);
		CHECK(books_are_equal());
		CHECK_EQ(tdx_world_unmapped_bytes(), 0);
		CHECK_EQ(tdx_pool_bytes(), 0);
		end();
	}
}

TEST(module_refused_before_pamts_are_handed_over_can_be_tried_again)
{
	begin();
	fake_refuse(TDH_SYS_INIT, 1, 100, TDX_SYS_BUSY);
	CHECK_EQ(tdx_bring_up(GIB(1)), -EBUSY);
	fake_refuse_nothing();
	fake_refuse(TDH_SYS_LP_INIT, 2, 1, TDX_INCONSISTENT_MSR | 0x3b);
	CHECK_EQ(tdx_bring_up(GIB(1)), -EIO);
	fake_refuse(TDH_SYS_CONFIG, 1, 100, TDX_SYS_BUSY);
	CHECK_EQ(tdx_bring_up(GIB(1)), -EBUSY);
	CHECK(books_are_equal());
	fake_refuse_nothing();
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK_STR(tdx_module_reason(), "");
	end();
}

TEST(module_survives_transient_refusals_of_every_step)
{
	begin();
	fake_refuse(TDH_SYS_INIT, 1, 3, TDX_SYS_BUSY);
	fake_refuse(TDH_SYS_LP_INIT, 2, 3, TDX_RND_NO_ENTROPY);
	fake_refuse(TDH_SYS_CONFIG, 1, 3, TDX_SYS_BUSY);
	fake_refuse(TDH_SYS_KEY_CONFIG, 1, 4, TDX_KEY_GENERATION_FAILED);
	fake_refuse(TDH_SYS_KEY_CONFIG, 3, 2, TDX_OPERAND_BUSY | TDX_OPERAND_ID_KET);
	fake_refuse(TDH_SYS_TDMR_INIT, 2, 5, TDX_OPERAND_BUSY | 1);
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_READY);
	end();
}

TEST(module_without_no_rbp_mod_is_refused_by_a_sentence)
{
	begin();
	fake_set_features(TDX_FEATURE_TOPOLOGY_ENUM);
	CHECK_EQ(tdx_bring_up(GIB(1)), -ENOTSUP);
	CHECK(books_are_equal());
	end();
}

TEST(module_is_not_called_when_detection_fails)
{
	begin();
	detect_result = -ENODEV;
	CHECK_EQ(tdx_bring_up(GIB(1)), -ENODEV);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_NONE);
	CHECK_EQ(fake_calls(TDH_SYS_INIT), 0);
	tdx_shut_down();
	CHECK_EQ(world.wbinvds, 0);
	end();
}

TEST(module_that_can_be_disabled_starts_anew_after_a_late_failure)
{
	begin();
	fake_set_features(TDX_FEATURE_NO_RBP_MOD | TDX_FEATURE_SYS_DISABLE);
	fake_refuse(TDH_SYS_TDMR_INIT, 1, 1, TDX_OPERAND_INVALID | 1);
	fake_refuse(TDH_SYS_DISABLE, 1, 4, TDX_INTERRUPTED_RESUMABLE);
	CHECK(tdx_bring_up(GIB(1)) != 0);
	CHECK_EQ(fake_calls(TDH_SYS_DISABLE), 5);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_INIT_PENDING);
	CHECK(books_are_equal());
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	tdx_shut_down();
	CHECK_EQ(tdx_module_state(), TDX_MODULE_SHUT_DOWN);
	CHECK_EQ(fake_calls(TDH_SYS_DISABLE), 6);
	end();
}

TEST(module_that_kept_pamts_of_a_failed_attempt_needs_a_power_cycle)
{
	begin();
	fake_refuse(TDH_SYS_TDMR_INIT, 1, 1, TDX_OPERAND_INVALID | 1);
	CHECK(tdx_bring_up(GIB(1)) != 0);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_SHUT_DOWN);
	CHECK(world.cleared_pages > 0);
	CHECK_EQ(tdx_bring_up(GIB(1)), -ENODEV);
	CHECK_EQ(doctor_count(), 1);
	end();
}

TEST(module_bring_up_without_a_page_table_page_gives_everything_back)
{
	for (u32 nth = 1; nth <= 2; nth++) {	/* the pool, then the PAMTs */
		begin();
		world.map_failure = nth;
		CHECK(tdx_bring_up(GIB(1)) != 0);
		CHECK(books_are_equal());
		CHECK_EQ(tdx_world_unmapped_bytes(), 0);
		CHECK_EQ(doctor_count(), 1);
		end();
	}
}

TEST(module_with_dynamic_pamt_is_asked_for_it)
{
	begin();
	fake_set_features(TDX_FEATURE_NO_RBP_MOD | TDX_FEATURE_DYNAMIC_PAMT);
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK(fake_pamt_pair_enabled());
	CHECK(pamt_bytes() < GIB(1) / 16384);
	end();
	begin();
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK(!fake_pamt_pair_enabled());
	end();
}

TEST(module_tsc_frequency_is_the_hosts_in_units_of_25_mhz)
{
	begin();
	world.tsc_hz = 2000000000;
	CHECK_EQ(tdx_tsc_frequency(), 80);
	world.tsc_hz = 2112000000;
	CHECK_EQ(tdx_tsc_frequency(), 84);
	world.tsc_hz = 1000000;
	CHECK_EQ(tdx_tsc_frequency(), 4);
	world.tsc_hz = 20000000000;
	CHECK_EQ(tdx_tsc_frequency(), 400);
	end();
}
