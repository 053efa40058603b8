/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatcher: what each system leaf answers in each state (tdx-host-system.md 5.3), with every core initialised. */
#include "tests/tdxemu/seamcall.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/seamldr.h"
#include "tests/tdxemu/trace.h"
#include "tests/tdxemu/vmx.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define WEAK __attribute__((weak))
#define STATES (SYS_SHUTDOWN + 1)
#define UNKNOWN_LEAF TDH_MEM_SEPT_WR

/* The instruction's own side is not under test: it needs a VMCS. */
WEAK u32 l1_cpl(void)
{
	return 0;
}

WEAK bool l1_in_64bit_code(void)
{
	return true;
}

WEAK void l1_inject(enum exception vector)
{
}

WEAK void l1_inject_gp(void)
{
}

WEAK void l1_advance(u64 bytes)
{
}

WEAK void trace_enter(struct emu_cpu *cpu, enum trace_side side, const u64 gpr[GPR_COUNT])
{
}

WEAK void trace_leave(struct emu_cpu *cpu, enum trace_side side, u64 leaf, const u64 gpr[GPR_COUNT])
{
}

WEAK void vmx_field_failed(u32 field, u64 value)
{
	__builtin_trap();
}

WEAK u64 leaf_vp_enter(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	return TDX_SUCCESS;
}

static u64 dispatch(u64 rax)
{
	struct emu_cpu *cpu = &machine.cpus[0];

	memset(cpu->gpr, 0, sizeof(cpu->gpr));
	cpu->gpr[GPR_RAX] = rax;
	cpu->gpr[GPR_RDX] = TDX_SYS_MAJOR_VERSION;
	seamcall_dispatch(cpu);
	return cpu->gpr[GPR_RAX];
}

static void reach(enum module_state state)
{
	machine_reset(2, 1);
	if (state >= SYS_READY) {
		machine_bring_up();
		if (state == SYS_SHUTDOWN)
			CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
		return;
	}
	if (state >= SYS_INIT_DONE) {
		CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
		CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
		CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_SUCCESS);
	}
	if (state == SYS_CONFIG_DONE) {
		machine_tdmr(0);
		CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID), TDX_SUCCESS);
		machine.cpus[0].wbinvd_done = machine.cpus[1].wbinvd_done = true;
	}
}

TEST(each_leaf_answers_by_state)
{
	/* clang-format off */
	static const struct {
		u64 leaf;
		u64 status[STATES];	/* PENDING, INIT_DONE, CONFIG_DONE, READY, SHUTDOWN */
	} rows[] = {
		{ TDH_SYS_INIT, { TDX_SUCCESS, TDX_SYS_INIT_NOT_PENDING, TDX_SYS_INIT_NOT_PENDING,
				  TDX_SYS_INIT_NOT_PENDING, TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_LP_INIT, { TDX_SYS_LP_INIT_NOT_PENDING, TDX_SYS_LP_INIT_DONE, TDX_SYS_LP_INIT_NOT_PENDING,
				     TDX_SYS_LP_INIT_NOT_PENDING, TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_RD, { TDX_SYS_LP_INIT_NOT_DONE, TDX_SUCCESS, TDX_SUCCESS, TDX_SUCCESS, TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_RDALL, { TDX_SYS_LP_INIT_NOT_DONE, INVALID(RDX), INVALID(RDX), INVALID(RDX),
				   TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_INFO, { TDX_SYS_LP_INIT_NOT_DONE, INVALID(RCX), INVALID(RCX), INVALID(RCX),
				  TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_CONFIG, { TDX_SYS_CONFIG_NOT_PENDING, INVALID(RCX), TDX_SYS_CONFIG_NOT_PENDING,
				    TDX_SYS_CONFIG_NOT_PENDING, TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_UPDATE, { TDX_SYS_STATE_INCORRECT, TDX_SYS_INVALID_HANDOFF, TDX_SYS_STATE_INCORRECT,
				    TDX_SYS_STATE_INCORRECT, TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_KEY_CONFIG, { TDX_SYS_KEY_CONFIG_NOT_PENDING, TDX_SYS_KEY_CONFIG_NOT_PENDING, TDX_SUCCESS,
					TDX_SYS_KEY_CONFIG_NOT_PENDING, TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_TDMR_INIT, { TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, INVALID(RCX),
				       TDX_SYS_SHUTDOWN } },
		{ TDH_MNG_CREATE, { TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, INVALID(RDX),
				    TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_SHUTDOWN, { TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, TDX_SUCCESS,
				      TDX_SYS_SHUTDOWN } },
		{ TDH_SYS_LP_SHUTDOWN, { TDX_SUCCESS, TDX_SUCCESS, TDX_SUCCESS, TDX_SUCCESS, TDX_SUCCESS } },
		{ TDH_SYS_DISABLE, { TDX_SUCCESS, TDX_SUCCESS, TDX_SUCCESS, TDX_SUCCESS, TDX_SYS_SHUTDOWN } },
		{ UNKNOWN_LEAF, { TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, TDX_SYS_NOT_READY, INVALID(RAX),
				  TDX_SYS_SHUTDOWN } },
	};
	/* clang-format on */

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		for (u32 state = 0; state < STATES; state++) {
			reach(state);
			CHECK_EQ(dispatch(rows[i].leaf), rows[i].status[state]);
			CHECK_EQ(module.lock, 0);
		}
	}
}

TEST(the_form_of_rax_is_checked_before_the_state)
{
	reach(SYS_SHUTDOWN);
	CHECK_EQ(dispatch(TDH_SYS_RD | BIT(24)), INVALID(RAX));
	CHECK_EQ(dispatch(TDH_SYS_RD | 1 << TDX_LEAF_VERSION_SHIFT), INVALID(RAX));
	CHECK_EQ(dispatch(TDH_SYS_UPDATE | 1 << TDX_LEAF_VERSION_SHIFT), TDX_SYS_SHUTDOWN);
}

TEST(which_version_is_too_high_is_the_leafs_to_say_after_the_state)
{
	reach(SYS_SHUTDOWN);
	CHECK_EQ(dispatch(TDH_SYS_UPDATE | 2 << TDX_LEAF_VERSION_SHIFT), TDX_SYS_SHUTDOWN);
	reach(SYS_INIT_DONE);
	CHECK_EQ(dispatch(TDH_SYS_UPDATE | 2 << TDX_LEAF_VERSION_SHIFT), INVALID(RAX));
	CHECK_EQ(dispatch(TDH_MNG_RD | 2 << TDX_LEAF_VERSION_SHIFT), TDX_SYS_NOT_READY);
	reach(SYS_READY);
	CHECK_EQ(dispatch(TDH_MNG_RD | 2 << TDX_LEAF_VERSION_SHIFT), INVALID(RAX));
}

TEST(a_planned_refusal_leaves_the_outputs_as_the_leafs_own_does)
{
	u64 *gpr = machine.cpus[0].gpr;

	reach(SYS_READY);
	fault_configure("fault=TDH.SYS.RD:*:RND_NO_ENTROPY,TDH.SYS.INIT:*:INCORRECT_CPUID_VALUE,"
			"TDH.PHYMEM.PAGE.RECLAIM:*:OPERAND_BUSY/TDR");
	CHECK_EQ(dispatch(TDH_SYS_RD), TDX_RND_NO_ENTROPY);
	CHECK_EQ(gpr[GPR_RDX], TDX_MD_FIRST_FIELD);
	CHECK_EQ(gpr[GPR_R8], 0);
	memset(gpr, 5, sizeof(machine.cpus[0].gpr));
	gpr[GPR_RAX] = TDH_SYS_INIT;
	seamcall_dispatch(&machine.cpus[0]);
	CHECK_EQ(gpr[GPR_RAX], TDX_INCORRECT_CPUID_VALUE);
	CHECK_EQ(gpr[GPR_RCX] | gpr[GPR_RDX] | gpr[GPR_R8] | gpr[GPR_R9] | gpr[GPR_R10], 0);
	CHECK(gpr[GPR_R11] != 0);
	memset(gpr, 5, sizeof(machine.cpus[0].gpr));
	gpr[GPR_RAX] = TDH_PHYMEM_PAGE_RECLAIM;
	seamcall_dispatch(&machine.cpus[0]);
	CHECK_EQ(gpr[GPR_RAX], BUSY(TDR));
	CHECK_EQ(gpr[GPR_RCX] | gpr[GPR_RDX] | gpr[GPR_R8] | gpr[GPR_R9] | gpr[GPR_R10] | gpr[GPR_R11], 0);
	fault_rules_forget();
}

TEST(disable_keeps_other_leaves_out_until_it_is_through)
{
	reach(SYS_READY);
	module.tdmrs[module.tdmr_count++] = module.tdmrs[0];	/* one TDMR per call */
	machine.cpus[1].in_module = true;
	CHECK_EQ(dispatch(TDH_SYS_DISABLE), TDX_SYS_BUSY);
	CHECK_EQ(dispatch(TDH_SYS_RD), TDX_SYS_SHUTDOWN);
	machine.cpus[1].in_module = false;
	CHECK_EQ(dispatch(TDH_SYS_DISABLE), TDX_INTERRUPTED_RESUMABLE);
	CHECK_EQ(dispatch(TDH_SYS_RD), TDX_SYS_SHUTDOWN);
	CHECK_EQ(dispatch(TDH_SYS_INIT), TDX_SYS_SHUTDOWN);
	CHECK_EQ(dispatch(TDH_SYS_DISABLE), TDX_SUCCESS);
	CHECK_EQ(dispatch(TDH_SYS_INIT), TDX_SUCCESS);
}
