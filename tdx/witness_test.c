/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/witness.h"

#include <string.h>

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
#include "tdx/td.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

TEST(witness_names_what_the_module_holds)
{
	hpa_t page = HPA(WORLD_POOL_BASE), tdr;
	u32 tdrs = 0, children = 0;

	tdx_test_begin();
	CHECK_STR(witness_page(page), "free");
	CHECK_EQ(tdx_test_create_td(), 0);
	tdr = test_td.tdr;
	CHECK_STR(witness_page(tdr), "a TDR");
	for (; page.raw < WORLD_POOL_BASE + WORLD_POOL_BYTES; page.raw += PAGE_SIZE) {
		tdrs += strcmp(witness_page(page), "a TDR") == 0;
		children += strncmp(witness_page(page), "a TDCX of the TD at TDR 0x", 26) == 0;
	}
	CHECK_EQ(tdrs, 1);
	CHECK(children > 1);
	tdx_test_destroy_and_compare();
}

TEST(witness_is_silent_when_the_module_is)
{
	tdx_test_begin();
	fake_refuse(TDH_PHYMEM_PAGE_RDMD, 1, 1, TDX_SYS_NOT_READY);
	CHECK(witness_page(HPA(WORLD_POOL_BASE)) == NULL);
}
