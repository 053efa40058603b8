/* SPDX-License-Identifier: BSD-2-Clause */
/* Includes the source: every test starts with a module state of its own, which nothing else may reset. */
#include "tdx/module.c"

#include <string.h>

#include "include/spec/tdx/leaf.h"
#include "tdx/update.h"
#include "tests/unit/fake_pamt_pair.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/module_file.h"
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
	cores_forget();
	seamldr_offer(NULL);
	td_gate_open();
	detect_result = 0;
	page_books_read(&before);
}

/* Pool and PAMTs go back, so that the next world finds nothing of this one. */
static void end(void)
{
	(void)undo(0);
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

/* ---- P-SEAMLDR ---- */

static struct boot_module file;

/* A sound module file in the world's RAM, as the boot loader would put it. */
static void offer_file(u32 date)
{
	u64 bytes = module_file_make(TDX_BLOB_VERSION_2, date);
	void *place = page_zalloc(bytes / PAGE_SIZE, PAGE_KERNEL);

	memcpy(place, module_file, bytes);
	file = (struct boot_module){ hva_to_hpa(place), bytes, SEAMLDR_FILE_TEXT };
	seamldr_offer(&file);
	page_books_read(&before);
}

TEST(module_given_as_a_file_is_installed_where_firmware_loaded_none)
{
	begin();
	offer_file(20260101);
	fake_set_loader(true, false);
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK_EQ(fake_calls(FAKE_SEAMLDR(1)), WORLD_CORES);
	CHECK_EQ(tdx_sysinfo()->build_date, 20260101);
	end();
	CHECK(books_are_equal());
}

TEST(module_installation_is_repeated_where_the_loader_asks_for_it)
{
	begin();
	offer_file(20260101);
	fake_set_loader(true, false);
	fake_require_cleanup();
	fake_refuse(FAKE_SEAMLDR(1), 3, 2, SEAMCALL_VMFAIL_INVALID);	/* busy with another core */
	fake_refuse(FAKE_SEAMLDR(1), 4, 1, 0x8000000000030001ull);	/* ENOENTROPY on the last core */
	fake_refuse(FAKE_SEAMLDR(4), 2, 3, 0x8000000000030000ull);	/* EINTERRUPT */
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK_EQ(fake_calls(FAKE_SEAMLDR(4)), WORLD_CORES + 3);
	end();
}

TEST(module_missing_is_told_with_what_can_be_done)
{
	static const struct {
		bool loader;
		bool file;
		u64 refusal;
		const char *sentence;
	} cases[] = {
		{ false, false, 0, "no P-SEAMLDR answers" },
		{ true, false, 0, "boot module \"tdx-module\"" },
		{ true, true, 0x8000000000020000ull, "SEAMLDR_EBADSIG" },
		{ true, true, 0x8000000000010004ull, "SEAMLDR_EUNSUPCPU" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		if (cases[i].file)
			offer_file(20260101);
		fake_set_loader(cases[i].loader, false);
		if (cases[i].refusal)
			fake_refuse(FAKE_SEAMLDR(1), WORLD_CORES, 1, cases[i].refusal);
		CHECK(tdx_bring_up(GIB(1)) != 0);
		CHECK_EQ(doctor_count(), 1);
		CHECK(strstr(doctor_sentence(0), "no TDX module is loaded") != NULL);
		CHECK(strstr(doctor_sentence(0), cases[i].sentence) != NULL);
		CHECK(books_are_equal());
		end();
	}
}

/* ---- update ---- */

#define UPDATABLE (TDX_FEATURE_NO_RBP_MOD | TDX_FEATURE_SYS_DISABLE | TDX_FEATURE_TD_PRESERVING)

static void begin_update(u32 date)
{
	begin();
	fake_set_features(UPDATABLE);
	offer_file(date);
	memset(&test_td, 0, sizeof(test_td));
	memset(&test_vcpu, 0, sizeof(test_vcpu));
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
}

TEST(module_update_keeps_a_td)
{
	struct td_exit exit;

	begin_update(20260101);
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(tdx_update(), -EBUSY);	/* it is being built */
	CHECK_EQ(fake_calls(TDH_SYS_SHUTDOWN), 0);
	CHECK_EQ(td_finalise(&test_td), 0);
	fake_refuse(TDH_SYS_SHUTDOWN, 1, 5, TDX_SYS_BUSY);
	fake_refuse(TDH_SYS_LP_INIT, 2, 3, TDX_SYS_BUSY);
	CHECK_EQ(tdx_update(), 0);
	CHECK_EQ(fake_calls(FAKE_SEAMLDR(1)), WORLD_CORES);
	CHECK_EQ(fake_calls(TDH_SYS_LP_INIT), 2 * WORLD_CORES + 3);
	CHECK_EQ(tdx_sysinfo()->build_date, 20260101);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_READY);
	vcpu_enter(&test_vcpu, &exit);
	CHECK(tdx_succeeded(exit.status));
	CHECK_EQ(tdx_update(), -EBUSY);	/* the same one again */
	CHECK_EQ(tdx_stop(), -EBUSY);
	td_destroy(&test_td);
	CHECK_EQ(tdx_stop(), 0);
	CHECK(books_are_equal());
	end();
}

TEST(module_update_that_cannot_succeed_is_not_begun)
{
	begin_update(20240101);	/* as old as the one that runs */
	CHECK_EQ(tdx_update(), -EBUSY);
	end();
	begin_update(20260101);
	((u8 *)hpa_to_hva(file.start))[3 * PAGE_SIZE] ^= 1;	/* damaged */
	CHECK_EQ(tdx_update(), -EBUSY);
	((u8 *)hpa_to_hva(file.start))[3 * PAGE_SIZE + 2] ^= 1;	/* sum right again, hash not: 0x5a - 1 and 0x5a + 1 */
	CHECK_EQ(tdx_update(), -EBUSY);
	CHECK_EQ(fake_calls(TDH_SYS_SHUTDOWN), 0);
	fake_refuse(TDH_SYS_SHUTDOWN, 1, 100, TDX_SYS_BUSY);
	offer_file(20260101);
	CHECK_EQ(tdx_update(), -EBUSY);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_READY);
	fake_refuse_nothing();
	CHECK_EQ(tdx_update(), 0);
	end();
}

TEST(module_update_that_fails_half_way_ends_tdx_not_cella)
{
	static const struct {
		u32 leaf, nth;
		u64 status;
		const char *sentence;
	} refusals[] = {
		{ FAKE_SEAMLDR(1), WORLD_CORES, 0x8000000000020000ull, "SEAMLDR_EBADSIG" },
		{ TDH_SYS_INIT, 1, TDX_INCORRECT_MSR_VALUE | 0xbd, "0xbd" },
		{ TDH_SYS_LP_INIT, 2, TDX_INCONSISTENT_MSR | 0x3b, "core 1" },
		{ TDH_SYS_UPDATE, 1, TDX_SYS_STATE_INCORRECT, "TDH.SYS.UPDATE" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
		begin_update(20260101);
		CHECK_EQ(tdx_test_create_td(), 0);
		CHECK_EQ(td_finalise(&test_td), 0);
		fake_refuse(refusals[i].leaf, refusals[i].nth, 1, refusals[i].status);
		CHECK_EQ(tdx_update(), -EIO);
		CHECK_EQ(tdx_module_state(), TDX_MODULE_SHUT_DOWN);
		CHECK(strstr(tdx_module_reason(), refusals[i].sentence) != NULL);
		fake_set_loader(true, false);	/* whatever is asked now, nobody answers */
		td_destroy(&test_td);
		CHECK_EQ(pages_of(ZONE_TD, PAGE_TD_PRIVATE) + pages_of(ZONE_TD, PAGE_TDR), 0);
		CHECK(pages_of(ZONE_TD, PAGE_QUARANTINE) > 0);
		CHECK_EQ(td_create(&test_td, tdx_test_params()), -EBUSY);
		CHECK_EQ(tdx_start(), -ENODEV);
		end();
	}
}

/* ---- stop and start ---- */

TEST(module_stops_and_starts_again)
{
	begin();
	fake_set_features(UPDATABLE);
	CHECK_EQ(tdx_stop(), 0);	/* nothing to stop is no failure */
	for (u32 i = 0; i < 5; i++) {
		CHECK_EQ(i ? tdx_start() : tdx_bring_up(GIB(1)), 0);
		CHECK_EQ(tdx_pool_bytes(), GIB(1));
		CHECK(!books_are_equal());
		fake_refuse(TDH_SYS_DISABLE, 1, 100, TDX_SYS_BUSY);
		CHECK_EQ(tdx_stop(), -EBUSY);
		CHECK_EQ(tdx_module_state(), TDX_MODULE_READY);
		fake_refuse_nothing();
		CHECK_EQ(tdx_stop(), 0);
		CHECK_EQ(tdx_module_state(), TDX_MODULE_INIT_PENDING);
		CHECK(books_are_equal());
	}
	end();
}

TEST(module_without_sys_disable_cannot_be_stopped)
{
	begin();
	CHECK_EQ(tdx_bring_up(GIB(1)), 0);
	CHECK_EQ(tdx_stop(), -EBUSY);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_READY);
	end();
}

TEST(module_refused_for_the_moment_behind_config_goes_on_where_it_stands)
{
	begin();
	fake_refuse(TDH_SYS_KEY_CONFIG, 2, 1000, TDX_KEY_GENERATION_FAILED);
	CHECK_EQ(tdx_bring_up(GIB(1)), -EBUSY);
	CHECK_EQ(tdx_module_state(), TDX_MODULE_CONFIG_DONE);
	fake_refuse_nothing();
	fake_refuse(TDH_SYS_TDMR_INIT, 2, 1000, TDX_OPERAND_BUSY | 1);
	CHECK_EQ(tdx_start(), -EBUSY);
	fake_refuse_nothing();
	CHECK_EQ(tdx_start(), 0);
	CHECK_EQ(fake_calls(TDH_SYS_CONFIG), 1);
	end();
	CHECK(books_are_equal());
}

/* Xorshift: the same plans in every run. */
static u32 next_random(u32 below)
{
	static u64 state = 0x9e3779b97f4a7c15ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state % below);
}

TEST(module_under_random_plans_loses_no_page_and_comes_up_in_the_end)
{
	static const u32 leaves[] = { TDH_SYS_INIT, TDH_SYS_LP_INIT, TDH_SYS_RD, TDH_SYS_CONFIG, TDH_SYS_KEY_CONFIG,
				      TDH_SYS_TDMR_INIT, TDH_SYS_DISABLE, FAKE_SEAMLDR(0), FAKE_SEAMLDR(3) };
	static const u64 transient[] = { TDX_SYS_BUSY, TDX_RND_NO_ENTROPY, TDX_OPERAND_BUSY | TDX_OPERAND_ID_KET,
					 TDX_KEY_GENERATION_FAILED };
	static const u64 permanent[] = { TDX_OPERAND_INVALID | 1, TDX_SYS_STATE_INCORRECT, SEAMCALL_GP_FAULT };
	u32 failures = 0;

	begin();
	fake_set_features(UPDATABLE);
	for (u32 plan = 0; plan < 300; plan++) {
		u32 leaf = leaves[next_random(ARRAY_SIZE(leaves))];
		bool passes = next_random(2);
		int result;

		fake_refuse_nothing();
		fake_refuse(leaf, 1 + next_random(4), 1 + next_random(3),
			    passes ? transient[next_random(leaf == TDH_SYS_KEY_CONFIG ? 4 : 2)] :
				     permanent[next_random(leaf == TDH_SYS_DISABLE ? 0 + 1 : 3)]);
		if (!passes && leaf == TDH_SYS_DISABLE)
			fake_refuse_nothing();	/* a module that can never be stopped is another test */
		result = module.wanted_pool_bytes ? tdx_start() : tdx_bring_up(GIB(1));
		if (result) {
			CHECK(!passes);
			CHECK(books_are_equal());
			CHECK_EQ(tdx_world_unmapped_bytes(), 0);
			failures++;
			fake_refuse_nothing();
			CHECK_EQ(tdx_start(), 0);
		}
		CHECK_EQ(tdx_stop(), 0);
		CHECK(books_are_equal());
	}
	CHECK(failures > 50);
	end();
}
