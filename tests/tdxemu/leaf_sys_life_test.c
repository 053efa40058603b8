/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/lib/string.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/report.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

static u64 sys_rd(u64 field)
{
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = field), TDX_SUCCESS);
	return machine.out[GPR_R8];
}

/* What SEAMLDR.INSTALL does to the module when a new one of @update has passed all checks. */
static void replace_module(u16 update)
{
	module_reset();
	module_image.record.update = update;
	module_image.tcb_svn[0]++;
	machine_initialise();
}

TEST(shutdown_needs_all_other_cores_outside)
{
	machine_reset(2, 1);
	machine_bring_up();
	machine.cpus[1].in_module = true;
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SYS_BUSY);
	CHECK_EQ(module.state, SYS_READY);
	CHECK(!module_handoff.valid);
	machine.cpus[1].in_module = false;
	module.lock = SHAREX_READER;
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SYS_BUSY);
	module.lock = 0;
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	CHECK_EQ(module.state, SYS_SHUTDOWN);
	CHECK(module_handoff.valid);
	CHECK_EQ(SEAM(leaf_sys_disable), TDX_SYS_SHUTDOWN);
	CHECK(machine_kept(0));
}

TEST(shutdown_writes_only_handoff_versions_the_module_has)
{
	machine_reset(1, 1);
	machine_bring_up();
	module_image.record.module_hv = 3;
	module_image.record.min_update_hv = 1;
	module.lock = SHAREX_EXCLUSIVE;	/* the operand is looked at first */
	CHECK_EQ(SEAM(leaf_sys_shutdown, .rcx = 0), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_shutdown, .rcx = 4), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_shutdown, .rcx = BIT(32) | 2), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_shutdown, .rcx = 2), TDX_SYS_BUSY);
	module_image.record.no_downgrade = 1;
	CHECK_EQ(SEAM(leaf_sys_shutdown, .rcx = 2), INVALID(RCX));
	module.lock = 0;
	CHECK_EQ(sys_rd(TDX_SYS_MODULE_HV), 3);
	CHECK_EQ(sys_rd(TDX_SYS_MIN_UPDATE_HV), 1);
	CHECK_EQ(sys_rd(TDX_SYS_NO_DOWNGRADE), 1);
	CHECK_EQ(SEAM(leaf_sys_shutdown, .rcx = 3), TDX_SUCCESS);
	CHECK_EQ(module_handoff.version, 3);
}

TEST(an_update_keeps_the_td_and_its_keys)
{
	struct machine_td td;
	struct tdreport before, after;
	u8 data[TDREPORT_DATA_BYTES] = { 0 };

	machine_reset(4, 2);
	machine_bring_up();
	machine_td_build(&td);
	CHECK(report_make(machine_tdcs(&td), data, &before));
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	replace_module(17);
	CHECK_EQ(sys_rd(TDX_SYS_UPDATE_VERSION), 17);
	CHECK_EQ(sys_rd(TDX_SYS_HANDOFF_DATA_VALID), 1);
	CHECK(sys_rd(TDX_SYS_HANDOFF_DATA_SIZE) != 0);
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SUCCESS);
	CHECK(machine_kept(0));
	CHECK_EQ(module.state, SYS_READY);
	CHECK_EQ(sys_rd(TDX_SYS_HANDOFF_DATA_VALID), 0);
	CHECK_EQ(module.td_count, 1);
	CHECK_EQ(module.global_hkid, GLOBAL_HKID);
	CHECK_EQ(module.kot[TD_HKID].state, KOT_ASSIGNED);
	CHECK_EQ(machine_view(td.tdr), VIEW_HIDDEN);
	CHECK(machine_locks_free(&td));
	/* It is still being built, and it can be taken apart. */
	machine_td_tables(&td, 0);
	machine_td_finalize(&td);
	CHECK(report_make(machine_tdcs(&td), data, &after));
	CHECK_MEM(after.tee_tcb_svn, before.tee_tcb_svn, sizeof(after.tee_tcb_svn));
	CHECK_EQ(after.tee_tcb_svn2[0], before.tee_tcb_svn2[0] + 1);
	CHECK_EQ(SEAM(leaf_vp_flush, .rcx = td.tdvps[0][0]), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = td.tdr), TDX_SUCCESS);
	for (u32 i = 0; i < 2; i++)
		CHECK_EQ(machine_resume(i, leaf_phymem_cache_wb, 1), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = td.tdr), TDX_SUCCESS);
}

TEST(an_update_keeps_what_the_new_module_sampled)
{
	machine_reset(2, 1);
	machine_bring_up();
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	machine.tsc_adjust = 7;
	replace_module(17);
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SUCCESS);
	CHECK_EQ(module.tsc_adjust, 7);
	machine.tsc_adjust = 0;
}

TEST(update_checks_state_then_operands_then_handoff_data)
{
	machine_reset(2, 1);
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SYS_STATE_INCORRECT);
	machine_bring_up();
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	module_reset();
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SYS_STATE_INCORRECT);	/* core 1 is missing */
	CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(machine_call(0, leaf_sys_update, 2, (struct machine_regs){ 0 }), INVALID(RAX));
	CHECK_EQ(SEAM_V1(leaf_sys_update, .r9 = BIT(36)), INVALID(R9));
	CHECK_EQ(SEAM_V1(leaf_sys_update, .r10 = 1), INVALID(R10));
	module_image.record.min_update_hv = 1;
	module_image.record.module_hv = 2;
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SYS_INVALID_HANDOFF);
	module_image.record.min_update_hv = 0;
	module.lock = SHAREX_READER;
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SYS_BUSY);
	module.lock = 0;
	CHECK_EQ(SEAM_V1(leaf_sys_update, .r9 = TDX_FEATURE_NO_RBP_MOD), TDX_SUCCESS);
	CHECK_EQ(module.state, SYS_READY);
}

static u64 disable(void)
{
	return machine_resume(0, leaf_sys_disable, 0);
}

/* A new module with handoff data of a machine that had @td. */
static void start_update(struct machine_td *td)
{
	machine_reset(2, 1);
	machine_bring_up();
	machine_td_build(td);
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	replace_module(17);
	CHECK_EQ(machine_view(td->tdr), VIEW_HIDDEN);
}

TEST(config_instead_of_update_gives_up_the_old_modules_tds)
{
	struct machine_td td, next;

	start_update(&td);
	machine_tdmr(0)->pamt_4k_base = PAMT_4K_BASE + MIB(16);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = TD_HKID), TDX_SUCCESS);
	CHECK(!module_handoff.valid);
	CHECK_EQ(module.td_count, 0);
	CHECK_EQ(machine_view(td.tdr), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(td.tdvps[0][0]), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_SHARED);
	CHECK_EQ(machine_view(PAMT_4K_BASE + MIB(16)), VIEW_HIDDEN);
	CHECK_EQ(module.kot[GLOBAL_HKID].state, KOT_FREE);
	CHECK_EQ(module.kot[TD_HKID].state, KOT_RESERVED);
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SYS_STATE_INCORRECT);
	CHECK_EQ(disable(), TDX_SUCCESS);
	machine_bring_up();
	machine_td_build(&next);
}

TEST(a_config_that_fails_leaves_the_update_open)
{
	struct machine_td td;

	start_update(&td);
	machine_tdmr(0)->bytes = 0;
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID), TDX_INVALID_TDMR);
	CHECK_EQ(machine_view(td.tdr), VIEW_HIDDEN);
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SUCCESS);
	CHECK_EQ(module.td_count, 1);
}

TEST(disable_instead_of_update_gives_everything_back)
{
	struct machine_td td;

	start_update(&td);
	CHECK_EQ(disable(), TDX_SUCCESS);
	CHECK(!module_handoff.valid);
	CHECK_EQ(machine_view(td.tdr), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_SHARED);
	machine_bring_up();
}

TEST(disable_gives_everything_back_and_keeps_the_module)
{
	struct machine_td td;

	machine_reset(2, 1);
	machine_bring_up();
	module_image.record.update = 17;
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_HIDDEN);
	machine_td_build(&td);
	machine.cpus[1].in_module = true;
	CHECK_EQ(disable(), TDX_SYS_BUSY);
	CHECK_EQ(machine_view(td.tdr), VIEW_HIDDEN);
	machine.cpus[1].in_module = false;
	CHECK_EQ(disable(), TDX_SUCCESS);
	CHECK_EQ(module.state, SYS_INIT_PENDING);
	CHECK_EQ(module_image.record.update, 17);
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_SHARED);
	CHECK_EQ(machine_view(td.tdr), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(td.tdcx[MODULE_TDCS_PAGES - 1]), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(td.tdvps[0][0]), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(POOL_BASE + MIB(512)), VIEW_SHARED);	/* never the module's */
	CHECK_EQ(module.lock, 0);
	CHECK(!machine.cpus[1].lp_initialised);
	CHECK_EQ(disable(), TDX_SUCCESS);	/* again: nothing to do */
	machine_bring_up();
}
