/* SPDX-License-Identifier: BSD-2-Clause */
#include "include/spec/x86/msr.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

TEST(a_vcpu_is_created_filled_and_initialised)
{
	struct machine_td td;
	struct tdvps *tdvps;
	u64 tdvpr;

	machine_reset(2, 1);
	machine_bring_up();
	machine_td_create(&td, TD_HKID);
	machine_td_addcx(&td);
	tdvpr = machine_page();
	CHECK_EQ(SEAM(leaf_vp_create, .rcx = tdvpr, .rdx = td.tdr), TDX_OP_STATE_INCORRECT);
	machine_td_init(&td);
	CHECK_EQ(SEAM(leaf_vp_create, .rcx = tdvpr, .rdx = tdvpr), TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RDX);
	CHECK_EQ(SEAM(leaf_vp_create, .rcx = tdvpr, .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine_hidden_as(tdvpr), HIDDEN_TDVPR);
	CHECK_EQ(SEAM(leaf_vp_init, .rcx = tdvpr), TDX_TDCX_NUM_INCORRECT);
	CHECK_EQ(SEAM(leaf_vp_flush, .rcx = tdvpr), TDX_TDCX_NUM_INCORRECT);
	for (u32 i = 1; i < MODULE_TDVPS_PAGES; i++)
		CHECK_EQ(SEAM(leaf_vp_addcx, .rcx = machine_page(), .rdx = tdvpr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_vp_flush, .rcx = tdvpr), TDX_VCPU_NOT_ASSOCIATED);
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = tdvpr, .rdx = 77, .r8 = 3), TDX_SUCCESS);
	CHECK(machine_kept(0));
	tdvps = phys(tdvpr);
	CHECK_EQ(tdvps->gpr[GPR_RCX], 77);
	CHECK_EQ(tdvps->state, VCPU_READY);
	CHECK_EQ(tdvps->assoc_lp, 0);
	CHECK_EQ(machine_tdcs(&td)->num_assoc_vcpus, 1);
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = tdvpr, .r8 = 4), TDX_VCPU_STATE_INCORRECT | VCPU_READY);
	CHECK_EQ(SEAM(leaf_vp_addcx, .rcx = machine_page(), .rdx = tdvpr), TDX_VCPU_STATE_INCORRECT | VCPU_READY);
	CHECK(machine_locks_free(&td));
}

static u64 bare_vcpu(const struct machine_td *td)
{
	u64 tdvpr = machine_page();

	CHECK_EQ(SEAM(leaf_vp_create, .rcx = tdvpr, .rdx = td->tdr), TDX_SUCCESS);
	for (u32 i = 1; i < MODULE_TDVPS_PAGES; i++)
		CHECK_EQ(SEAM(leaf_vp_addcx, .rcx = machine_page(), .rdx = tdvpr), TDX_SUCCESS);
	return tdvpr;
}

TEST(init_refuses_bad_ids_too_many_vcpus_and_a_moved_clock)
{
	struct machine_td td;
	u64 second, third;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);	/* x2APIC id 0 */
	second = bare_vcpu(&td);
	third = bare_vcpu(&td);
	machine.tsc_adjust = 1;
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = second, .r8 = BIT(32)), TDX_INCONSISTENT_MSR | IA32_TSC_ADJUST);
	machine.tsc_adjust = 0;
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = second, .r8 = BIT(32)), INVALID(R8));
	CHECK_EQ(machine_call(0, leaf_vp_init, 2, (struct machine_regs){ .rcx = second }), INVALID(RAX));
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = second, .r8 = 0), TDX_X2APIC_ID_NOT_UNIQUE);
	CHECK_EQ(machine_tdcs(&td)->num_vcpus, 1);
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = second, .r8 = 9), TDX_SUCCESS);
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = third, .r8 = 10), TDX_MAX_VCPUS_EXCEEDED);
	CHECK_EQ(((struct tdvps *)phys(second))->vcpu_index, 1);
	CHECK(machine_locks_free(&td));
}

TEST(version_1_of_init_wants_the_td_for_itself)
{
	struct machine_td td;
	struct td_ref holder;
	u64 second;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	second = bare_vcpu(&td);
	CHECK_EQ(td_take(td.tdr, 0, LOCK_SHARED, &holder), TDX_SUCCESS);
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = second, .r8 = 9), BUSY(TDR));
	CHECK_EQ(SEAM(leaf_vp_init, .rcx = second), TDX_SUCCESS);
	td_drop(&holder);
	CHECK_EQ(machine_tdcs(&td)->topology_enum_configured, 0);
	CHECK(machine_locks_free(&td));
}

TEST(a_vcpu_belongs_to_one_core_until_it_is_flushed)
{
	struct machine_td td;
	u64 tdvpr;

	machine_reset(2, 1);
	machine_bring_up();
	machine_td_build(&td);
	tdvpr = td.tdvps[0][0];
	CHECK_EQ(SEAM_ON(1, leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_VCPU_INDEX), TDX_VCPU_ASSOCIATED);
	CHECK_EQ(SEAM_ON(1, leaf_vp_flush, .rcx = tdvpr), TDX_VCPU_NOT_ASSOCIATED);
	CHECK_EQ(SEAM_ON(0, leaf_vp_flush, .rcx = tdvpr), TDX_SUCCESS);
	CHECK_EQ(machine.vmcs_flushes, 1);
	CHECK_EQ(machine_tdcs(&td)->num_assoc_vcpus, 0);
	CHECK_EQ(SEAM_ON(1, leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_VCPU_INDEX), TDX_SUCCESS);
	CHECK_EQ(machine_tdcs(&td)->num_assoc_vcpus, 1);
	CHECK_EQ(SEAM_ON(0, leaf_vp_wr, .rcx = tdvpr, .rdx = TDX_VP_PEND_NMI, .r8 = 1, .r9 = 1), TDX_VCPU_ASSOCIATED);
	CHECK(machine_locks_free(&td));
}

TEST(a_disabled_vcpu_can_be_read_only)
{
	struct machine_td td;
	u64 tdvpr;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	tdvpr = td.tdvps[0][0];
	((struct tdvps *)phys(tdvpr))->state = VCPU_DISABLED;
	CHECK_EQ(SEAM(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_VCPU_INDEX), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_vp_wr, .rcx = tdvpr, .rdx = TDX_VP_PEND_NMI, .r8 = 1, .r9 = 1),
		 TDX_VCPU_STATE_INCORRECT | VCPU_DISABLED);
}

TEST(vp_metadata_follows_the_production_rights)
{
	struct machine_td td;
	u64 tdvpr;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	tdvpr = td.tdvps[0][0];
	CHECK_EQ(SEAM(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_GPR + 3), TDX_METADATA_FIELD_NOT_READABLE);
	CHECK_EQ(SEAM(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_TDVPS_PAGE_PA + 5), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], td.tdvps[0][5]);
	CHECK_EQ(SEAM(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_VCPU_STATE_DETAILS), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 0);
	machine.interrupt_pending = true;
	CHECK_EQ(SEAM(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_VCPU_STATE_DETAILS), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], TDX_VP_STATE_VMXIP);
	CHECK_EQ(SEAM(leaf_vp_wr, .rcx = tdvpr, .rdx = TDX_VP_PEND_NMI, .r8 = 1, .r9 = 1), TDX_SUCCESS);
	CHECK_EQ(((struct tdvps *)phys(tdvpr))->pend_nmi, 1);
	CHECK_EQ(SEAM(leaf_vp_wr, .rcx = tdvpr, .rdx = TDX_VP_PEND_NMI, .r8 = 2, .r9 = ~0ull),
		 TDX_METADATA_FIELD_VALUE_NOT_VALID);
	CHECK_EQ(SEAM(leaf_vp_wr, .rcx = tdvpr, .rdx = TDX_VP_POSTED_INTR_VECTOR, .r8 = 0xf2, .r9 = ~0ull),
		 TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_POSTED_INTR_VECTOR), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 0xf2);
	CHECK_EQ(SEAM_V1(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_MD_FIRST_FIELD), TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT);
	CHECK_EQ(machine.out[GPR_RDX], TDX_VP_POSTED_INTR_VECTOR);
	CHECK_EQ(SEAM(leaf_vp_rd, .rcx = tdvpr, .rdx = TDX_VP_VCPU_INDEX | BIT(62)), TDX_METADATA_FIELD_ID_INCORRECT);
	CHECK(machine_locks_free(&td));
}
