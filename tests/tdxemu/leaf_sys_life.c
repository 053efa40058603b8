/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a module's life: TDH.SYS.SHUTDOWN leaves handoff data for a successor, TDH.SYS.UPDATE takes them up and the TDs
 * go on, TDH.SYS.DISABLE gives all memory back and leaves the same module as if freshly loaded.
 *
 * DISABLE, from its first call on, keeps every other leaf out; it does one TDMR per call. What other leaves answer then, and
 * that TDs need not be gone before, is this machine's reading: the manual of the leaf is not public.
 * Any core, physical interrupts off. Manual: TDX Module ABI, "TDH.SYS.*"; tdx-host-system.md 4.9-4.11, 5, 12.1, 12.5.
 */
#include "tests/tdxemu/seamcall.h"

#include "include/spec/tdx/metadata.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/verdict.h"

u64 leaf_sys_lp_shutdown(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	(void)cpu;
	(void)gpr;
	return version == 0 ? TDX_SUCCESS : INVALID(RAX);
}

static bool another_core_inside(const struct emu_cpu *cpu)
{
	for (u32 i = 0; i < emu_cpu_count(); i++)
		if (i != cpu->index && __atomic_load_n(&emu_cpu_at(i)->in_module, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static bool writes_handoff(u64 version)
{
	const struct module_record *record = &module_image.record;

	return version >= record->min_update_hv && version <= record->module_hv &&
	       (record->no_downgrade == 0 || version == record->module_hv);
}

static u64 shutdown_locked(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	(void)version;
	__atomic_store_n(&module.state, SYS_SHUTDOWN, __ATOMIC_SEQ_CST);
	if (another_core_inside(cpu)) {
		__atomic_store_n(&module.state, SYS_READY, __ATOMIC_SEQ_CST);
		return TDX_SYS_BUSY;
	}
	module_save_handoff((u16)gpr[GPR_RCX]);
	return TDX_SUCCESS;
}

u64 leaf_sys_shutdown(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	if (version != 0)
		return INVALID(RAX);
	if (!writes_handoff(gpr[GPR_RCX]))
		return INVALID(RCX);
	return seamcall_exclusive(cpu, gpr, version, shutdown_locked);
}

static u64 update_locked(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	(void)cpu;
	if (module.state != SYS_INIT_DONE ||
	    __atomic_load_n(&module.lps_initialised, __ATOMIC_ACQUIRE) < platform_lp_count())
		return TDX_SYS_STATE_INCORRECT;
	if (version == 1 && (gpr[GPR_R9] & ~metadata_features()) != 0)
		return INVALID(R9);
	if (version == 1 && gpr[GPR_R10] != 0)
		return INVALID(R10);
	if (!module_handoff.valid || module_handoff.version < module_image.record.min_update_hv ||
	    module_handoff.version > module_image.record.module_hv)
		return TDX_SYS_INVALID_HANDOFF;
	/* nothing fails below */
	module_take_handoff();
	__atomic_store_n(&module.state, SYS_READY, __ATOMIC_RELEASE);
	return TDX_SUCCESS;
}

u64 leaf_sys_update(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	return version <= 1 ? seamcall_exclusive(cpu, gpr, version, update_locked) : INVALID(RAX);
}

static u64 disable_locked(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	(void)gpr;
	(void)version;
	if (module.state == SYS_SHUTDOWN && !module.disabling)
		return TDX_SYS_SHUTDOWN;
	module.disabling = true;
	__atomic_store_n(&module.state, SYS_SHUTDOWN, __ATOMIC_SEQ_CST);
	if (another_core_inside(cpu))
		return TDX_SYS_BUSY;
	if (module.tdmrs_released < module.tdmr_count)
		module_release_tdmr(module.tdmrs_released++);
	if (module.tdmrs_released < module.tdmr_count)
		return TDX_INTERRUPTED_RESUMABLE;
	if (module.td_count != 0)
		verdict_note("TDH.SYS.DISABLE ended %u TDs", module.td_count);
	if (module_handoff.valid)
		module_release_memory();
	module_reset();
	return TDX_SUCCESS;
}

u64 leaf_sys_disable(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	return version == 0 ? seamcall_exclusive(cpu, gpr, version, disable_locked) : INVALID(RAX);
}
