/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.SYS.INIT, second half: what firmware set up, in the manual's order. Firmware runs TDX without integrity here, so
 * the plain AES-XTS algorithms count. SMRR2 is looked at only where the CPU has it.
 * Callers: leaf_sys_init_check.c with the global lock held.
 * Manual: TDX Module ABI, "TDH.SYS.INIT Leaf"; tdx-host-system.md 1.3, 1.6, 4.1 and 7.1.
 */
#include "tests/tdxemu/leaf_sys_init_firmware.h"

#include "include/spec/tdx/status.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/platform.h"

#define MODULE_MAX_HKIDS 2048u
#define SMRR_COUNT 2
#define SMRR_TOP BIT(32)
#define HPA_LIMIT BIT(52)
#define CMR_INDEX_SHIFT 8	/* in the status of an overlap: SMRR in 7:0, CMR above */

static u64 msr(const struct emu_cpu *cpu, u32 number)
{
	u64 value;

	return platform_msr(cpu, number, PLATFORM_MODULE, &value) ? value : 0;
}

static u64 check_encryption(const struct emu_cpu *cpu)
{
	u64 capability = msr(cpu, IA32_TME_CAPABILITY);
	u64 activate = msr(cpu, IA32_TME_ACTIVATE);
	u64 usable = TME_AES_XTS_128 | TME_AES_XTS_256;
	u64 split = msr(cpu, IA32_MKTME_KEYID_PARTITIONING);

	if ((activate & TME_ACTIVATE_LOCKED) == 0)
		return TDX_INCORRECT_MSR_VALUE | IA32_TME_ACTIVATE;
	if ((capability & usable) == 0)
		return TDX_INCORRECT_MSR_VALUE | IA32_TME_CAPABILITY;
	if ((activate >> TME_ACTIVATE_AES_XTS_SHIFT & usable) == 0)
		return TDX_INCORRECT_MSR_VALUE | IA32_TME_ACTIVATE;
	if ((split >> 32) + (u32)split >= MODULE_MAX_HKIDS)
		return TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED | MODULE_MAX_HKIDS;
	if (msr(cpu, IA32_WBNOINVDP) != msr(cpu, IA32_WBINVDP))
		return TDX_INCORRECT_MSR_VALUE | IA32_WBNOINVDP;
	return TDX_SUCCESS;
}

static bool cmr_sane(const struct tdx_cmr *cmr, u64 previous_end)
{
	u64 end = cmr->base + cmr->bytes;

	return end > cmr->base && hpa_hkid(cmr->base) == 0 && hpa_hkid(end - 1) == 0 && end <= HPA_LIMIT &&
	       IS_ALIGNED(cmr->base, PAGE_SIZE) && IS_ALIGNED(cmr->bytes, PAGE_SIZE) && cmr->base >= previous_end;
}

static u64 check_cmrs(void)
{
	u64 previous_end = 0;

	for (u32 i = 0; i < TDX_MAX_CMRS; i++) {
		if (module.cmrs[i].bytes == 0)
			continue;
		if (!cmr_sane(&module.cmrs[i], previous_end))
			return TDX_CMR_LIST_INVALID;
		previous_end = module.cmrs[i].base + module.cmrs[i].bytes;
	}
	return TDX_SUCCESS;
}

struct smrr {
	u64 base, mask;
};

static u64 check_smrr_range(const struct smrr *smrr, u32 index)
{
	u64 mask = smrr->mask & SMRR_ADDRESS;
	u64 base = smrr->base & SMRR_ADDRESS;
	u64 bytes = SMRR_TOP - mask;

	if ((smrr->mask & SMRR_MASK_VALID) == 0)
		return TDX_SUCCESS;
	/* A mask without a hole up to bit 31 is a power of two short of 4 GiB. */
	if (mask == 0 || (bytes & (bytes - 1)) != 0 || (base & (bytes - 1)) != 0)
		return TDX_INVALID_SMRR_CONFIGURATION | index;
	for (u32 i = 0; i < TDX_MAX_CMRS; i++) {
		const struct tdx_cmr *cmr = &module.cmrs[i];

		if (cmr->bytes != 0 && cmr->base < base + bytes && base < cmr->base + cmr->bytes)
			return TDX_SMRR_OVERLAPS_CMR | index | i << CMR_INDEX_SHIFT;
	}
	return TDX_SUCCESS;
}

static u64 check_smrrs(const struct emu_cpu *cpu)
{
	u64 mtrrcap = msr(cpu, IA32_MTRRCAP);
	u32 count = (mtrrcap & MTRRCAP_SMRR2) != 0 ? SMRR_COUNT : 1;
	const struct smrr smrrs[SMRR_COUNT] = {
		{ msr(cpu, IA32_SMRR_PHYSBASE), msr(cpu, IA32_SMRR_PHYSMASK) },
		{ msr(cpu, IA32_SMRR2_PHYSBASE), msr(cpu, IA32_SMRR2_PHYSMASK) },
	};
	u64 status = TDX_SUCCESS;

	if ((mtrrcap & MTRRCAP_SMRR) == 0)
		return TDX_SMRR_NOT_SUPPORTED;
	if ((mtrrcap & MTRRCAP_SMRR_LOCK) == 0)
		return TDX_SMRR_LOCK_NOT_SUPPORTED;
	for (u32 i = 0; i < count; i++)
		if ((smrrs[i].mask & SMRR_MASK_LOCKED) == 0)
			return TDX_SMRR_NOT_LOCKED | i;
	for (u32 i = 0; i < count && status == TDX_SUCCESS; i++)
		status = check_smrr_range(&smrrs[i], i);
	return status;
}

u64 sys_init_check_firmware(const struct emu_cpu *cpu)
{
	u64 reports = SEAMOPS_SEAMDB_GETREF | SEAMOPS_SEAMDB_REPORT;
	u64 status = check_encryption(cpu);

	if (status == TDX_SUCCESS)
		status = check_cmrs();
	if (status == TDX_SUCCESS)
		status = check_smrrs(cpu);
	if (status != TDX_SUCCESS)
		return status;
	if ((platform_seam_capabilities(cpu) & reports) != reports)
		return TDX_INCOMPATIBLE_SEAM_CAPABILITIES;
	if (platform_sigstruct_handoff() != module_image.record.module_hv)
		return TDX_SYS_INCOMPATIBLE_SIGSTRUCT;
	return TDX_SUCCESS;
}
