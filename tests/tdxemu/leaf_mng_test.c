/* SPDX-License-Identifier: BSD-2-Clause */
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/pamt.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_verdict.h"
#include "tests/unit/test.h"

static u64 cache_wb(u32 cpu)
{
	return machine_resume(cpu, leaf_phymem_cache_wb, 1);
}

TEST(create_checks_keyid_page_kot_and_state_of_the_keyid)
{
	u64 page, other;

	machine_reset(1, 1);
	machine_bring_up();
	page = machine_page();
	other = machine_page();
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = 1, .rdx = 1), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = 1, .rdx = TD_HKID | BIT(16)), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page + 8, .rdx = TD_HKID), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = ARENA_BASE, .rdx = TD_HKID),
		 TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RCX);
	module.kot_lock = SHAREX_READER;
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = TD_HKID), BUSY(KOT));
	module.kot_lock = 0;
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = GLOBAL_HKID), TDX_HKID_NOT_FREE);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK(machine_kept(0));
	CHECK_EQ(machine_view(page), VIEW_HIDDEN);
	CHECK_EQ(machine_hidden_as(page), HIDDEN_TDR);
	CHECK_EQ(module.kot[TD_HKID].state, KOT_ASSIGNED);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = other, .rdx = TD_HKID), TDX_HKID_NOT_FREE);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = TD_HKID + 1),
		 TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(machine_view(other), VIEW_SHARED);
	CHECK(machine_locks_free(NULL));
}

TEST(a_key_lives_from_create_to_freeid)
{
	struct machine_td td;

	machine_reset(4, 2);
	machine_bring_up();
	td.tdr = machine_page();
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = td.tdr, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_addcx, .rcx = machine_page(), .rdx = td.tdr), TDX_TD_KEYS_NOT_CONFIGURED);
	CHECK_EQ(SEAM_ON(0, leaf_mng_key_config, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM_ON(2, leaf_mng_key_config, .rcx = td.tdr), TDX_KEY_CONFIGURED);
	CHECK_EQ(SEAM_ON(1, leaf_mng_key_config, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM_ON(1, leaf_mng_key_config, .rcx = td.tdr), TDX_LIFECYCLE_STATE_INCORRECT);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = td.tdr), TDX_LIFECYCLE_STATE_INCORRECT);
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 0), TDX_NO_HKID_READY_TO_WBCACHE);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = td.tdr), TDX_LIFECYCLE_STATE_INCORRECT);
	CHECK_EQ(machine.out[GPR_RCX], PT_TDR);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = td.tdr), TDX_LIFECYCLE_STATE_INCORRECT);
	CHECK_EQ(module.kot[TD_HKID].state, KOT_FLUSHED);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = td.tdr), TDX_WBCACHE_NOT_COMPLETE);
	CHECK_EQ(cache_wb(0), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = td.tdr), TDX_WBCACHE_NOT_COMPLETE);	/* package 1 */
	CHECK_EQ(cache_wb(3), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(module.kot[TD_HKID].state, KOT_FREE);
	CHECK_EQ(SEAM(leaf_mng_key_reclaimid, .rcx = td.tdr), TDX_SUCCESS);
	CHECK(machine_locks_free(NULL));
}

TEST(cache_wb_has_one_interrupted_session_per_package)
{
	struct machine_td td;

	machine_reset(2, 2);
	machine_bring_up();
	machine_td_create(&td, TD_HKID);
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 2), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 1), TDX_WBCACHE_RESUME_ERROR);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 0), TDX_INTERRUPTED_RESUMABLE);
	CHECK_EQ(module.kot[TD_HKID].wb_pending, 3);
	CHECK_EQ(SEAM_ON(1, leaf_phymem_cache_wb, .rcx = 1), TDX_WBCACHE_RESUME_ERROR);
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 1), TDX_SUCCESS);
	CHECK_EQ(module.kot[TD_HKID].wb_pending, 2);
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 1), TDX_WBCACHE_RESUME_ERROR);
	module.wbcache_lock[1] = SHAREX_EXCLUSIVE;
	CHECK_EQ(SEAM_ON(1, leaf_phymem_cache_wb, .rcx = 0), BUSY(WBCACHE));
	module.wbcache_lock[1] = 0;
	module.kot_lock = SHAREX_EXCLUSIVE;
	CHECK_EQ(SEAM_ON(1, leaf_phymem_cache_wb, .rcx = 0), BUSY(KOT));
	module.kot_lock = 0;
	CHECK_EQ(cache_wb(1), TDX_SUCCESS);
	CHECK_EQ(module.kot[TD_HKID].wb_pending, 0);
}

TEST(a_keyid_flushed_after_the_snapshot_needs_another_start)
{
	struct machine_td first, second;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_create(&first, TD_HKID);
	machine_td_create(&second, TD_HKID + 1);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = first.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 0), TDX_INTERRUPTED_RESUMABLE);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = second.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_cache_wb, .rcx = 1), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = first.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = second.tdr), TDX_WBCACHE_NOT_COMPLETE);
}

TEST(control_pages_are_filled_by_role)
{
	struct machine_td td;
	struct tdr *tdr;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_create(&td, TD_HKID);
	CHECK_EQ(SEAM(leaf_mng_init, .rcx = td.tdr, .rdx = HOST_PARAMS), TDX_TDCS_NOT_ALLOCATED);
	machine_td_addcx(&td);
	tdr = phys(td.tdr);
	CHECK_EQ(*(u64 *)phys(td.tdcx[2]), ~0ull);
	CHECK_EQ(((u64 *)phys(td.tdcx[3]))[511], SEPT_ENTRY_FREE);
	CHECK_EQ(*(u64 *)phys(td.tdcx[4]), 0);
	CHECK_EQ(tdr->child_count, 6);
	CHECK_EQ(tdr->tdcs_pair, 0);
	CHECK_EQ(machine_hidden_as(td.tdcx[5]), HIDDEN_TDCX);
	for (u32 i = 6; i < 9; i++)
		CHECK_EQ(SEAM(leaf_mng_addcx, .rcx = machine_page(), .rdx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_addcx, .rcx = machine_page(), .rdx = td.tdr), TDX_TDCX_NUM_INCORRECT);
	machine_td_init(&td);
	tdr->tdcx_count = 6;
	CHECK_EQ(SEAM(leaf_mng_addcx, .rcx = machine_page(), .rdx = td.tdr), TDX_OP_STATE_INCORRECT);
	CHECK(machine_locks_free(&td));
}

TEST(control_pages_need_not_be_adjacent)
{
	struct machine_td td;
	struct tdr *tdr;
	u64 pair;

	for (u32 round = 0; round < 2; round++) {
		machine_reset(1, 1);
		machine_bring_up();
		machine_td_create(&td, TD_HKID);
		for (u32 i = 0; i < MODULE_TDCS_PAGES; i++) {
			u64 page = machine_page();

			(void)machine_page();	/* a hole */
			CHECK_EQ(SEAM(leaf_mng_addcx, .rcx = page, .rdx = td.tdr), TDX_SUCCESS);
			td.tdcx[i] = page;
		}
		tdr = phys(td.tdr);
		if (round > 0)
			CHECK_EQ(tdr->tdcs_pair, pair);	/* used again */
		pair = tdr->tdcs_pair;
		CHECK(pair != 0);
		machine_td_init(&td);
		CHECK_EQ(machine_tdcs(&td)->max_vcpus, 2);
		CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = td.tdr), TDX_SUCCESS);
		CHECK_EQ(cache_wb(0), TDX_SUCCESS);
		CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = td.tdr), TDX_SUCCESS);
		for (u32 i = 0; i < MODULE_TDCS_PAGES; i++)
			CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = td.tdcx[i]), TDX_SUCCESS);
		CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = td.tdr), TDX_SUCCESS);
	}
}

TEST(teardown_counts_children_down_to_the_tdr)
{
	struct machine_td td;
	struct tdr *tdr;
	u64 gpa = MIB(2), large;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	machine_td_tables(&td, 0);
	CHECK_EQ(SEAM(leaf_mem_page_add, .rcx = 0, .rdx = td.tdr, .r8 = machine_page(), .r9 = HOST_PAGE), TDX_SUCCESS);
	large = machine_page_2m();
	CHECK_EQ(SEAM(leaf_mem_page_aug, .rcx = gpa | TDX_LEVEL_2M, .rdx = td.tdr, .r8 = large), TDX_SUCCESS);
	tdr = phys(td.tdr);
	CHECK_EQ(tdr->child_count, 6 + 6 + 3 + 1 + 512);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = td.tdr), TDX_FLUSHVP_NOT_DONE);
	CHECK_EQ(SEAM(leaf_vp_flush, .rcx = td.tdvps[0][0]), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(cache_wb(0), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = td.tdr), TDX_TD_ASSOCIATED_PAGES_EXIST);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = large + PAGE_SIZE), INVALID(RCX));
	CHECK_EQ(machine.out[GPR_R8], TDX_LEVEL_2M);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = large), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_REG);
	CHECK_EQ(machine.out[GPR_RDX], td.tdr);
	CHECK_EQ(machine_view(large + PAGE_SIZE), VIEW_OWES_CLEAR);
	for (u64 page = POOL_BASE; page < large; page += PAGE_SIZE)
		if (page != td.tdr && pamt_entry_at(page, TDX_LEVEL_4K)->type != PT_NDA)
			CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = page), TDX_SUCCESS);
	CHECK_EQ(tdr->child_count, 0);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = td.tdr), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX], PT_TDR);
	CHECK_EQ(machine.out[GPR_RDX], 0);
	CHECK_EQ(machine_view(td.tdr), VIEW_OWES_WBINVD);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = td.tdr), TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = td.tdr | (u64)GLOBAL_HKID << PLATFORM_KEYID_SHIFT), TDX_SUCCESS);
	CHECK_EQ(machine_view(td.tdr), VIEW_OWES_CLEAR);
	CHECK_EQ(module.td_count, 0);
	CHECK(machine_locks_free(NULL));
}

TEST(page_wbinvd_takes_free_pages_and_any_keyid)
{
	struct machine_td td;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_create(&td, TD_HKID);
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = td.tdr + 1), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = GIB(9)), TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = td.tdr), TDX_PAGE_METADATA_INCORRECT | TDX_OPERAND_ID_RCX);
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = machine_page() | 3ull << PLATFORM_KEYID_SHIFT), TDX_SUCCESS);
	CHECK(machine_kept(0));
}

TEST(write_backs_that_are_owed_are_watched)
{
	u64 page, hkid_bits = (u64)GLOBAL_HKID << PLATFORM_KEYID_SHIFT;

	machine_reset(1, 1);
	machine_bring_up();
	page = machine_page();
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = page), TDX_SUCCESS);
	CHECK_EQ(cache_wb(0), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = page), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = page), TDX_SUCCESS);
	fake_verdict_violations = 0;
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = page), TDX_SUCCESS);	/* KeyID 0 */
	CHECK_EQ(fake_verdict_violations, 1);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = TD_HKID), TDX_SUCCESS);	/* without write-back */
	CHECK_EQ(fake_verdict_violations, 2);
	CHECK_EQ(SEAM(leaf_mng_vpflushdone, .rcx = page), TDX_SUCCESS);
	CHECK_EQ(cache_wb(0), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_key_freeid, .rcx = page), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_page_reclaim, .rcx = page), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_phymem_page_wbinvd, .rcx = page | hkid_bits), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = page, .rdx = TD_HKID), TDX_SUCCESS);
	CHECK_EQ(fake_verdict_violations, 2);
}

/* ---- TD_PARAMS ---- */

static struct machine_td td_under_init;

static void prepare_init(void)
{
	machine_reset(1, 1);
	machine_bring_up();
	machine_td_create(&td_under_init, TD_HKID);
	machine_td_addcx(&td_under_init);
}

static u64 init(void)
{
	u64 status = SEAM(leaf_mng_init, .rcx = td_under_init.tdr, .rdx = HOST_PARAMS);

	CHECK_EQ(machine_tdcs(&td_under_init)->op_state, status == TDX_SUCCESS ? OP_INITIALIZED : OP_UNINITIALIZED);
	return status;
}

/* One wrong field: its status. Everything that is checked behind it is wrong as well, so the order shows. */
TEST(td_params_are_checked_in_the_manuals_order)
{
	struct td_params *params;

	prepare_init();
	params = machine_params();
	params->attributes |= TD_ATTR_MIGRATABLE;
	params->xfam = 0;
	params->max_vcpus = 0;
	params->num_l2_vms = 1;
	params->reserved_20 = 1;
	params->config_flags |= BIT(9);
	params->eptp_controls |= BIT(6);
	params->tsc_frequency = 3;
	params->reserved_42[37] = 1;
	params->cpuid[5].eax = 1;
	params->cpuid[47].edx = 1;
	params->arch_capabilities_config = BIT(4);
	machine.tsc_adjust = 9;
	machine.misc_enable = MISC_ENABLE_LIMIT_CPUID;
	CHECK_EQ(init(), TDX_LIMIT_CPUID_MAXVAL_SET);
	machine.misc_enable = 0;
	CHECK_EQ(SEAM(leaf_mng_init, .rcx = td_under_init.tdr, .rdx = HOST_PARAMS + 512), INVALID(RDX));
	CHECK_EQ(SEAM(leaf_mng_init, .rcx = td_under_init.tdr, .rdx = td_under_init.tdr), INVALID(RDX));
	CHECK_EQ(init(), INVALID(ATTRIBUTES));
	params->attributes = TD_ATTR_SEPT_VE_DISABLE;
	CHECK_EQ(init(), INVALID(XFAM));
	params->xfam = TD_XFAM_X87 | TD_XFAM_SSE;
	CHECK_EQ(init(), INVALID(MAX_VCPUS));
	params->max_vcpus = MODULE_MAX_VCPUS_PER_TD + 1;
	CHECK_EQ(init(), INVALID(MAX_VCPUS));
	params->max_vcpus = 1;
	CHECK_EQ(init(), INVALID(NUM_L2_VMS));
	params->num_l2_vms = 0;
	CHECK_EQ(init(), INVALID(RDX));
	params->reserved_20 = 0;
	CHECK_EQ(init(), INVALID(EXEC_CONTROLS));
	params->config_flags = TD_CONFIG_NO_RBP_MOD | TD_CONFIG_GPAW;
	CHECK_EQ(init(), INVALID(EPTP_CONTROLS));
	params->eptp_controls = TD_EPTP_WB | TD_EPTP_WALK_4_LEVELS;
	CHECK_EQ(init(), INVALID(EPTP_CONTROLS));	/* GPAW needs five levels */
	params->config_flags = TD_CONFIG_NO_RBP_MOD;
	CHECK_EQ(init(), INVALID(TSC_FREQUENCY));
	params->tsc_frequency = 401;
	CHECK_EQ(init(), INVALID(TSC_FREQUENCY));
	params->tsc_frequency = 400;
	CHECK_EQ(init(), TDX_INCONSISTENT_MSR | IA32_TSC_ADJUST);
	machine.tsc_adjust = 0;
	CHECK_EQ(init(), INVALID(RDX));
	params->reserved_42[37] = 0;
	params->msr_config_ctls = 2;
	CHECK_EQ(init(), INVALID(RDX));
	params->msr_config_ctls = 0;
	CHECK_EQ(init(), INVALID(CPUID_CONFIG));
	CHECK_EQ(machine.out[GPR_RCX], 7);	/* leaf 7, sub-leaf 0 */
	params->cpuid[5].eax = 0;
	CHECK_EQ(init(), INVALID(RDX));
	CHECK_EQ(machine.out[GPR_RCX], 0);
	params->cpuid[47].edx = 0;
	CHECK_EQ(init(), INVALID(IA32_ARCH_CAPABILITIES_CONFIG));
	params->msr_config_ctls = 1;
	params->arch_capabilities_config = BIT(5);
	CHECK_EQ(init(), INVALID(IA32_ARCH_CAPABILITIES_CONFIG));
	params->arch_capabilities_config = BIT(19);
	CHECK_EQ(init(), TDX_SUCCESS);
	CHECK_EQ(machine_tdcs(&td_under_init)->arch_capabilities, BIT(19));
	CHECK_EQ(SEAM(leaf_mng_init, .rcx = td_under_init.tdr, .rdx = HOST_PARAMS), TDX_OP_STATE_INCORRECT);
	CHECK(machine_locks_free(&td_under_init));
}

TEST(a_new_td_has_the_manuals_start_values)
{
	struct tdcs *tdcs;

	prepare_init();
	memset(machine_params()->mrowner, 7, TDX_MR_BYTES);
	CHECK_EQ(init(), TDX_SUCCESS);
	tdcs = machine_tdcs(&td_under_init);
	CHECK_EQ(tdcs->td_epoch, 1);
	CHECK_EQ(tdcs->td_ctls, TD_CTLS_PENDING_VE_DISABLE);
	CHECK_EQ(tdcs->hp_lock_timeout, 1000000);
	CHECK_EQ(tdcs->tsc_multiplier, BIT(47));	/* 1 GHz on 2 GHz */
	CHECK_EQ(tdcs->mrowner[47], 7);
	CHECK_EQ(td_shared_bit(tdcs), BIT(47));
	CHECK(!gpa_is_private(tdcs, BIT(48)));
}

TEST(mng_rd_walks_the_td_and_reads_the_host_may)
{
	u64 field = TDX_MD_FIRST_FIELD;
	struct machine_td td;
	u32 steps = 0;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_HKID, .r8 = 5), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], TD_HKID);
	CHECK_EQ(machine.out[GPR_RDX], TDX_TD_HKID);
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_RTMR), TDX_METADATA_FIELD_NOT_READABLE);
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_FIELD_FATAL + 100), TDX_METADATA_FIELD_ID_INCORRECT);
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_TDCX_PA + 3), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], td.tdcx[3]);
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_EPTP), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], td.tdcx[3] | 0x1e);
	CHECK_EQ(SEAM_V1(leaf_mng_rd, .rcx = td.tdr, .rdx = field), TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT);
	for (field = machine.out[GPR_RDX]; field != TDX_MD_FIRST_FIELD && steps < 5000; field = machine.out[GPR_RDX]) {
		CHECK_EQ(SEAM_V1(leaf_mng_rd, .rcx = td.tdr, .rdx = field), TDX_SUCCESS);
		steps++;
	}
	CHECK_EQ(field, TDX_MD_FIRST_FIELD);
	CHECK(steps > 600);
	CHECK_EQ(machine_call(0, leaf_mng_rd, 2, (struct machine_regs){ .rcx = td.tdr }), INVALID(RAX));
	CHECK(machine_locks_free(&td));
}

TEST(cpuid_values_are_fields_by_leaf)
{
	struct machine_td td;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	/* Leaf 0x15: no sub-leaf, 1 / 40 / 25 MHz */
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_CPUID_VALUES | 0x15 << 9 | 0x1fe), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 1 | 40ull << 32);
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_CPUID_VALUES | 0x15 << 9 | 0x1ff), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 25000000);
	CHECK_EQ(SEAM(leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_CPUID_VALUES | 0x2 << 9 | 0x1fe),
		 TDX_METADATA_FIELD_ID_INCORRECT);
}

TEST(mng_wr_knows_one_field)
{
	struct machine_td td;

	machine_reset(1, 1);
	machine_bring_up();
	machine_td_build(&td);
	CHECK_EQ(SEAM(leaf_mng_wr, .rcx = td.tdr, .rdx = TDX_TD_HP_LOCK_TIMEOUT, .r8 = 20000, .r9 = ~0ull),
		 TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 1000000);
	CHECK_EQ(SEAM(leaf_mng_wr, .rcx = td.tdr, .rdx = TDX_TD_HP_LOCK_TIMEOUT, .r8 = 20000, .r9 = 0xffff),
		 TDX_METADATA_WR_MASK_NOT_VALID);
	CHECK_EQ(SEAM(leaf_mng_wr, .rcx = td.tdr, .rdx = TDX_TD_HP_LOCK_TIMEOUT, .r8 = 9999, .r9 = ~0ull),
		 TDX_METADATA_FIELD_VALUE_NOT_VALID);
	CHECK_EQ(machine.out[GPR_R8], 0);
	CHECK_EQ(SEAM(leaf_mng_wr, .rcx = td.tdr, .rdx = TDX_TD_ATTRIBUTES, .r8 = 0, .r9 = ~0ull),
		 TDX_METADATA_FIELD_NOT_WRITABLE);
	CHECK(machine_kept(BIT(GPR_R8)));
	CHECK(machine_locks_free(&td));
}

TEST(leaves_that_need_the_whole_td_are_busy_while_a_vcpu_runs)
{
	struct machine_td td;
	struct vp_ref vp;

	machine_reset(2, 1);
	machine_bring_up();
	machine_td_build(&td);
	machine_enter(&td, &vp);
	CHECK_EQ(SEAM_ON(1, leaf_mng_vpflushdone, .rcx = td.tdr), BUSY(RCX));
	CHECK_EQ(SEAM_ON(1, leaf_mr_finalize, .rcx = td.tdr), BUSY(RCX));
	CHECK_EQ(SEAM_ON(1, leaf_vp_flush, .rcx = td.tdvps[0][0]), BUSY(RCX));
	CHECK_EQ(SEAM_ON(1, leaf_mem_page_add, .rdx = td.tdr, .r8 = machine_page(), .r9 = HOST_PAGE), BUSY(RDX));
	CHECK_EQ(SEAM_ON(1, leaf_mng_rd, .rcx = td.tdr, .rdx = TDX_TD_HKID), TDX_SUCCESS);
	machine_leave(&vp);
	CHECK(machine_locks_free(&td));
}
