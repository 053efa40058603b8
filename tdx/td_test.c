/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/td.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/sept.h"
#include "include/spec/tdx/status.h"
#include "kernel/page.h"
#include "tdx/keyid.h"
#include "tdx/vcpu.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

/*
 * SHA-384 of: PAGE.ADD 0xfffff000 and 16 EXTENDs of pattern 3; PAGE.ADD 0x800000; PAGE.ADD 0x801000 and 16 EXTENDs of
 * pattern 11. Computed with Python's hashlib from the record layout in the manual.
 */
static const u8 known_mrtd[TDX_MR_BYTES] = {
	0xac, 0x3a, 0x5a, 0x57, 0x24, 0x40, 0xb6, 0x6f, 0xe3, 0xb7, 0x2d, 0xc5, 0x67, 0xbd, 0x4e, 0x76,
	0xc5, 0x7d, 0x1a, 0xe5, 0x1a, 0x61, 0x16, 0xb9, 0x2e, 0x24, 0x44, 0x08, 0x44, 0xf0, 0xf7, 0x6a,
	0x5c, 0x6f, 0x10, 0x73, 0xf6, 0x6c, 0x9d, 0x81, 0xf1, 0x2b, 0xbe, 0x98, 0x57, 0x39, 0x28, 0x6d,
};

static void fill(u8 *page, u32 seed)
{
	for (u32 i = 0; i < PAGE_SIZE; i++)
		page[i] = (u8)((i * 7 + seed) ^ (i >> 8));
}

TEST(td_mrtd_of_a_known_sequence)
{
	u8 *measured, *added, *second;

	tdx_test_begin();
	measured = page_zalloc(1, PAGE_GUEST);
	added = page_zalloc(1, PAGE_GUEST);
	second = page_zalloc(1, PAGE_GUEST);
	fill(measured, 3);
	fill(second, 11);
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(td_add_page(&test_td, GPA(0xfffff000), hva_to_hpa(measured)), 0);
	CHECK_EQ(td_measure_page(&test_td, GPA(0xfffff000), hva_to_hpa(measured)), 0);
	CHECK_EQ(td_add_page(&test_td, GPA(0x800000), hva_to_hpa(added)), 0);
	CHECK_EQ(td_add_page(&test_td, GPA(0x801000), hva_to_hpa(second)), 0);
	CHECK_EQ(td_measure_page(&test_td, GPA(0x801000), hva_to_hpa(second)), 0);
	CHECK_EQ(td_finalise(&test_td), 0);
	CHECK_MEM(test_td.mrtd, known_mrtd, sizeof(known_mrtd));
	CHECK_EQ(test_td.tsc_offset, 0x1111);
	CHECK_EQ(test_td.tsc_multiplier, 0x2222);
	page_zfree(measured, 1, PAGE_GUEST);
	page_zfree(added, 1, PAGE_GUEST);
	page_zfree(second, 1, PAGE_GUEST);
	tdx_test_destroy_and_compare();
}

TEST(td_with_another_mrtd_than_expected_must_not_run)
{
	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	fake_corrupt_mrtd();
	CHECK_EQ(td_finalise(&test_td), -EIO);
	tdx_test_destroy_and_compare();
}

TEST(td_states_follow_the_manual)
{
	tdx_test_begin();
	CHECK_EQ(test_td.state, TD_NONE);
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(test_td.state, TD_INITIALIZED);
	CHECK_EQ(test_td.shared_bit, TDX_SHARED_BIT_GPAW48);
	CHECK_EQ(test_td.tdcs_count, FAKE_TDCS_PAGES);
	CHECK(fake_key_is_assigned(test_td.hkid.raw));
	CHECK_EQ(keyid_in_use(), 1);
	CHECK_EQ(td_finalise(&test_td), 0);
	CHECK_EQ(test_td.state, TD_RUNNABLE);
	CHECK_EQ(td_finalise(&test_td), -EPERM);
	CHECK_EQ(td_measure_page(&test_td, GPA(0), HPA(MIB(32))), -EPERM);
	tdx_test_destroy_and_compare();
	CHECK_EQ(test_td.state, TD_NONE);
	CHECK_EQ(keyid_in_use(), 0);
	CHECK_EQ(fake_calls(TDH_MNG_KEY_CONFIG), 2);	/* two packages */
	CHECK_EQ(fake_calls(TDH_PHYMEM_CACHE_WB), 2);
	CHECK_STR(td_state_name(TD_RUNNABLE), "RUNNABLE");
}

TEST(td_refused_at_any_step_of_its_birth_leaves_nothing_behind)
{
	static const struct {
		u32 leaf, nth;
		u64 status;
		int expected;
	} refusals[] = {
		{ TDH_MNG_CREATE, 1, TDX_PAGE_METADATA_INCORRECT | 1, -EIO },
		{ TDH_MNG_KEY_CONFIG, 1, TDX_TD_FATAL, -EIO },
		{ TDH_MNG_KEY_CONFIG, 2, TDX_TD_FATAL, -EIO },
		{ TDH_MNG_ADDCX, 1, TDX_TDCX_NUM_INCORRECT, -EIO },
		{ TDH_MNG_ADDCX, 6, TDX_TDCX_NUM_INCORRECT, -EIO },
		{ TDH_MNG_INIT, 1, TDX_OPERAND_INVALID | TDX_OPERAND_ID_CPUID_CONFIG, -EINVAL },
		{ TDH_MNG_INIT, 1, TDX_OPERAND_INVALID | TDX_OPERAND_ID_XFAM, -EINVAL },
		{ TDH_VP_CREATE, 1, TDX_OP_STATE_INCORRECT, -EIO },
		{ TDH_VP_ADDCX, 3, TDX_TDCX_NUM_INCORRECT, -EIO },
		{ TDH_VP_INIT, 1, TDX_MAX_VCPUS_EXCEEDED, -EIO },
		{ TDH_VP_WR, 4, TDX_METADATA_FIELD_VALUE_NOT_VALID, -EIO },
	};

	for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
		tdx_test_begin();
		fake_refuse(refusals[i].leaf, refusals[i].nth, 1, refusals[i].status);
		CHECK_EQ(tdx_test_create_td(), refusals[i].expected);
		tdx_test_destroy_and_compare();
		CHECK_EQ(keyid_in_use(), 0);
		CHECK_EQ(keyid_leaked(), 0);
	}
}

TEST(td_birth_survives_every_transient_refusal)
{
	static const u32 leaves[] = { TDH_MNG_CREATE, TDH_MNG_KEY_CONFIG, TDH_MNG_ADDCX, TDH_MNG_INIT, TDH_VP_CREATE,
				      TDH_VP_ADDCX, TDH_VP_INIT, TDH_VP_WR, TDH_MR_FINALIZE, TDH_MNG_RD };

	tdx_test_begin();
	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++)
		fake_refuse(leaves[i], 1, 3, TDX_OPERAND_BUSY | 1);
	fake_refuse(TDH_MNG_KEY_CONFIG, 1, 2, TDX_KEY_GENERATION_FAILED);
	fake_refuse(TDH_MNG_CREATE, 1, 2, TDX_RND_NO_ENTROPY);
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(td_finalise(&test_td), 0);
	tdx_test_destroy_and_compare();
}

TEST(td_birth_that_stays_busy_is_busy_and_not_failed)
{
	tdx_test_begin();
	fake_refuse(TDH_MNG_ADDCX, 1, 100000, TDX_OPERAND_BUSY | 2);
	CHECK_EQ(tdx_test_create_td(), -EBUSY);
	tdx_test_destroy_and_compare();
	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	tdx_test_destroy_and_compare();
}

TEST(td_death_resumes_the_cache_write_back)
{
	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(td_finalise(&test_td), 0);
	fake_refuse(TDH_PHYMEM_CACHE_WB, 1, 5, TDX_INTERRUPTED_RESUMABLE);
	fake_refuse(TDH_MNG_KEY_FREEID, 1, 1, TDX_WBCACHE_NOT_COMPLETE);
	fake_refuse(TDH_MNG_VPFLUSHDONE, 1, 3, TDX_OPERAND_BUSY | TDX_OPERAND_ID_KOT);
	fake_refuse(TDH_PHYMEM_PAGE_RECLAIM, 2, 3, TDX_OPERAND_BUSY | 1);
	tdx_test_destroy_and_compare();
	CHECK_EQ(keyid_leaked(), 0);
}

TEST(td_whose_keyid_cannot_be_released_goes_to_quarantine_as_a_whole)
{
	struct page_books books;
	u64 held;

	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	held = fake_held_pages();
	fake_refuse(TDH_MNG_VPFLUSHDONE, 1, 1, TDX_LIFECYCLE_STATE_INCORRECT);
	td_destroy(&test_td);
	page_books_read(&books);
	CHECK_EQ(books.pages[ZONE_TD][PAGE_QUARANTINE], held);
	CHECK_EQ(books.pages[ZONE_TD][PAGE_TDCX], 0);
	CHECK_EQ(keyid_leaked(), 1);
	CHECK_EQ(test_td.state, TD_NONE);
}

TEST(td_page_that_cannot_be_reclaimed_goes_to_quarantine_with_its_tdr)
{
	struct page_books books;

	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	fake_refuse(TDH_PHYMEM_PAGE_RECLAIM, 1, 1, TDX_PAGE_METADATA_INCORRECT | 1);
	td_destroy(&test_td);
	page_books_read(&books);
	CHECK_EQ(books.pages[ZONE_TD][PAGE_QUARANTINE], 2);	/* the page, and the TDR that still counts it */
	CHECK_EQ(keyid_leaked(), 0);
	CHECK_EQ(fake_held_pages(), 2);
}

TEST(td_without_a_free_keyid_is_refused)
{
	static struct td others[2];

	tdx_test_begin();
	keyid_init(32, 2, 46);
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(td_create(&others[0], tdx_test_params()), -ENOSPC);
	CHECK_EQ(others[0].state, TD_NONE);
	tdx_test_destroy_and_compare();
}

TEST(td_needs_no_rbp_mod)
{
	struct td_params *params;

	tdx_test_begin();
	params = tdx_test_params();
	params->config_flags = 0;
	CHECK_EQ(td_create(&test_td, params), -EINVAL);
	tdx_test_destroy_and_compare();
}
