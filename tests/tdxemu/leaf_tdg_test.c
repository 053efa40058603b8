/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/lib/string.h"
#include "tests/tdxemu/sept.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define GUEST_PAGE 0x5000ull	/* a private page of the TD: prepare() */
#define SHARED(offset) (TDX_SHARED_BIT_GPAW48 | (offset))

static struct machine_td td;
static struct td_run run;

static u64 prepare(void)
{
	u64 page, status;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	machine_td_tables(&td, 0);
	machine_td_finalize(&td);
	run = machine_run(&td);
	page = machine_page();
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = GUEST_PAGE, .rdx = td.tdr, .r8 = page), TDX_SUCCESS);
	run.gpr[GPR_RCX] = GUEST_PAGE;
	CHECK_EQ(tdg_mem_page_accept(&run, 0, &status), TDCALL_DONE);
	CHECK_EQ(status, TDX_SUCCESS);
	return page;
}

static u64 call(guest_leaf leaf, u32 version)
{
	u64 status = 0;

	CHECK_EQ(leaf(&run, version, &status), TDCALL_DONE);
	return status;
}

TEST(vp_info_describes_the_td)
{
	prepare();
	CHECK_EQ(call(tdg_vp_info, 0), TDX_SUCCESS);
	CHECK_EQ(run.gpr[GPR_RCX], 48);
	CHECK_EQ(run.gpr[GPR_RDX], TD_ATTR_SEPT_VE_DISABLE);
	CHECK_EQ(run.gpr[GPR_R8], 1 | 2ull << 32);
	CHECK_EQ(run.gpr[GPR_R9], 0);
	CHECK_EQ(run.gpr[GPR_R10], 1);
	CHECK_EQ(run.gpr[GPR_R11], 0);
	CHECK_EQ(call(tdg_vp_info, 1), INVALID(RAX));
}

/* SHA-384 of 48 zeros and 48 times 0x11, then with 48 times 0x22; computed with Python's hashlib. */
static const u8 known_rtmr[TDX_MR_BYTES] = {
	0x3b, 0x0a, 0xa7, 0x0f, 0x13, 0xee, 0x0d, 0x6d, 0x1e, 0x00, 0x4b, 0xc3, 0x92, 0x5d, 0xa1, 0xd6,
	0x9f, 0xa9, 0x63, 0x8c, 0x77, 0x92, 0x36, 0x63, 0xdd, 0x22, 0x60, 0x28, 0x62, 0x39, 0x32, 0xc6,
	0x11, 0x39, 0xaa, 0xcb, 0x36, 0x96, 0xbd, 0x7a, 0x45, 0x99, 0x0d, 0x5e, 0xb4, 0xca, 0x28, 0x68,
};

TEST(rtmrs_are_extended_by_hashing)
{
	u64 page = prepare();
	u64 status;

	run.gpr[GPR_RCX] = GUEST_PAGE + 8;
	run.gpr[GPR_RDX] = 9;
	CHECK_EQ(call(tdg_mr_rtmr_extend, 0), INVALID(RCX));
	run.gpr[GPR_RCX] = SHARED(0x40);
	CHECK_EQ(call(tdg_mr_rtmr_extend, 0), INVALID(RCX));
	run.gpr[GPR_RCX] = GUEST_PAGE + 0x40;
	CHECK_EQ(call(tdg_mr_rtmr_extend, 0), INVALID(RDX));
	run.gpr[GPR_RDX] = 2;
	machine_tdcs(&td)->rtmr_lock = SHAREX_READER;
	CHECK_EQ(call(tdg_mr_rtmr_extend, 0), BUSY(RTMR));
	machine_tdcs(&td)->rtmr_lock = 0;
	memset(phys(page + 0x40), 0x11, TDX_MR_BYTES);
	CHECK_EQ(call(tdg_mr_rtmr_extend, 0), TDX_SUCCESS);
	memset(phys(page + 0x40), 0x22, TDX_MR_BYTES);
	CHECK_EQ(call(tdg_mr_rtmr_extend, 0), TDX_SUCCESS);
	CHECK_MEM(machine_tdcs(&td)->rtmr[2], known_rtmr, TDX_MR_BYTES);
	CHECK_EQ(machine_tdcs(&td)->rtmr[1][0], 0);
	run.gpr[GPR_RCX] = 0x9000;	/* not there: the host sees an EPT violation */
	CHECK_EQ(tdg_mr_rtmr_extend(&run, 0, &status), TDCALL_EXIT);
	CHECK(machine_locks_free(&td));
}

TEST(a_report_may_overwrite_its_own_data)
{
	u64 page = prepare();
	struct tdreport *report = phys(page);

	memset(phys(page), 0x3c, PAGE_SIZE);
	run.gpr[GPR_RCX] = GUEST_PAGE;
	run.gpr[GPR_RDX] = GUEST_PAGE + offsetof(struct tdreport, report_data);
	run.gpr[GPR_R8] = 0;
	CHECK_EQ(call(tdg_mr_report, 0), TDX_SUCCESS);
	CHECK_EQ(report->type, TDREPORT_TYPE_TDX);
	CHECK_EQ(report->report_data[63], 0x3c);
	CHECK_MEM(report->mrtd, machine_tdcs(&td)->mrtd, TDX_MR_BYTES);
	CHECK_EQ(report->attributes, TD_ATTR_SEPT_VE_DISABLE);
}

TEST(report_checks_its_operands_in_order)
{
	u64 status;

	prepare();
	run.gpr[GPR_RCX] = GUEST_PAGE + 512;
	run.gpr[GPR_RDX] = GUEST_PAGE + 1;
	run.gpr[GPR_R8] = 1;
	CHECK_EQ(call(tdg_mr_report, 0), INVALID(RCX));
	run.gpr[GPR_RCX] = 0x9000;	/* touched last */
	CHECK_EQ(call(tdg_mr_report, 0), INVALID(RDX));
	run.gpr[GPR_RDX] = SHARED(0x11000);	/* shared memory is allowed */
	CHECK_EQ(call(tdg_mr_report, 0), INVALID(R8));
	run.gpr[GPR_R8] = 0;
	machine_tdcs(&td)->rtmr_lock = SHAREX_EXCLUSIVE;
	CHECK_EQ(call(tdg_mr_report, 0), BUSY(RTMR));
	machine_tdcs(&td)->rtmr_lock = 0;
	machine.physical_event = true;
	CHECK_EQ(tdg_mr_report(&run, 0, &status), TDCALL_RESTART);
	machine.physical_event = false;
	CHECK_EQ(tdg_mr_report(&run, 0, &status), TDCALL_EXIT);
	CHECK_EQ(run.exit_gpa, 0x9000);
	run.gpr[GPR_RCX] = SHARED(0x12000);
	CHECK_EQ(call(tdg_mr_report, 0), TDX_SUCCESS);
	CHECK(machine_locks_free(&td));
}

TEST(cpuidve_set_takes_two_bits)
{
	prepare();
	run.gpr[GPR_RCX] = 4;
	CHECK_EQ(call(tdg_vp_cpuidve_set, 0), INVALID(RCX));
	run.gpr[GPR_RCX] = 2;
	CHECK_EQ(call(tdg_vp_cpuidve_set, 0), TDX_SUCCESS);
	CHECK_EQ(run.tdvps->cpuid_supervisor_ve, 0);
	CHECK_EQ(run.tdvps->cpuid_user_ve, 1);
}

static u64 accept_exit(u64 gpa_level)
{
	u64 status;

	run.gpr[GPR_RCX] = gpa_level;
	CHECK_EQ(tdg_mem_page_accept(&run, 0, &status), TDCALL_EXIT);
	CHECK_EQ(run.exit_status, TD_EXIT_EPT_VIOLATION);
	return run.exit_extended;
}

static u64 details(u64 level, u64 at, u64 state, u64 leaf)
{
	return 1 | level << 32 | at << 35 | state << 38 | leaf << 46;
}

TEST(accept_of_what_is_not_there_goes_to_the_host)
{
	prepare();
	CHECK_EQ(accept_exit(0x8000), details(0, 0, SEPT_FREE, 0));
	CHECK_EQ(run.exit_qualification, EPT_VIOLATION_WRITE);
	CHECK_EQ(run.exit_gpa, 0x8000);
	CHECK_EQ(accept_exit(GIB(2) | TDX_LEVEL_2M), details(1, 2, SEPT_FREE, 0));
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = machine_page_2m()),
		 TDX_SUCCESS);
	CHECK_EQ(accept_exit(MIB(2) + 0x3000), details(0, 1, SEPT_PENDING, 1));
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(accept_exit(MIB(2) | TDX_LEVEL_2M), details(1, 1, SEPT_PENDING_BLOCKED, 1));
	CHECK(machine_locks_free(&td));
}

TEST(accept_refuses_malformed_addresses)
{
	static const u64 bad[] = { TDX_LEVEL_1G, MIB(1) | TDX_LEVEL_2M, BIT(3), BIT(47), BIT(48), BIT(52) };

	prepare();
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		run.gpr[GPR_RCX] = bad[i];
		CHECK_EQ(call(tdg_mem_page_accept, 0), INVALID(RCX));
	}
}

TEST(accept_of_a_large_page_goes_on_where_it_was_interrupted)
{
	struct sept_walk walk;
	u64 large, status;
	u32 rounds = 0;

	prepare();
	large = machine_page_2m();
	memset(phys(large), 0x99, PAGE_SIZE_2M);
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = large), TDX_SUCCESS);
	machine.physical_event = true;
	run.gpr[GPR_RCX] = MIB(2) | TDX_LEVEL_2M;
	CHECK_EQ(tdg_mem_page_accept(&run, 0, &status), TDCALL_RESTART);
	walk = sept_find(phys(td.tdr), MIB(2), TDX_LEVEL_2M);
	CHECK_EQ((*walk.entry & EPT_ADDRESS_MASK) - large, PAGE_SIZE);
	CHECK_EQ(sept_entry_state(*walk.entry), SEPT_PENDING);
	while (tdg_mem_page_accept(&run, 0, &status) == TDCALL_RESTART && rounds < 1000)
		rounds++;
	CHECK_EQ(rounds, 510);
	CHECK_EQ(status, TDX_SUCCESS);
	CHECK_EQ(sept_translate(phys(td.tdr), MIB(2)), large);
	for (u64 i = 0; i < PAGE_SIZE_2M; i += PAGE_SIZE)
		CHECK_EQ(*(u8 *)phys(large + i), 0);
}

TEST(a_block_makes_a_large_accept_start_over)
{
	struct sept_walk walk;
	u64 large, status;

	prepare();
	large = machine_page_2m();
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = large), TDX_SUCCESS);
	machine.physical_event = true;
	run.gpr[GPR_RCX] = MIB(2) | TDX_LEVEL_2M;
	CHECK_EQ(tdg_mem_page_accept(&run, 0, &status), TDCALL_RESTART);
	CHECK_EQ(SEAM(leaf_mem_range_block, .rcx = MIB(2) | TDX_LEVEL_2M, .rdx = td.tdr), TDX_SUCCESS);
	walk = sept_find(phys(td.tdr), MIB(2), TDX_LEVEL_2M);
	CHECK_EQ(*walk.entry & EPT_ADDRESS_MASK, large);
}

TEST(vm_metadata_is_what_linux_asks_for)
{
	prepare();
	run.gpr[GPR_RCX] = 0;
	run.gpr[GPR_RDX] = 0x9100000000000010;	/* NOTIFY_ENABLES with Linux's short id */
	run.gpr[GPR_R8] = 0;
	run.gpr[GPR_R9] = ~0ull;
	CHECK_EQ(call(tdg_vm_wr, 0), TDX_SUCCESS);
	run.gpr[GPR_R8] = 2;
	CHECK_EQ(call(tdg_vm_wr, 0), TDX_METADATA_FIELD_VALUE_NOT_VALID);
	run.gpr[GPR_RDX] = 0x9110000300000016;	/* CONFIG_FLAGS */
	CHECK_EQ(call(tdg_vm_rd, 0), TDX_SUCCESS);
	CHECK_EQ(run.gpr[GPR_R8], TD_CONFIG_NO_RBP_MOD);
	run.gpr[GPR_RDX] = 0x9110000300000017;	/* TD_CTLS: not flexible */
	run.gpr[GPR_R8] = 0;
	run.gpr[GPR_R9] = 1;
	CHECK_EQ(call(tdg_vm_wr, 0), TDX_METADATA_FIELD_VALUE_NOT_VALID);
	run.gpr[GPR_R9] = 8;	/* REDUCE_VE */
	CHECK_EQ(call(tdg_vm_wr, 0), TDX_METADATA_FIELD_NOT_WRITABLE);
	run.tdcs->config_flags |= TD_CONFIG_FLEXIBLE_PENDING_VE;
	run.gpr[GPR_R8] = 0;
	run.gpr[GPR_R9] = 1;
	CHECK_EQ(call(tdg_vm_wr, 0), TDX_SUCCESS);
	CHECK_EQ(run.gpr[GPR_R8], 1);
	CHECK_EQ(run.tdcs->td_ctls, 0);
	run.gpr[GPR_RDX] = TDX_TD_HKID;
	CHECK_EQ(call(tdg_vm_rd, 0), TDX_METADATA_FIELD_NOT_READABLE);
	run.gpr[GPR_RCX] = 1;
	CHECK_EQ(call(tdg_vm_rd, 0), INVALID(RCX));
	run.gpr[GPR_RCX] = 0;
	CHECK_EQ(call(tdg_vm_rd, 2), INVALID(RAX));
	CHECK_EQ(run.gpr[GPR_RDX], TDX_MD_FIRST_FIELD);
	CHECK_EQ(call(tdg_vm_rd, 1), TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT);
	CHECK_EQ(run.gpr[GPR_RDX], TDX_TD_TD_UUID);
}

TEST(vp_metadata_of_the_guest_is_its_cpuid_switches)
{
	prepare();
	run.gpr[GPR_RCX] = 0;
	run.gpr[GPR_RDX] = TDX_VP_CPUID_CONTROL + 5;
	run.gpr[GPR_R8] = 3;
	run.gpr[GPR_R9] = ~0ull;
	CHECK_EQ(call(tdg_vp_wr, 0), TDX_SUCCESS);
	CHECK_EQ(run.tdvps->cpuid_control[5], 3);
	run.gpr[GPR_RDX] = TDX_VP_VCPU_INDEX;
	CHECK_EQ(call(tdg_vp_rd, 0), TDX_SUCCESS);
	CHECK_EQ(run.gpr[GPR_RDX], TDX_VP_CPUID_SUPERVISOR_VE);
	run.gpr[GPR_RDX] = TDX_VP_POSTED_INTR_VECTOR;
	CHECK_EQ(call(tdg_vp_rd, 0), TDX_METADATA_FIELD_NOT_READABLE);
	run.gpr[GPR_RDX] = TDX_VP_PEND_NMI;
	CHECK_EQ(call(tdg_vp_wr, 0), TDX_METADATA_FIELD_NOT_WRITABLE);
}

TEST(guests_see_a_part_of_the_system_fields)
{
	u64 page = prepare();
	const u64 *list = phys(page);

	run.gpr[GPR_RDX] = TDX_SYS_TDX_FEATURES0;
	CHECK_EQ(call(tdg_sys_rd, 0), TDX_SUCCESS);
	CHECK((run.gpr[GPR_R8] & TDX_FEATURE_NO_RBP_MOD) != 0);
	run.gpr[GPR_RDX] = TDX_SYS_MAX_TDMRS;
	CHECK_EQ(call(tdg_sys_rd, 0), TDX_METADATA_FIELD_NOT_READABLE);
	run.gpr[GPR_RDX] = SHARED(0x11000);
	run.gpr[GPR_R8] = TDX_MD_FIRST_FIELD;
	CHECK_EQ(call(tdg_sys_rdall, 0), INVALID(RDX));
	run.gpr[GPR_RDX] = GUEST_PAGE;
	run.gpr[GPR_R8] = TDX_MD_FIRST_FIELD;
	CHECK_EQ(call(tdg_sys_rdall, 0), TDX_SUCCESS);
	CHECK_EQ(run.gpr[GPR_R8], TDX_MD_FIRST_FIELD);
	CHECK_EQ(list[1], TDX_SYS_VENDOR_ID);
	CHECK_EQ(list[2], 0x8086);
}
