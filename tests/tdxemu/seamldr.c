/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-SEAMLDR: who may call what when, and its leaves but INSTALL.
 *
 * INSTALL, CLEANUP and SHUTDOWN are sessions: every core calls once, the first call makes SEAM_READY 0, so that no module
 * SEAMCALL gets in any more, and the last one does the work. Order of refusals: unknown leaf, the fault plan, the leaf's
 * own conditions, another session or a second call.
 *
 * CLEANUP writes back the caches in two pieces: the last core of each package is told EINTERRUPT once, as if an SMI had
 * come, so every host's loop is exercised. It empties the log, so updates count from the start again.
 * Any core, one at a time, physical interrupts off. The host's VMCS stays current: this CPU's VMX_BASIC[60] is 1.
 * Facts: P-SEAMLDR Interface Specification; tdx-host-system.md 10.
 */
#include "tests/tdxemu/seamldr.h"

#include "include/spec/tdx/leaf.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/entropy.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/td_cpuid.h"

#define LOADER_MAJOR 1
#define LOADER_MINOR 5
#define LOADER_UPDATE 2
#define LOADER_BUILD_NUM 52
#define LOADER_BUILD_DATE 20250101
#define VENDOR_INTEL 0x8086
#define SHUTDOWN_CORE 0	/* makes the last SEAMLDR.SHUTDOWN call */

struct seamldr seamldr;

void seamldr_start(void)
{
	bool with_module = !fault_platform(PLATFORM_NO_MODULE);

	memset(&seamldr, 0, sizeof(seamldr));
	seamldr.present = !fault_platform(PLATFORM_NO_LOADER);
	seamldr.remaining_updates = SEAMLDR_MAX_UPDATES;
	seamldr.installed = with_module;
	seamldr.packages_dirty = with_module ? seamldr_all_packages() : 0;
	seamldr_set_ready(with_module);
}

u32 seamldr_all_packages(void)
{
	u32 packages = 0;

	for (u32 i = 0; i < emu_cpu_count(); i++)
		packages |= 1u << (emu_cpu_at(i)->package % MODULE_MAX_PACKAGES);
	return packages;
}

bool seamldr_module_ready(void)
{
	return __atomic_load_n(&seamldr.seam_ready, __ATOMIC_ACQUIRE);
}

void seamldr_set_ready(bool ready)
{
	__atomic_store_n(&seamldr.seam_ready, ready, __ATOMIC_RELEASE);
}

static bool all_done_but(u64 rest)
{
	u64 all = emu_cpu_count() == EMU_MAX_CPUS ? ~0ull : BIT(emu_cpu_count()) - 1;

	return (seamldr.cores_done | rest) == all;
}

bool seamldr_is_last(void)
{
	return all_done_but(0);
}

u64 seamldr_join(struct emu_cpu *cpu, enum seamldr_session session)
{
	if (seamldr.session == SESSION_NONE) {
		seamldr.session = session;
		seamldr.was_ready = seamldr_module_ready();
		seamldr_set_ready(false);
	}
	if (seamldr.session != session || (seamldr.cores_done & BIT(cpu->index)) != 0)
		return SEAMLDR_EBADCALL;
	seamldr.cores_done |= BIT(cpu->index);
	return SEAMLDR_SUCCESS;
}

void seamldr_leave(void)
{
	seamldr.session = SESSION_NONE;
	seamldr.cores_done = 0;
}

static u64 leaf_info(struct emu_cpu *cpu, u64 gpr[GPR_COUNT])
{
	struct seamldr_info *info = phys(hpa_without_hkid(gpr[GPR_RCX]));

	(void)cpu;
	if (!hpa_is_shared(gpr[GPR_RCX], SEAMLDR_INFO_BYTES, SEAMLDR_INFO_BYTES))
		return SEAMLDR_EBADPARAM;
	*info = (struct seamldr_info){
		.vendor = VENDOR_INTEL,
		.build_date = LOADER_BUILD_DATE,
		.build_num = LOADER_BUILD_NUM,
		.minor = LOADER_MINOR,
		.major = LOADER_MAJOR,
		.update = LOADER_UPDATE,
		.shutdown_apic_id = emu_cpu_at(SHUTDOWN_CORE)->apic_id,
		.remaining_updates = seamldr.remaining_updates,
		.seam_ready = seamldr_module_ready(),
		.p_seamldr_ready = true,
		.features = SEAMLDR_FEATURE_CLEANUP,
	};
	if (info->seam_ready) {
		info->seamextend_valid = 1;
		memcpy(info->tee_tcb_svn, module_image.tcb_svn, sizeof(info->tee_tcb_svn));
		memcpy(info->mrseam, module_image.measurement, sizeof(info->mrseam));
	}
	return SEAMLDR_SUCCESS;
}

static u64 leaf_seaminfo(struct emu_cpu *cpu, u64 gpr[GPR_COUNT])
{
	struct seamldr_seaminfo *info = phys(hpa_without_hkid(gpr[GPR_RCX]));

	(void)cpu;
	if (!hpa_is_shared(gpr[GPR_RCX], SEAMLDR_SEAMINFO_BYTES, SEAMLDR_SEAMINFO_BYTES))
		return SEAMLDR_EBADPARAM;
	memset(info, 0, sizeof(*info));
	info->lp_count = platform_lp_count();
	for (u32 rest = seamldr_all_packages(); rest != 0; rest &= rest - 1)
		info->socket_fms[info->socket_count++] = td_platform_fms();
	info->seamldr_base = EMU_BASE;
	info->seamldr_bytes = EMU_BYTES;
	info->no_integrity = 1;	/* as leaf_sys_init_firmware.c takes it */
	for (u32 i = 0; i < module.cmr_count; i++) {
		info->cmrs[i].base = module.cmrs[i].base;
		info->cmrs[i].bytes = module.cmrs[i].bytes;
	}
	return SEAMLDR_SUCCESS;
}

static bool is_last_of_package(const struct emu_cpu *cpu)
{
	for (u32 i = 0; i < emu_cpu_count(); i++)
		if (emu_cpu_at(i)->package == cpu->package && (seamldr.cores_done & BIT(i)) == 0)
			return false;
	return true;
}

/* New random keys for all private KeyIDs, then the caches; anything but success: the core comes again. */
static u64 clean_package(u32 package)
{
	u64 key[4];

	if ((seamldr.packages_half_clean & package) == 0) {
		if (!entropy_take(key, ARRAY_SIZE(key)))
			return SEAMLDR_ENOENTROPY;
		seamldr.packages_half_clean |= package;
		return SEAMLDR_EINTERRUPT;
	}
	seamldr.packages_half_clean &= ~package;
	seamldr.packages_dirty &= ~package;
	return SEAMLDR_SUCCESS;
}

static u64 leaf_cleanup(struct emu_cpu *cpu, u64 gpr[GPR_COUNT])
{
	u64 status;

	(void)gpr;
	if (!seamldr.installed)
		return SEAMLDR_EBADCALL;
	status = seamldr_join(cpu, SESSION_CLEANUP);
	if (status != SEAMLDR_SUCCESS)
		return status;
	if (is_last_of_package(cpu)) {
		status = clean_package(1u << (cpu->package % MODULE_MAX_PACKAGES));
		if (status != SEAMLDR_SUCCESS) {
			seamldr.cores_done &= ~BIT(cpu->index);
			return status;
		}
	}
	if (seamldr_is_last()) {
		module_release_memory();
		module_reset();
		seamldr.installed = false;
		seamldr.remaining_updates = SEAMLDR_MAX_UPDATES;
		seamldr_leave();
	}
	return SEAMLDR_SUCCESS;
}

static u64 leaf_shutdown(struct emu_cpu *cpu, u64 gpr[GPR_COUNT])
{
	u64 status;

	(void)gpr;
	if (seamldr.packages_dirty != 0)
		return SEAMLDR_ECLEANUPREQ;
	if (cpu->index == SHUTDOWN_CORE && !all_done_but(BIT(SHUTDOWN_CORE)))
		return SEAMLDR_EBADCALL;
	status = seamldr_join(cpu, SESSION_SHUTDOWN);
	if (status == SEAMLDR_SUCCESS && seamldr_is_last())
		seamldr.present = false;
	return status;
}

typedef u64 (*seamldr_leaf)(struct emu_cpu *cpu, u64 gpr[GPR_COUNT]);

static u64 run(struct emu_cpu *cpu, u64 gpr[GPR_COUNT])
{
	static const seamldr_leaf leaves[] = {
		[SEAMLDR_INFO & TDX_LEAF_NUMBER_MASK] = leaf_info,
		[SEAMLDR_INSTALL & TDX_LEAF_NUMBER_MASK] = seamldr_install,
		[SEAMLDR_SHUTDOWN & TDX_LEAF_NUMBER_MASK] = leaf_shutdown,
		[SEAMLDR_SEAMINFO & TDX_LEAF_NUMBER_MASK] = leaf_seaminfo,
		[SEAMLDR_CLEANUP & TDX_LEAF_NUMBER_MASK] = leaf_cleanup,
	};
	u64 number = gpr[GPR_RAX] & ~TDX_LEAF_SEAMLDR;
	u64 status;

	if (number >= ARRAY_SIZE(leaves))
		return SEAMLDR_EBADPARAM;
	if (gpr[GPR_RAX] == SEAMLDR_INSTALL)
		gpr[GPR_RDX] = 0;
	if (fault_take(cpu, gpr[GPR_RAX], &status))
		return status;
	return leaves[number](cpu, gpr);
}

bool seamldr_call(struct emu_cpu *cpu)
{
	if (!seamldr.present || __atomic_exchange_n(&seamldr.busy, 1, __ATOMIC_ACQUIRE) != 0)
		return false;
	cpu->gpr[GPR_RAX] = run(cpu, cpu->gpr);
	__atomic_store_n(&seamldr.busy, 0, __ATOMIC_RELEASE);
	return true;
}
