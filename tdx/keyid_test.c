/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/keyid.h"

#include "include/cella/errno.h"
#include "kernel/percpu.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

TEST(keyid_first_is_the_modules_and_the_others_go_out_lowest_first)
{
	hkid_t id;

	keyid_init(32, 4, 46);
	CHECK_EQ(keyid_global().raw, 32);
	CHECK_EQ(keyid_total(), 3);
	for (u16 expected = 33; expected < 36; expected++) {
		CHECK_EQ(keyid_alloc(&id), 0);
		CHECK_EQ(id.raw, expected);
	}
	CHECK_EQ(keyid_alloc(&id), -ENOSPC);
	CHECK_EQ(keyid_in_use(), 3);
	keyid_free(HKID(34));
	CHECK_EQ(keyid_alloc(&id), 0);
	CHECK_EQ(id.raw, 34);
}

TEST(keyid_leaked_never_comes_back)
{
	hkid_t id;

	keyid_init(1, 2, 46);
	CHECK_EQ(keyid_alloc(&id), 0);
	keyid_leak(id);
	CHECK_EQ(keyid_leaked(), 1);
	CHECK_EQ(keyid_in_use(), 0);
	CHECK_EQ(keyid_alloc(&id), -ENOSPC);
}

TEST(keyid_stands_above_the_address)
{
	keyid_init(32, 32, 46);
	CHECK_EQ(hpa_with_hkid(HPA(0x1234000), HKID(33)).raw, 33ull << 46 | 0x1234000);
}

static u32 visited[8];
static u32 visits;

static int note_core(void *arg)
{
	visited[visits++] = arch_this_cpu()->id;
	return visits == *(u32 *)arg ? -EIO : 0;
}

TEST(keyid_visits_one_core_of_every_package_and_stops_at_the_first_failure)
{
	u32 fail_at = 0;

	tdx_world_reset();	/* four cores, two packages: 0 0 1 1 */
	visits = 0;
	CHECK_EQ(keyid_on_each_package(note_core, &fail_at), 0);
	CHECK_EQ(visits, 2);
	CHECK_EQ(visited[0], 0);
	CHECK_EQ(visited[1], 2);
	visits = 0;
	fail_at = 1;
	CHECK_EQ(keyid_on_each_package(note_core, &fail_at), -EIO);
	CHECK_EQ(visits, 1);
}
