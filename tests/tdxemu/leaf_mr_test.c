/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/lib/string.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

/*
 * SHA-384 of: PAGE.ADD 0x1000; 16 times EXTEND of bytes (7 i + 3) mod 256; PAGE.ADD 0x2000. Computed with Python's
 * hashlib.
 */
static const u8 known_mrtd[TDX_MR_BYTES] = {
	0x8e, 0xdb, 0x56, 0x59, 0x74, 0x1d, 0x45, 0xae, 0x53, 0x9c, 0x37, 0x58, 0xa0, 0x39, 0x7f, 0x52,
	0xb9, 0xa4, 0x7c, 0x48, 0xbb, 0x7d, 0x73, 0xd4, 0xbc, 0x95, 0x25, 0xf8, 0x74, 0x3e, 0xd4, 0x11,
	0xc0, 0xd8, 0xc6, 0x40, 0x43, 0x84, 0x93, 0x9a, 0x44, 0x73, 0x56, 0x7e, 0x84, 0x19, 0xf1, 0xb4,
};

TEST(mrtd_is_the_hash_of_the_hosts_own_calls)
{
	struct machine_td td;
	u8 *source = phys(HOST_PAGE);

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	machine_td_tables(&td, 0x1000);
	for (u32 i = 0; i < PAGE_SIZE; i++)
		source[i] = (u8)(i * 7 + 3);
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = machine_page(), .r9 = HOST_PAGE),
		 TDX_SUCCESS);
	source[5] ^= 1;	/* the TD has its own copy */
	for (u64 gpa = 0x1000; gpa < 0x2000; gpa += MRTD_CHUNK_BYTES) {
		CHECK_EQ(SEAM(leaf_mr_extend, .rcx = gpa, .rdx = td.tdr), TDX_SUCCESS);
		CHECK_EQ(machine.out[GPR_RCX] | machine.out[GPR_RDX], 0);
	}
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x2000, .rdx = td.tdr, .r8 = machine_page(), .r9 = HOST_PAGE),
		 TDX_SUCCESS);
	machine_td_finalize(&td);
	CHECK_MEM(machine_tdcs(&td)->mrtd, known_mrtd, TDX_MR_BYTES);
	CHECK_EQ(machine_tdcs(&td)->op_state, OP_RUNNABLE);
	CHECK_EQ(SEAM(leaf_mr_finalize, .rcx = td.tdr), TDX_OP_STATE_INCORRECT);
	CHECK_EQ(SEAM(leaf_mr_extend, .rcx = 0x1000, .rdx = td.tdr), TDX_OP_STATE_INCORRECT);
	CHECK(machine_locks_free(&td));
}

TEST(extend_wants_a_mapped_page_of_the_td)
{
	struct machine_td td;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	CHECK_EQ(SEAM(leaf_mr_extend, .rcx = 0x80, .rdx = td.tdr), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mr_extend, .rcx = BIT(47), .rdx = td.tdr), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mr_extend, .rcx = 0, .rdx = td.tdr), TDX_EPT_ENTRY_NOT_PRESENT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RCX], BIT(63));
	CHECK_EQ(machine.out[GPR_RDX], TDX_LEVEL_512G);
	machine_td_tables(&td, 0);
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = 0, .rdx = td.tdr, .r8 = machine_page()), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mr_extend, .rcx = 0, .rdx = td.tdr), TDX_EPT_ENTRY_NOT_PRESENT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RDX], SEPT_PENDING << 8);
	CHECK(machine_locks_free(&td));
}

TEST(finalize_needs_a_vcpu)
{
	struct machine_td td;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_create(&td, TD_HKID);
	machine_td_addcx(&td);
	CHECK_EQ(SEAM(leaf_mr_finalize, .rcx = td.tdr), TDX_OP_STATE_INCORRECT);
	machine_td_init(&td);
	CHECK_EQ(SEAM(leaf_mr_finalize, .rcx = td.tdr), TDX_NO_VCPUS);
	machine_td_add_vcpu(&td);
	CHECK_EQ(SEAM(leaf_mr_finalize, .rcx = td.tdr), TDX_SUCCESS);
	CHECK(machine_kept(0));
}
