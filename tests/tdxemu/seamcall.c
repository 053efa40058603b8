/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEAMCALL of the host: the instruction's own conditions, then the module's dispatcher in its order, then the leaf.
 *
 *   CPL > 0: #GP. Not 64-bit code: #GP. Not in VMX operation: #UD. TDX not enabled by firmware: #GP. No module, no
 *   P-SEAMLDR, or another core in it: CF = 1, RAX unchanged. Else CF = PF = AF = ZF = SF = OF = 0 and a status in RAX.
 *   Dispatcher: reserved bits of RAX, version, SHUTDOWN, not READY, unknown leaf.
 *
 * The fault plan speaks after the dispatcher's checks and before the leaf, so a planned refusal has changed nothing.
 * Callers: exit handler of the core.
 * Facts: tdx-host-system reference, "The SEAMCALL instruction"; TDX Module ABI, "Host-Side (SEAMCALL) Interface
 * Functions".
 */
#include "tests/tdxemu/seamcall.h"

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/status.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/seamldr.h"
#include "tests/tdxemu/trace.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define SEAMCALL_BYTES 4
#define ARITHMETIC_FLAGS ((u64)(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF))
#define LEAF_SLOTS 128

enum leaf_states {
	LEAF_WHEN_READY,
	LEAF_ALWAYS,	/* in every state but SHUTDOWN; the leaf itself knows which it accepts */
	LEAF_EVEN_SHUTDOWN,
};

/* Registers as bits, for the outputs that a leaf sets before its first check. */
#define R(name) BIT(GPR_##name)
#define ENTRY_INFO (R(RCX) | R(RDX))	/* Secure EPT entry information: nothing for a refusal before the walk */
#define PAGE_INFO (R(RCX) | R(RDX) | R(R8) | R(R9) | R(R10) | R(R11))

struct leaf_row {
	host_leaf run;	/* NULL: unknown leaf */
	bool has_versions;	/* the leaf itself says which is the highest */
	enum leaf_states states;
	u32 zeroed, all_ones;	/* what the fault plan's refusals leave in output registers, as the leaf's own would */
};

/* clang-format off */
static const struct leaf_row leaf_rows[LEAF_SLOTS] = {
	[TDH_SYS_INIT] = { .run = leaf_sys_init, .has_versions = true, .states = LEAF_ALWAYS,
			   .zeroed = R(RCX) | R(RDX) | R(R8) | R(R9) | R(R10) },
	[TDH_SYS_LP_INIT] = { .run = leaf_sys_lp_init, .states = LEAF_ALWAYS, .zeroed = R(RCX) | R(RDX) | R(R8) },
	[TDH_SYS_INFO] = { .run = leaf_sys_info, .states = LEAF_ALWAYS, .zeroed = R(RDX) | R(R9) },
	[TDH_SYS_RD] = { .run = leaf_sys_rd, .states = LEAF_ALWAYS, .zeroed = R(R8), .all_ones = R(RDX) },
	[TDH_SYS_RDALL] = { .run = leaf_sys_rdall, .states = LEAF_ALWAYS, .all_ones = R(R8) },
	[TDH_SYS_CONFIG] = { .run = leaf_sys_config, .has_versions = true, .states = LEAF_ALWAYS },
	[TDH_SYS_KEY_CONFIG] = { .run = leaf_sys_key_config, .states = LEAF_ALWAYS },
	[TDH_SYS_TDMR_INIT] = { .run = leaf_sys_tdmr_init, .zeroed = R(RDX) },
	[TDH_SYS_LP_SHUTDOWN] = { .run = leaf_sys_lp_shutdown, .states = LEAF_EVEN_SHUTDOWN },
	[TDH_SYS_SHUTDOWN] = { .run = leaf_sys_shutdown },
	[TDH_SYS_UPDATE] = { .run = leaf_sys_update, .has_versions = true, .states = LEAF_ALWAYS },
	[TDH_SYS_DISABLE] = { .run = leaf_sys_disable, .states = LEAF_EVEN_SHUTDOWN },
	[TDH_PHYMEM_PAGE_RDMD] = { .run = leaf_phymem_page_rdmd, .zeroed = PAGE_INFO },
	[TDH_PHYMEM_PAGE_RECLAIM] = { .run = leaf_phymem_page_reclaim, .zeroed = PAGE_INFO },
	[TDH_PHYMEM_CACHE_WB] = { .run = leaf_phymem_cache_wb },
	[TDH_PHYMEM_PAGE_WBINVD] = { .run = leaf_phymem_page_wbinvd },
	[TDH_PHYMEM_PAMT_ADD] = { .run = leaf_phymem_pamt_add },
	[TDH_PHYMEM_PAMT_REMOVE] = { .run = leaf_phymem_pamt_remove },
	[TDH_MNG_CREATE] = { .run = leaf_mng_create },
	[TDH_MNG_KEY_CONFIG] = { .run = leaf_mng_key_config },
	[TDH_MNG_ADDCX] = { .run = leaf_mng_addcx },
	[TDH_MNG_INIT] = { .run = leaf_mng_init },
	[TDH_MNG_RD] = { .run = leaf_mng_rd, .has_versions = true },
	[TDH_MNG_WR] = { .run = leaf_mng_wr },
	[TDH_MNG_VPFLUSHDONE] = { .run = leaf_mng_vpflushdone },
	[TDH_MNG_KEY_FREEID] = { .run = leaf_mng_key_freeid },
	[TDH_MNG_KEY_RECLAIMID] = { .run = leaf_mng_key_reclaimid },
	[TDH_VP_CREATE] = { .run = leaf_vp_create },
	[TDH_VP_ADDCX] = { .run = leaf_vp_addcx },
	[TDH_VP_INIT] = { .run = leaf_vp_init, .has_versions = true },
	[TDH_VP_FLUSH] = { .run = leaf_vp_flush },
	[TDH_VP_RD] = { .run = leaf_vp_rd, .has_versions = true },
	[TDH_VP_WR] = { .run = leaf_vp_wr },
	[TDH_VP_ENTER] = { .run = leaf_vp_enter },
	[TDH_MR_EXTEND] = { .run = leaf_mr_extend },
	[TDH_MR_FINALIZE] = { .run = leaf_mr_finalize },
	[TDH_MEM_SEPT_ADD] = { .run = leaf_mem_sept_add, .has_versions = true, .zeroed = ENTRY_INFO },
	[TDH_MEM_SEPT_RD] = { .run = leaf_mem_sept_rd, .zeroed = ENTRY_INFO },
	[TDH_MEM_SEPT_REMOVE] = { .run = leaf_mem_sept_remove, .has_versions = true, .zeroed = ENTRY_INFO },
	[TDH_MEM_PAGE_ADD] = { .run = leaf_mem_page_add, .zeroed = ENTRY_INFO },
	[TDH_MEM_PAGE_AUG] = { .run = leaf_mem_page_aug, .zeroed = ENTRY_INFO },
	[TDH_MEM_RANGE_BLOCK] = { .run = leaf_mem_range_block, .zeroed = ENTRY_INFO },
	[TDH_MEM_RANGE_UNBLOCK] = { .run = leaf_mem_range_unblock, .zeroed = ENTRY_INFO },
	[TDH_MEM_TRACK] = { .run = leaf_mem_track },
	[TDH_MEM_PAGE_REMOVE] = { .run = leaf_mem_page_remove, .zeroed = ENTRY_INFO },
	[TDH_MEM_PAGE_PROMOTE] = { .run = leaf_mem_page_promote, .has_versions = true, .zeroed = ENTRY_INFO },
	[TDH_MEM_PAGE_DEMOTE] = { .run = leaf_mem_page_demote, .zeroed = ENTRY_INFO },
	[TDH_MEM_PAGE_RELOCATE] = { .run = leaf_mem_page_relocate, .zeroed = ENTRY_INFO },
};
/* clang-format on */

static const struct leaf_row unknown_leaf;

static const struct leaf_row *find_leaf(u64 leaf)
{
	if (leaf == TDH_SYS_DISABLE && fault_platform(PLATFORM_NO_SYS_DISABLE))
		return &unknown_leaf;
	return leaf < LEAF_SLOTS && leaf_rows[leaf].run != NULL ? &leaf_rows[leaf] : &unknown_leaf;
}

static u64 check_state(const struct leaf_row *row)
{
	enum module_state state = module.state;

	if (state == SYS_SHUTDOWN && row->states != LEAF_EVEN_SHUTDOWN)
		return TDX_SYS_SHUTDOWN;
	if (state != SYS_READY && row->states == LEAF_WHEN_READY)
		return TDX_SYS_NOT_READY;
	return TDX_SUCCESS;
}

static void refuse(const struct leaf_row *row, u64 gpr[GPR_COUNT], u64 status)
{
	bool begun = (status & TDX_STATUS_IDENTITY_MASK) == (TDX_INTERRUPTED_RESTARTABLE & TDX_STATUS_IDENTITY_MASK);

	for (u32 i = 0; i < GPR_COUNT && !begun; i++)
		if (((row->zeroed | row->all_ones) & BIT(i)) != 0)
			gpr[i] = (row->all_ones & BIT(i)) != 0 ? ~0ull : 0;
	gpr[GPR_RAX] = status;
}

u64 seamcall_exclusive(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version, host_leaf leaf)
{
	u64 status;

	if (!sharex_try(&module.lock, LOCK_EXCLUSIVE))
		return TDX_SYS_BUSY;
	status = leaf(cpu, gpr, version);
	sharex_release(&module.lock, LOCK_EXCLUSIVE);
	return status;
}

void seamcall_dispatch(struct emu_cpu *cpu)
{
	u64 *gpr = cpu->gpr;
	u64 rax = gpr[GPR_RAX];
	u64 leaf = rax & TDX_LEAF_NUMBER_MASK;
	u32 version = (u32)((rax & TDX_LEAF_VERSION_MASK) >> TDX_LEAF_VERSION_SHIFT);
	const struct leaf_row *row = find_leaf(leaf);
	u64 status;

	if ((rax & TDX_LEAF_RESERVED_MASK) != 0 || (version != 0 && !row->has_versions)) {
		gpr[GPR_RAX] = TDX_OPERAND_INVALID | TDX_OPERAND_ID_RAX;
		return;
	}
	status = check_state(row);
	if (status == TDX_SUCCESS && row->run == NULL)
		status = TDX_OPERAND_INVALID | TDX_OPERAND_ID_RAX;
	if (status != TDX_SUCCESS)
		gpr[GPR_RAX] = status;
	else if (fault_take(cpu, leaf, &status))
		refuse(row, gpr, status);
	else
		gpr[GPR_RAX] = row->run(cpu, gpr, version);
}

/* False: it is not there, or busy with another core. */
static bool call_seamldr(struct emu_cpu *cpu)
{
	u64 leaf = cpu->gpr[GPR_RAX] & ~TDX_LEAF_SEAMLDR;

	trace_enter(cpu, TRACE_SEAMLDR, cpu->gpr);
	if (!seamldr_call(cpu))
		return false;
	trace_leave(cpu, TRACE_SEAMLDR, leaf, cpu->gpr);
	return true;
}

static bool call_module(struct emu_cpu *cpu)
{
	u64 leaf = cpu->gpr[GPR_RAX] & TDX_LEAF_NUMBER_MASK;

	if (!seamldr_module_ready())
		return false;
	trace_enter(cpu, TRACE_SEAMCALL, cpu->gpr);
	__atomic_store_n(&cpu->in_module, true, __ATOMIC_SEQ_CST);
	seamcall_dispatch(cpu);
	__atomic_store_n(&cpu->in_module, false, __ATOMIC_SEQ_CST);
	if (!vmx_load(cpu->host_vmcs_hpa))
		verdict_stop("core %u: the host's VMCS cannot be loaded after leaf %lu", cpu->index, leaf);
	trace_leave(cpu, TRACE_SEAMCALL, leaf, cpu->gpr);
	return true;
}

void seamcall_exit(struct emu_cpu *cpu)
{
	bool to_seamldr = (cpu->gpr[GPR_RAX] & TDX_LEAF_SEAMLDR) != 0;
	u64 rflags;

	if (!cpu->host_vmx_on || !l1_in_64bit_code()) {
		l1_inject(EXCEPTION_UD);
		return;
	}
	if (l1_cpl() != 0) {
		l1_inject_gp();
		return;
	}
	if (!platform_seam_enabled(cpu)) {
		l1_inject_gp();
		return;
	}
	rflags = vmread(VMCS_GUEST_RFLAGS) & ~ARITHMETIC_FLAGS;
	if (to_seamldr ? !call_seamldr(cpu) : !call_module(cpu))
		rflags |= RFLAGS_CF;
	if (fault_platform(PLATFORM_RBP_LOST))
		cpu->gpr[GPR_RBP] = ~cpu->gpr[GPR_RBP];
	vmwrite(VMCS_GUEST_RFLAGS, rflags);
	l1_advance(SEAMCALL_BYTES);
}
