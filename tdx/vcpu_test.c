/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/vcpu.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/metadata.h"
#include "include/spec/tdx/status.h"
#include "kernel/irq.h"
#include "kernel/percpu.h"
#include "tdx/sysinfo.h"
#include "tests/unit/fake_seamcall.h"
#include "tests/unit/tdx_world.h"
#include "tests/unit/test.h"

static void begin_running(void)
{
	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(td_finalise(&test_td), 0);
}

TEST(vcpu_is_created_with_posted_interrupts_and_the_shared_root)
{
	tdx_test_begin();
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(test_vcpu.tdvps_count, FAKE_TDVPS_PAGES - 1);
	CHECK_EQ(fake_vp_field(TDX_VP_POSTED_INTR_VECTOR), VECTOR_POSTED);
	CHECK_EQ(fake_vp_field(TDX_VP_POSTED_INTR_DESC), hva_to_hpa(test_vcpu.pid).raw);
	CHECK_EQ(fake_vp_field(TDX_VP_PIN_CONTROLS), TDX_VP_PIN_POSTED_INTERRUPTS);
	CHECK_EQ(fake_vp_field(TDX_VP_SHARED_EPTP), MIB(48));
	CHECK_EQ(fake_last_init_leaf(), TDH_VP_INIT | 1ull << TDX_LEAF_VERSION_SHIFT);
	CHECK_EQ(test_vcpu.pid->control, VECTOR_POSTED << PID_VECTOR_SHIFT);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_of_a_module_without_topology_gets_version_0)
{
	tdx_world_reset();
	tdx_test_begin();
	fake_set_features(TDX_FEATURE_NO_RBP_MOD);
	CHECK_EQ(tdx_sysinfo_read(), 0);
	CHECK_EQ(tdx_test_create_td(), 0);
	CHECK_EQ(fake_last_init_leaf(), TDH_VP_INIT);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_cannot_be_created_once_the_td_runs)
{
	static struct vcpu late;

	begin_running();
	CHECK_EQ(vcpu_create(&late, &test_td, 0, HPA(MIB(48))), -EPERM);
	tdx_test_destroy_and_compare();
}

static u64 seen_gpr[GPR_COUNT];

static void note_registers(u64 gpr[GPR_COUNT])
{
	for (u32 i = 0; i < GPR_COUNT; i++)
		seen_gpr[i] = gpr[i];
}

TEST(vcpu_exit_for_a_tdvmcall_leaves_the_guests_registers)
{
	const u64 guest[GPR_COUNT] = {
		[GPR_RCX] = 0xfc00, [GPR_R10] = 0, [GPR_R11] = 12, [GPR_R12] = 1, [GPR_RBX] = 7
	};
	struct td_exit exit;

	begin_running();
	fake_next_exit(TD_EXIT_TDCALL, guest);
	fake_on_enter(note_registers);
	test_vcpu.gpr[GPR_R10] = 0x77;
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(exit.reason, TD_EXIT_TDCALL);
	CHECK(tdx_succeeded(exit.status));
	CHECK_EQ(exit.qualification, 0xfc00);
	CHECK_EQ(seen_gpr[GPR_RCX], test_vcpu.tdvpr.raw);
	CHECK_EQ(seen_gpr[GPR_R10], 0x77);
	CHECK_EQ(test_vcpu.gpr[GPR_R11], 12);
	CHECK_EQ(test_vcpu.gpr[GPR_RBX], 7);
	CHECK_EQ(test_vcpu.entries, 1);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_exit_for_an_ept_violation_is_decoded)
{
	u64 regs[GPR_COUNT] = { [GPR_RCX] = 0xff00000000000002ull, [GPR_RDX] = 0x4500000001ull };
	struct td_exit exit;

	begin_running();
	regs[GPR_R8] = test_td.shared_bit | 0x5000;
	fake_next_exit(TD_EXIT_EPT_VIOLATION, regs);
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(exit.reason, TD_EXIT_EPT_VIOLATION);
	CHECK_EQ(exit.qualification, 2);
	CHECK_EQ(exit.extended, 0x4500000001ull);
	CHECK_EQ(exit.gpa.raw, 0x5000);
	CHECK(exit.shared);
	regs[GPR_R8] = 0x6000;
	fake_next_exit(TD_EXIT_EPT_VIOLATION, regs);
	vcpu_enter(&test_vcpu, &exit);
	CHECK(!exit.shared);
	CHECK_EQ(exit.gpa.raw, 0x6000);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_exit_status_is_looked_at_before_the_reason)
{
	struct td_exit exit;

	/* CROSS_TD_TRAP has reason 0, which is also that of an NMI: neither NMI nor interrupt is dispatched */
	begin_running();
	fake_next_exit(TDX_CROSS_TD_TRAP, NULL);
	vcpu_enter(&test_vcpu, &exit);
	CHECK(tdx_status_is(exit.status, TDX_CROSS_TD_TRAP));
	CHECK_EQ(world.nmi_exits, 0);
	fake_next_exit(TDX_NON_RECOVERABLE_VCPU | TD_EXIT_TRIPLE_FAULT, NULL);
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(exit.reason, TD_EXIT_TRIPLE_FAULT);
	CHECK(tdx_status_is(exit.status, TDX_NON_RECOVERABLE_VCPU));
	tdx_test_destroy_and_compare();
}

TEST(vcpu_exit_for_an_interrupt_or_nmi_is_served_by_the_host)
{
	const u64 interrupt[GPR_COUNT] = { [GPR_R9] = 0x80000031 };
	const u64 nmi[GPR_COUNT] = { [GPR_R9] = 0x80000202 };
	struct td_exit exit;

	begin_running();
	fake_next_exit(TD_EXIT_EXTERNAL_INTERRUPT, interrupt);
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(world.dispatched, 0x31);
	CHECK_EQ(exit.reason, TD_EXIT_EXTERNAL_INTERRUPT);
	fake_next_exit(TD_EXIT_EXCEPTION_NMI, nmi);
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(world.nmi_exits, 1);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_entry_that_is_busy_is_repeated_and_then_reported)
{
	struct td_exit exit;

	begin_running();
	fake_next_exit(TD_EXIT_TDCALL, NULL);
	fake_refuse(TDH_VP_ENTER, 1, 5, TDX_OPERAND_BUSY | TDX_OPERAND_ID_SEPT_TREE);
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(exit.reason, TD_EXIT_TDCALL);
	CHECK_EQ(fake_calls(TDH_VP_ENTER), 6);
	fake_refuse(TDH_VP_ENTER, 1, 10000, TDX_OPERAND_BUSY | TDX_OPERAND_ID_TD_EPOCH);
	vcpu_enter(&test_vcpu, &exit);
	CHECK(tdx_status_is(exit.status, TDX_OPERAND_BUSY));
	tdx_test_destroy_and_compare();
}

TEST(vcpu_entry_goes_on_after_the_guest_lost_against_the_host)
{
	struct td_exit exit;

	begin_running();
	fake_next_exit(TD_EXIT_TDCALL, NULL);
	fake_refuse(TDH_VP_ENTER, 1, 1, TDX_HOST_PRIORITY_BUSY_TIMEOUT);
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(exit.reason, TD_EXIT_TDCALL);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_kick_or_wake_up_keeps_it_out_once_with_its_registers)
{
	struct td_exit exit;

	begin_running();
	fake_next_exit(TD_EXIT_TDCALL, NULL);
	test_vcpu.gpr[GPR_R11] = 99;
	vcpu_kick(&test_vcpu);
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(exit.reason, TD_EXIT_EXTERNAL_INTERRUPT);
	CHECK(tdx_succeeded(exit.status));
	CHECK_EQ(fake_calls(TDH_VP_ENTER), 0);
	CHECK_EQ(test_vcpu.gpr[GPR_R11], 99);
	arch_this_cpu()->need_resched = true;
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(fake_calls(TDH_VP_ENTER), 0);
	arch_this_cpu()->need_resched = false;
	vcpu_enter(&test_vcpu, &exit);
	CHECK_EQ(fake_calls(TDH_VP_ENTER), 1);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_posted_interrupt_is_set_once_and_seen)
{
	begin_running();
	CHECK(!vcpu_has_interrupt(&test_vcpu));
	vcpu_post_interrupt(&test_vcpu, 0x41);
	vcpu_post_interrupt(&test_vcpu, 0xec);
	CHECK_EQ(test_vcpu.pid->requests[1], BIT(1));
	CHECK_EQ(test_vcpu.pid->requests[3], BIT(0xec - 192));
	CHECK_EQ(test_vcpu.pid->control & PID_OUTSTANDING, PID_OUTSTANDING);
	CHECK(vcpu_has_interrupt(&test_vcpu));
	test_vcpu.pid->control &= ~(u32)PID_OUTSTANDING;
	CHECK(!vcpu_has_interrupt(&test_vcpu));
	CHECK_EQ(vcpu_post_nmi(&test_vcpu), 0);
	CHECK_EQ(fake_vp_field(TDX_VP_PEND_NMI), 1);
	tdx_test_destroy_and_compare();
}

TEST(vcpu_that_moves_is_flushed_on_its_old_core_first)
{
	struct td_exit exit;

	begin_running();
	CHECK_EQ(test_vcpu.cpu, 0);
	fake_next_exit(TD_EXIT_TDCALL, NULL);
	tdx_world_run_on(2);
	vcpu_enter(&test_vcpu, &exit);
	CHECK(tdx_succeeded(exit.status));
	CHECK_EQ(test_vcpu.cpu, 2);
	CHECK_EQ(test_vcpu.pid->destination, arch_this_cpu()->apic_id);
	CHECK_EQ(fake_calls(TDH_VP_FLUSH), 1);
	tdx_world_run_on(0);
	tdx_test_destroy_and_compare();
	CHECK_EQ(fake_calls(TDH_VP_FLUSH), 2);
}
