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

u64 leaf_sys_shutdown(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 status = TDX_SUCCESS;

	if (version != 0)
		return INVALID(RAX);
	if (!writes_handoff(gpr[GPR_RCX]))
		return INVALID(RCX);
	if (!sharex_try(&module.lock, LOCK_EXCLUSIVE))
		return TDX_SYS_BUSY;
	__atomic_store_n(&module.state, SYS_SHUTDOWN, __ATOMIC_SEQ_CST);
	if (another_core_inside(cpu)) {
		__atomic_store_n(&module.state, SYS_READY, __ATOMIC_SEQ_CST);
		status = TDX_SYS_BUSY;
	} else {
		module_save_handoff((u16)gpr[GPR_RCX]);
	}
	sharex_release(&module.lock, LOCK_EXCLUSIVE);
	return status;
}

static u64 update_locked(const u64 gpr[GPR_COUNT], u32 version)
{
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
	u64 status;

	(void)cpu;
	if (version > 1)
		return INVALID(RAX);
	if (!sharex_try(&module.lock, LOCK_EXCLUSIVE))
		return TDX_SYS_BUSY;
	status = update_locked(gpr, version);
	sharex_release(&module.lock, LOCK_EXCLUSIVE);
	return status;
}

/* Lock held exclusively; on success the state is new and the lock free. */
static u64 disable_locked(struct emu_cpu *cpu)
{
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
	u64 status;

	(void)gpr;
	if (version != 0)
		return INVALID(RAX);
	if (!sharex_try(&module.lock, LOCK_EXCLUSIVE))
		return TDX_SYS_BUSY;
	status = disable_locked(cpu);
	if (status != TDX_SUCCESS)
		sharex_release(&module.lock, LOCK_EXCLUSIVE);
	return status;
}
