/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/lib/string.h"
#include "tests/tdxemu/pamt.h"
#include "tests/tdxemu/sept.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define INFO(state, level) ((u64)(state) << 8 | (level))

static struct machine_td td;

static void prepare(void)
{
	machine_reset(2, 1);
	machine_bring_up();
	machine_td_build(&td);
}

static void prepare_running(void)
{
	prepare();
	machine_td_tables(&td, 0);
	machine_td_finalize(&td);
}

static u64 child_count(void)
{
	return ((struct tdr *)phys(td.tdr))->child_count;
}

static u64 aug(u64 gpa_level, u64 page)
{
	return SEAM(leaf_mem_page_aug, .rcx = gpa_level, .rdx = td.tdr, .r8 = page);
}

static u64 accept_page(u64 gpa_level)
{
	struct td_run run = machine_run(&td);
	u64 status = 0;

	run.gpr[GPR_RCX] = gpa_level;
	CHECK_EQ(tdg_mem_page_accept(&run, 0, &status), TDCALL_DONE);
	return status;
}

TEST(memory_operands_are_checked_in_the_common_order)
{
	prepare();
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 9, .rdx = td.tdr + PAGE_SIZE),
		 TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RDX);
	machine_tdcs(&td)->op_state_lock = SHAREX_EXCLUSIVE;
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 9, .rdx = td.tdr), BUSY(OP_STATE));
	machine_tdcs(&td)->op_state_lock = 0;
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 4, .rdx = td.tdr),
		 INVALID(RCX));	/* a 4-level tree has levels 0 to 3 */
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = BIT(11), .rdx = td.tdr), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = PAGE_SIZE | TDX_LEVEL_2M, .rdx = td.tdr), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = BIT(47), .rdx = td.tdr), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = BIT(52), .rdx = td.tdr), INVALID(RCX));
	CHECK_EQ(machine.out[GPR_RCX] | machine.out[GPR_RDX], 0);
	machine_tdcs(&td)->sept_lock = SHAREX_EXCLUSIVE;
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 0, .rdx = td.tdr), BUSY(SEPT_TREE));
	machine_tdcs(&td)->sept_lock = 0;
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 0, .rdx = td.tdr), TDX_EPT_WALK_FAILED | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RCX], BIT(63));
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_FREE, TDX_LEVEL_512G));
	CHECK(machine_locks_free(&td));
}

TEST(a_fatal_td_or_one_without_keys_is_refused_first)
{
	struct tdr *tdr;

	prepare();
	tdr = phys(td.tdr);
	tdr->fatal = 1;
	tdr->lifecycle = TD_BLOCKED;
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 9, .rdx = td.tdr), TDX_TD_FATAL);
	tdr->fatal = 0;
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 9, .rdx = td.tdr), TDX_TD_KEYS_NOT_CONFIGURED);
	tdr->lifecycle = TD_KEYS_CONFIGURED;
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK(machine_kept(0));
}

TEST(sept_add_follows_the_walk_level_by_level)
{
	u64 table, free_page;

	prepare();
	table = machine_page();
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 0 | TDX_LEVEL_4K, .rdx = td.tdr, .r8 = table), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr | 2, .r8 = table), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 2, .rdx = td.tdr, .r8 = table),
		 TDX_EPT_WALK_FAILED | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_FREE, TDX_LEVEL_512G));
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr, .r8 = td.tdr), BUSY(R8));
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr, .r8 = td.tdcx[0]),
		 TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_R8);
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr, .r8 = table), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX] | machine.out[GPR_RDX], 0);
	CHECK_EQ(machine_hidden_as(table), HIDDEN_SEPT);
	CHECK_EQ(pamt_entry_at(table, TDX_LEVEL_4K)->type, PT_EPT);
	CHECK_EQ(((u64 *)phys(table))[17], SEPT_ENTRY_FREE);
	CHECK_EQ(child_count(), 13);
	free_page = machine_page();
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr, .r8 = free_page),
		 TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RCX], 7);
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_NL_MAPPED, TDX_LEVEL_512G));
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr | SEPT_ADD_ALLOW_EXISTING, .r8 = free_page),
		 TDX_SUCCESS);
	CHECK_EQ(machine_view(free_page), VIEW_SHARED);
	CHECK_EQ(child_count(), 13);
	CHECK(machine_locks_free(&td));
}

TEST(version_1_of_sept_add_tells_which_pages_it_used)
{
	u64 page;

	prepare();
	page = machine_page();
	CHECK_EQ(SEAM_V1(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr, .r8 = page, .r9 = machine_page(),
			 .r10 = SEPT_NULL_PAGE, .r11 = SEPT_NULL_PAGE), INVALID(R9));
	CHECK_EQ(SEAM_V1(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr, .r8 = page | BIT(63), .r9 = SEPT_NULL_PAGE,
			 .r10 = SEPT_NULL_PAGE, .r11 = SEPT_NULL_PAGE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], SEPT_NULL_PAGE);
	page = machine_page();
	CHECK_EQ(SEAM_V1(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr | SEPT_ADD_ALLOW_EXISTING, .r8 = page,
			 .r9 = SEPT_NULL_PAGE, .r10 = SEPT_NULL_PAGE, .r11 = SEPT_NULL_PAGE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], page | BIT(63));
	CHECK_EQ(machine_call(0, leaf_mem_sept_add, 2, (struct machine_regs){ 0 }), INVALID(RAX));
	CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = 3, .rdx = td.tdr, .r8 = SEPT_NULL_PAGE), INVALID(R8));
}

TEST(page_add_copies_and_maps)
{
	u64 page, other;

	prepare();
	page = machine_page();
	memset(phys(HOST_PAGE), 0x6b, PAGE_SIZE);
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = page, .r9 = HOST_PAGE),
		 TDX_EPT_WALK_FAILED | TDX_OPERAND_ID_RCX);
	machine_td_tables(&td, 0);
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x200000 | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = page, .r9 = HOST_PAGE),
		 INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = page + 1, .r9 = HOST_PAGE + 8),
		 INVALID(R9));
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = page + 1, .r9 = td.tdr), INVALID(R9));
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = page + 1, .r9 = HOST_PAGE), INVALID(R8));
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = page, .r9 = HOST_PAGE), TDX_SUCCESS);
	CHECK_EQ(*(u8 *)phys(page + 4095), 0x6b);
	CHECK_EQ(machine_hidden_as(page), HIDDEN_PRIVATE);
	CHECK_EQ(sept_translate(phys(td.tdr), 0x1234), page + 0x234);
	CHECK_EQ(SEAM(leaf_mem_sept_rd, .rcx = 0x1000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], page | 0x80000000000000f7ull);
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_MAPPED, TDX_LEVEL_4K));
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = machine_page(), .r9 = HOST_PAGE),
		 TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	other = machine_page();
	memset(phys(other), 0x77, PAGE_SIZE);	/* source and target may be one page */
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x2000, .rdx = td.tdr, .r8 = other, .r9 = other), TDX_SUCCESS);
	CHECK_EQ(*(u8 *)phys(other), 0x77);
	machine_td_finalize(&td);
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x3000, .rdx = td.tdr, .r8 = machine_page(), .r9 = HOST_PAGE),
		 TDX_OP_STATE_INCORRECT);
	CHECK(machine_locks_free(&td));
}

TEST(a_page_is_augmented_accepted_blocked_tracked_and_removed)
{
	struct vp_ref vp;
	u64 page, before;

	prepare_running();
	before = child_count();
	page = machine_page();
	memset(phys(page), 0xee, PAGE_SIZE);
	CHECK_EQ(aug(0x5000, page), TDX_SUCCESS);
	CHECK_EQ(aug(0x5000, machine_page()), TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_PENDING, TDX_LEVEL_4K));
	CHECK_EQ(*(u8 *)phys(page), 0xee);
	CHECK_EQ(accept_page(0x5000), TDX_SUCCESS);
	CHECK_EQ(*(u8 *)phys(page), 0);
	CHECK_EQ(accept_page(0x5000), TDX_PAGE_ALREADY_ACCEPTED);
	CHECK_EQ(SEAM(leaf_mem_page_remove, .rcx = 0x5000, .rdx = td.tdr),
		 TDX_GPA_RANGE_NOT_BLOCKED | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_MAPPED, TDX_LEVEL_4K));

	machine_enter(&td, &vp);
	CHECK_EQ(SEAM_ON(1, leaf_mem_range_block, .rcx = 0x5000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM_ON(1, leaf_mem_range_block, .rcx = 0x5000, .rdx = td.tdr),
		 TDX_GPA_RANGE_ALREADY_BLOCKED | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM_ON(1, leaf_mem_page_remove, .rcx = 0x5000, .rdx = td.tdr),
		 TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM_ON(1, leaf_mem_range_unblock, .rcx = 0x5000, .rdx = td.tdr),
		 TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_ID_SEPT_TREE);
	CHECK_EQ(SEAM_ON(1, leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	/* The vCPU of the old epoch has not left yet. */
	CHECK_EQ(SEAM_ON(1, leaf_mem_page_remove, .rcx = 0x5000, .rdx = td.tdr),
		 TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM_ON(1, leaf_mem_track, .rcx = td.tdr), TDX_PREVIOUS_TLB_EPOCH_BUSY);
	machine_leave(&vp);
	machine_enter(&td, &vp);	/* in the new epoch: no obstacle */
	CHECK_EQ(SEAM_ON(1, leaf_mem_page_remove, .rcx = 0x5000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], page);
	CHECK_EQ(machine.out[GPR_RDX], 0);
	machine_leave(&vp);
	CHECK_EQ(machine_view(page), VIEW_OWES_WBINVD);
	CHECK_EQ(child_count(), before);
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = page | (u64)TD_HKID << PLATFORM_KEYID_SHIFT), TDX_SUCCESS);
	CHECK_EQ(machine_view(page), VIEW_OWES_CLEAR);
	CHECK(machine_locks_free(&td));
}

TEST(track_is_refused_while_a_vcpu_enters)
{
	prepare_running();
	machine_tdcs(&td)->epoch_lock = SHAREX_READER;
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), BUSY(TD_EPOCH));
	machine_tdcs(&td)->epoch_lock = 0;
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine_tdcs(&td)->td_epoch, 2);
}

TEST(an_unblocked_page_is_back_with_its_content)
{
	u64 page;

	prepare_running();
	page = machine_page();
	CHECK_EQ(aug(0x5000, page), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_unblock, .rcx = 0x5000, .rdx = td.tdr),
		 TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(accept_page(0x5000), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = 0x5000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(sept_translate(phys(td.tdr), 0x5000), 0);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_unblock, .rcx = 0x5000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(sept_translate(phys(td.tdr), 0x5000), page);
}

TEST(during_build_pages_leave_without_tracking)
{
	u64 page;

	prepare();
	machine_td_tables(&td, 0);
	page = machine_page();
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0x1000, .rdx = td.tdr, .r8 = page, .r9 = HOST_PAGE), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_remove, .rcx = 0x1000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], page);
	CHECK_EQ(SEAM(leaf_mem_page_remove, .rcx = 0x1000, .rdx = td.tdr),
		 TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OPERAND_ID_RCX);
}

TEST(a_table_leaves_when_it_is_blocked_tracked_and_empty)
{
	u64 table, page;

	prepare_running();
	CHECK_EQ(SEAM(leaf_mem_sept_remove, .rcx = TDX_LEVEL_2M, .rdx = td.tdr),
		 TDX_GPA_RANGE_NOT_BLOCKED | TDX_OPERAND_ID_RCX);
	page = machine_page();
	CHECK_EQ(aug(0, page), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_sept_remove, .rcx = TDX_LEVEL_2M, .rdx = td.tdr),
		 TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_sept_remove, .rcx = TDX_LEVEL_2M, .rdx = td.tdr),
		 TDX_EPT_PAGE_NOT_FREE | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_NL_BLOCKED, TDX_LEVEL_2M));
	CHECK_EQ(aug(0x1000, machine_page()),
		 TDX_EPT_WALK_FAILED | TDX_OPERAND_ID_RCX);	/* behind a blocked table */
	CHECK_EQ(SEAM(leaf_mem_range_unblock, .rcx = TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = 0, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_remove, .rcx = 0, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM_V1(leaf_mem_sept_remove, .rcx = TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	table = machine.out[GPR_RCX];
	CHECK_EQ(machine_view(table), VIEW_OWES_WBINVD);
	CHECK_EQ(machine.out[GPR_R9], SEPT_NULL_PAGE);
	CHECK_EQ(pamt_entry_at(table, TDX_LEVEL_4K)->type, PT_NDA);
	CHECK(machine_locks_free(&td));
}

TEST(a_large_page_is_accepted_split_and_joined)
{
	u64 large, table, before;

	prepare_running();
	large = machine_page_2m();
	before = child_count();
	CHECK_EQ(aug(MIB(2) | TDX_LEVEL_2M, large + PAGE_SIZE), INVALID(R8));
	CHECK_EQ(aug(MIB(2) | TDX_LEVEL_2M, large), TDX_SUCCESS);
	CHECK_EQ(child_count(), before + 512);
	CHECK_EQ(machine_view(large + PAGE_SIZE), VIEW_HIDDEN);
	CHECK_EQ(accept_page(MIB(2) | TDX_LEVEL_2M), TDX_SUCCESS);
	memset(phys(large + 5 * PAGE_SIZE), 0x31, PAGE_SIZE);
	CHECK_EQ(accept_page(MIB(2) + PAGE_SIZE), TDX_PAGE_ALREADY_ACCEPTED | TDX_LEVEL_2M);

	table = machine_page();
	CHECK_EQ(SEAM(leaf_mem_page_demote, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = table),
		 TDX_GPA_RANGE_NOT_BLOCKED | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_demote, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = large),
		 TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_R8);
	CHECK_EQ(SEAM(leaf_mem_page_demote, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr | 2, .r8 = table),
		 INVALID(RDX));
	CHECK_EQ(SEAM(leaf_mem_page_demote, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = table,
		      .r9 = SEPT_NULL_PAGE, .r10 = SEPT_NULL_PAGE, .r11 = SEPT_NULL_PAGE), TDX_SUCCESS);
	CHECK_EQ(child_count(), before + 513);
	CHECK_EQ(sept_translate(phys(td.tdr), MIB(2) + 5 * PAGE_SIZE), large + 5 * PAGE_SIZE);
	CHECK_EQ(*(u8 *)phys(large + 5 * PAGE_SIZE), 0x31);
	CHECK_EQ(accept_page(MIB(2) | TDX_LEVEL_2M), TDX_PAGE_SIZE_MISMATCH | TDX_LEVEL_2M);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = large + PAGE_SIZE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_REG);
	CHECK_EQ(machine.out[GPR_RDX], td.tdr);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_4K);

	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_promote, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], table);
	CHECK_EQ(child_count(), before + 512);
	CHECK_EQ(sept_translate(phys(td.tdr), MIB(2) + 0x12345), large + 0x12345);
	CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = large + PAGE_SIZE), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_2M);
	CHECK(machine_locks_free(&td));
}

TEST(promote_wants_512_pages_that_lie_together)
{
	prepare_running();
	CHECK_EQ(aug(0, machine_page()), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_promote, .rcx = TDX_LEVEL_2M, .rdx = td.tdr),
		 TDX_EPT_INVALID_PROMOTE_CONDITIONS | TDX_OPERAND_ID_RCX);
	CHECK(machine_locks_free(&td));
}

TEST(a_large_page_leaves_as_one)
{
	u64 large, before;

	prepare_running();
	large = machine_page_2m();
	before = child_count();
	CHECK_EQ(aug(MIB(2) | TDX_LEVEL_2M, large), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_remove, .rcx = MIB(2) + PAGE_SIZE, .rdx = td.tdr),
		 TDX_EPT_WALK_FAILED | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_PENDING_BLOCKED, TDX_LEVEL_2M));
	CHECK_EQ(SEAM(leaf_mem_page_remove, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], large);
	CHECK_EQ(child_count(), before);
	CHECK_EQ(machine_view(large + 511 * PAGE_SIZE), VIEW_OWES_WBINVD);
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = (large + 511 * PAGE_SIZE) | (u64)TD_HKID << PLATFORM_KEYID_SHIFT),
		 TDX_SUCCESS);
	CHECK_EQ(machine_view(large + 511 * PAGE_SIZE), VIEW_OWES_CLEAR);
}

TEST(relocate_copies_to_the_new_page)
{
	u64 old_page, new_page;

	prepare_running();
	old_page = machine_page();
	new_page = machine_page();
	CHECK_EQ(aug(0x5000, old_page), TDX_SUCCESS);
	CHECK_EQ(accept_page(0x5000), TDX_SUCCESS);
	memset(phys(old_page), 0x44, PAGE_SIZE);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = 0x5000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_relocate, .rcx = 0x5000, .rdx = td.tdr, .r8 = old_page), INVALID(R8));
	CHECK_EQ(SEAM(leaf_mem_page_relocate, .rcx = 0x5000, .rdx = td.tdr, .r8 = new_page),
		 TDX_TLB_TRACKING_NOT_DONE | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM(leaf_mem_track, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mem_page_relocate, .rcx = 0x5000, .rdx = td.tdr, .r8 = new_page), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], old_page);
	CHECK_EQ(sept_translate(phys(td.tdr), 0x5000), new_page);
	CHECK_EQ(*(u8 *)phys(new_page), 0x44);
	CHECK_EQ(machine_view(old_page), VIEW_OWES_WBINVD);
	CHECK(machine_locks_free(&td));
}

TEST(an_entry_that_is_being_accepted_is_busy_for_the_host)
{
	struct sept_walk walk;

	prepare_running();
	CHECK_EQ(aug(0x5000, machine_page()), TDX_SUCCESS);
	walk = sept_find(phys(td.tdr), 0x5000, TDX_LEVEL_4K);
	CHECK(sept_entry_lock(walk.entry));
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = 0x5000, .rdx = td.tdr), BUSY(RCX));
	CHECK_EQ(machine.out[GPR_RDX], INFO(SEPT_PENDING, TDX_LEVEL_4K));
	CHECK_EQ(accept_page(0x5000), BUSY(RCX));
	sept_entry_unlock(walk.entry);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = 0x5000, .rdx = td.tdr), TDX_SUCCESS);
	CHECK(machine_locks_free(&td));
}
