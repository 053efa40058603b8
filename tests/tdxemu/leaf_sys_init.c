/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.SYS.INIT and TDH.SYS.LP.INIT: the platform is looked at once, then every core is compared with what was seen.
 *
 * The sample belongs to whoever holds the global lock exclusively while the state is INIT_PENDING; behind that it is
 * constant. A refused TDH.SYS.INIT leaves the state as it was and may be repeated anywhere.
 * Any core, physical interrupts off. Manual: TDX Module ABI, "TDH.SYS.INIT Leaf", "TDH.SYS.LP.INIT Leaf";
 * tdx-host-system.md 4.1, 4.2, 12.1.
 */
#include "tests/tdxemu/seamcall.h"

#include "include/spec/x86/msr.h"
#include "tests/tdxemu/entropy.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/leaf_sys_init_check.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/refusal.h"

#define SYS_INIT_MAX_VERSION 1
#define DIAGNOSTICS_BUFFER 0x000fffffffffffc0ull	/* R8 of version 1: HPA of a log */
#define DIAGNOSTICS_ALIGN 64

static struct sys_sample sample;

/*
 * Version 1 adds a place for the log of a fatal error. This module writes none, so all it accepts is a legal buffer and
 * no notification.
 */
static bool diagnostics_legal(u32 version, u64 diagnostics)
{
	u64 buffer = diagnostics & DIAGNOSTICS_BUFFER;

	if (version == 0)
		return true;
	return diagnostics == buffer && (buffer == 0 || hpa_is_shared(buffer, DIAGNOSTICS_ALIGN, DIAGNOSTICS_ALIGN));
}

static u64 sys_init_locked(struct emu_cpu *cpu, u64 attributes, bool diagnostics_ok, struct sys_init_report *report)
{
	u64 canary, status;

	if (attributes != 0)
		return INVALID(RCX);
	if (module.state != SYS_INIT_PENDING)
		return TDX_SYS_INIT_NOT_PENDING;
	status = sys_init_check(cpu, &sample, report);
	if (status != TDX_SUCCESS)
		return status;
	if (!entropy_take(&canary, 1))
		return TDX_RND_NO_ENTROPY;
	if (!diagnostics_ok)
		return INVALID(R8);
	/* nothing fails below */
	(void)platform_msr(cpu, IA32_TSC_ADJUST, PLATFORM_MODULE, &module.tsc_adjust);
	module.lps_initialised = 0;
	module.packages = 0;
	module.packages_configured = 0;
	for (u32 i = 0; i < emu_cpu_count(); i++)
		if (emu_cpu_at(i)->package < MODULE_MAX_PACKAGES)
			module.packages |= 1u << emu_cpu_at(i)->package;
	module.state = SYS_INIT_DONE;
	return TDX_SUCCESS;
}

u64 leaf_sys_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 attributes = gpr[GPR_RCX];
	u64 diagnostics = gpr[GPR_R8];
	struct sys_init_report report = { 0 };
	u64 status;

	gpr[GPR_RCX] = gpr[GPR_RDX] = gpr[GPR_R8] = gpr[GPR_R9] = gpr[GPR_R10] = 0;
	if (version > SYS_INIT_MAX_VERSION)
		return INVALID(RAX);
	if (!sharex_try(&module.lock, LOCK_EXCLUSIVE))
		return TDX_SYS_BUSY;
	status = sys_init_locked(cpu, attributes, diagnostics_legal(version, diagnostics), &report);
	sharex_release(&module.lock, LOCK_EXCLUSIVE);
	gpr[GPR_RCX] = report.leaf;
	gpr[GPR_RDX] = report.mask_ab;
	gpr[GPR_R8] = report.mask_cd;
	gpr[GPR_R9] = report.value_ab;
	gpr[GPR_R10] = report.value_cd;
	return status;
}

static u64 lp_init_locked(struct emu_cpu *cpu, struct sys_init_report *report)
{
	u64 random, status;
	u32 package;

	if (module.state != SYS_INIT_DONE)
		return TDX_SYS_LP_INIT_NOT_PENDING;
	if (cpu->lp_initialised)
		return TDX_SYS_LP_INIT_DONE;
	if (!entropy_take(&random, 1) || (u32)random == 0)
		return TDX_RND_NO_ENTROPY;
	status = sys_lp_init_check(cpu, &sample, report, &package);
	if (status != TDX_SUCCESS)
		return status;
	/* nothing fails below */
	cpu->package = package;
	cpu->lp_initialised = true;
	__atomic_fetch_add(&module.lps_initialised, 1, __ATOMIC_RELEASE);
	return TDX_SUCCESS;
}

u64 leaf_sys_lp_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct sys_init_report report = { 0 };
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_RCX] = gpr[GPR_RDX] = gpr[GPR_R8] = 0;
	if (!sharex_try(&module.lock, LOCK_SHARED))
		return TDX_SYS_BUSY;
	status = lp_init_locked(cpu, &report);
	sharex_release(&module.lock, LOCK_SHARED);
	gpr[GPR_RCX] = report.leaf;
	gpr[GPR_RDX] = report.mask_ab;
	gpr[GPR_R8] = report.mask_cd;
	return status;
}
