/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/shared_ept.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/sept.h"
#include "kernel/page.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static struct shared_ept ept;
static struct page_books before;

static void begin(void)
{
	tdx_world_reset();
	page_books_read(&before);
	world.invepts = 0;
	CHECK_EQ(shared_ept_create(&ept, TDX_SHARED_BIT_GPAW48), 0);
}

static void end(void)
{
	struct page_books after;

	shared_ept_destroy(&ept);
	page_books_read(&after);
	CHECK(page_books_equal(&before, &after));
}

/* What the CPU finds for @gpa: the entry at which its walk ends. */
static u64 walk(u64 gpa)
{
	u64 *table = hpa_to_hva(ept.root);

	gpa |= ept.shared_bit;
	for (u32 shift = 39;; shift -= 9) {
		u64 entry = table[gpa >> shift & 511];

		if (shift == 12 || !(entry & 7) || entry & EPT_LEAF)
			return entry;
		table = hpa_to_hva(HPA(entry & EPT_ADDRESS_MASK));
	}
}

TEST(shared_ept_is_empty_at_first_and_empty_exits_to_the_host)
{
	hpa_t hpa;

	begin();
	CHECK_EQ(walk(0), EPT_SUPPRESS_VE);
	CHECK_EQ(walk(GIB(100)), EPT_SUPPRESS_VE);
	CHECK(!shared_ept_lookup(&ept, GPA(0), &hpa));
	CHECK_EQ(ept.table_pages, 1);
	end();
}

TEST(shared_ept_maps_and_looks_up_to_the_byte)
{
	hpa_t hpa;

	begin();
	CHECK_EQ(shared_ept_map(&ept, GPA(MIB(2)), HPA(MIB(64)), TDX_LEVEL_2M, SHARED_READ_WRITE), 0);
	CHECK_EQ(shared_ept_map(&ept, GPA(MIB(4)), HPA(MIB(80) + KIB(4)), TDX_LEVEL_4K, SHARED_READ_ONLY), 0);
	CHECK(shared_ept_lookup(&ept, GPA(MIB(3) + 5), &hpa));
	CHECK_EQ(hpa.raw, MIB(65) + 5);
	CHECK(shared_ept_lookup(&ept, GPA(MIB(4) + 0xabc), &hpa));
	CHECK_EQ(hpa.raw, MIB(80) + KIB(4) + 0xabc);
	CHECK(!shared_ept_lookup(&ept, GPA(MIB(4) + KIB(4)), &hpa));
	CHECK_EQ(walk(MIB(2)) & 7, EPT_READ | EPT_WRITE);
	CHECK_EQ(walk(MIB(4)) & 7, EPT_READ);
	CHECK_EQ(walk(MIB(4)) >> EPT_MEMTYPE_SHIFT & 7, EPT_MEMTYPE_WB);
	CHECK_EQ(world.invepts, 0);	/* nobody could have used an empty entry */
	end();
}

TEST(shared_ept_splits_a_2m_page_without_losing_the_rest)
{
	hpa_t hpa;

	begin();
	CHECK_EQ(shared_ept_map(&ept, GPA(MIB(2)), HPA(MIB(64)), TDX_LEVEL_2M, SHARED_READ_WRITE), 0);
	CHECK_EQ(shared_ept_map(&ept, GPA(MIB(2) + KIB(8)), HPA(MIB(90)), TDX_LEVEL_4K, SHARED_READ_WRITE), 0);
	CHECK(shared_ept_lookup(&ept, GPA(MIB(2) + KIB(4)), &hpa));
	CHECK_EQ(hpa.raw, MIB(64) + KIB(4));
	CHECK(shared_ept_lookup(&ept, GPA(MIB(2) + KIB(8)), &hpa));
	CHECK_EQ(hpa.raw, MIB(90));
	CHECK_EQ(world.invepts, WORLD_CORES);
	end();
}

TEST(shared_ept_unmap_exits_to_the_host_again_after_an_invept)
{
	hpa_t hpa;

	begin();
	CHECK_EQ(shared_ept_map(&ept, GPA(MIB(2)), HPA(MIB(64)), TDX_LEVEL_2M, SHARED_READ_WRITE), 0);
	CHECK_EQ(shared_ept_unmap(&ept, GPA(MIB(3)), KIB(4)), 0);
	CHECK_EQ(world.invepts, WORLD_CORES);
	CHECK(!shared_ept_lookup(&ept, GPA(MIB(3)), &hpa));
	CHECK_EQ(walk(MIB(3)), EPT_SUPPRESS_VE);
	CHECK(shared_ept_lookup(&ept, GPA(MIB(3) + KIB(4)), &hpa));
	CHECK_EQ(shared_ept_unmap(&ept, GPA(0), GIB(1)), 0);
	CHECK(!shared_ept_lookup(&ept, GPA(MIB(2)), &hpa));
	CHECK_EQ(ept.table_pages, 2);	/* the tables below the GiB are gone */
	end();
}

TEST(shared_ept_mmio_raises_ve_and_uses_large_entries)
{
	begin();
	CHECK_EQ(shared_ept_set_mmio(&ept, GPA(0xfec00000), KIB(4)), 0);
	CHECK_EQ(walk(0xfec00000), 0);
	CHECK_EQ(walk(0xfec01000), EPT_SUPPRESS_VE);
	CHECK_EQ(ept.table_pages, 4);
	CHECK_EQ(shared_ept_set_mmio(&ept, GPA(GIB(256)), GIB(64)), 0);
	CHECK_EQ(walk(GIB(300)), 0);
	CHECK_EQ(ept.table_pages, 4);
	CHECK_EQ(world.invepts, 0);
	CHECK_EQ(shared_ept_map(&ept, GPA(GIB(300)), HPA(MIB(64)), TDX_LEVEL_4K, SHARED_READ_WRITE), 0);
	CHECK_EQ(walk(GIB(300) + KIB(4)), 0);	/* what surrounds it stays MMIO */
	CHECK_EQ(walk(GIB(301)), 0);
	end();
}

TEST(shared_ept_2m_map_replaces_a_table)
{
	hpa_t hpa;

	begin();
	for (u64 offset = 0; offset < MIB(2); offset += KIB(4))
		CHECK_EQ(shared_ept_map(&ept, GPA(MIB(2) + offset), HPA(MIB(64)), TDX_LEVEL_4K, SHARED_READ_WRITE), 0);
	CHECK_EQ(ept.table_pages, 4);
	CHECK_EQ(shared_ept_map(&ept, GPA(MIB(2)), HPA(MIB(66)), TDX_LEVEL_2M, SHARED_READ_WRITE), 0);
	CHECK_EQ(ept.table_pages, 3);
	CHECK(shared_ept_lookup(&ept, GPA(MIB(4) - 1), &hpa));
	CHECK_EQ(hpa.raw, MIB(68) - 1);
	CHECK_EQ(world.invepts, WORLD_CORES);
	end();
}

TEST(shared_ept_refuses_what_is_misaligned_or_no_gpa)
{
	begin();
	CHECK_EQ(shared_ept_map(&ept, GPA(KIB(4)), HPA(MIB(2)), TDX_LEVEL_2M, SHARED_READ_WRITE), -EINVAL);
	CHECK_EQ(shared_ept_map(&ept, GPA(MIB(2)), HPA(KIB(4)), TDX_LEVEL_2M, SHARED_READ_WRITE), -EINVAL);
	CHECK_EQ(shared_ept_map(&ept, GPA(0), HPA(0), TDX_LEVEL_1G, SHARED_READ_WRITE), -EINVAL);
	CHECK_EQ(shared_ept_map(&ept, GPA(ept.shared_bit), HPA(0), TDX_LEVEL_4K, SHARED_READ_WRITE), -EINVAL);
	CHECK_EQ(shared_ept_unmap(&ept, GPA(0), 0), -EINVAL);
	CHECK_EQ(shared_ept_unmap(&ept, GPA(ept.shared_bit - KIB(4)), KIB(8)), -EINVAL);
	CHECK_EQ(shared_ept_set_mmio(&ept, GPA(12), KIB(4)), -EINVAL);
	end();
}

TEST(shared_ept_with_five_levels)
{
	hpa_t hpa;

	tdx_world_reset();
	page_books_read(&before);
	CHECK_EQ(shared_ept_create(&ept, TDX_SHARED_BIT_GPAW52), 0);
	CHECK_EQ(shared_ept_map(&ept, GPA(0x3000000000000ull), HPA(MIB(64)), TDX_LEVEL_4K, SHARED_READ_WRITE), 0);
	CHECK(shared_ept_lookup(&ept, GPA(0x3000000000000ull), &hpa));
	CHECK_EQ(hpa.raw, MIB(64));
	CHECK_EQ(ept.table_pages, 5);
	end();
}
