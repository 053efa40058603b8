/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest leaves on the TD's and the vCPU's own data: information, metadata of all three scopes, CPUID #VE switches.
 * The core the vCPU runs on; registers are run->gpr. Manual: TDX Module ABI, "TDG.*"; tdx-guest-abi.md 1.6.
 */
#include "tests/tdxemu/tdcall.h"

#include "include/spec/tdx/metadata.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/refusal.h"

#define GPA_WIDTH_48 48
#define GPA_WIDTH_52 52
#define SYS_RD_AVAILABLE 1	/* R10 of TDG.VP.INFO */
#define CPUIDVE_SUPERVISOR BIT(0)
#define CPUIDVE_USER BIT(1)

enum tdcall_outcome tdg_vp_info(struct td_run *run, u32 version, u64 *status)
{
	const struct tdcs *tdcs = run->tdcs;

	if (version != 0) {
		*status = INVALID(RAX);
		return TDCALL_DONE;
	}
	run->gpr[GPR_RCX] = tdcs->config_flags & TD_CONFIG_GPAW ? GPA_WIDTH_52 : GPA_WIDTH_48;
	run->gpr[GPR_RDX] = tdcs->attributes;
	run->gpr[GPR_R8] = tdcs->num_vcpus | (u64)tdcs->max_vcpus << 32;
	run->gpr[GPR_R9] = run->tdvps->vcpu_index;
	run->gpr[GPR_R10] = SYS_RD_AVAILABLE;
	run->gpr[GPR_R11] = 0;
	*status = TDX_SUCCESS;
	return TDCALL_DONE;
}

enum tdcall_outcome tdg_vp_cpuidve_set(struct td_run *run, u32 version, u64 *status)
{
	u64 flags = run->gpr[GPR_RCX];

	*status = TDX_SUCCESS;
	if (version != 0) {
		*status = INVALID(RAX);
	} else if ((flags & ~(CPUIDVE_SUPERVISOR | CPUIDVE_USER)) != 0) {
		*status = INVALID(RCX);
	} else {
		run->tdvps->cpuid_supervisor_ve = (flags & CPUIDVE_SUPERVISOR) != 0;
		run->tdvps->cpuid_user_ve = (flags & CPUIDVE_USER) != 0;
	}
	return TDCALL_DONE;
}

static struct td_ref td_of(const struct td_run *run)
{
	return (struct td_ref){ .tdr = run->tdr, .tdcs = run->tdcs };
}

static struct vp_ref vp_of(const struct td_run *run)
{
	return (struct vp_ref){ .tdvps = run->tdvps, .td = td_of(run) };
}

/* RCX of the VM and VP leaves is reserved for a handle. */
static u64 check_metadata_call(const struct td_run *run, u32 version, u32 max_version)
{
	if (version > max_version)
		return INVALID(RAX);
	return run->gpr[GPR_RCX] == 0 ? TDX_SUCCESS : INVALID(RCX);
}

enum tdcall_outcome tdg_vm_rd(struct td_run *run, u32 version, u64 *status)
{
	struct td_ref td = td_of(run);
	u64 field = run->gpr[GPR_RDX];
	u64 next = TDX_MD_FIRST_FIELD;

	run->gpr[GPR_R8] = 0;
	*status = check_metadata_call(run, version, 1);
	if (*status == TDX_SUCCESS)
		*status = metadata_td_read(&td, MD_GUEST, field, &run->gpr[GPR_R8], version == 1 ? &next : NULL);
	if (version != 0)
		run->gpr[GPR_RDX] = next;
	return TDCALL_DONE;
}

enum tdcall_outcome tdg_vm_wr(struct td_run *run, u32 version, u64 *status)
{
	struct td_ref td = td_of(run);
	u64 value = run->gpr[GPR_R8];

	*status = check_metadata_call(run, version, 0);
	if (version != 0)
		return TDCALL_DONE;
	run->gpr[GPR_R8] = 0;
	if (*status == TDX_SUCCESS)
		*status = metadata_td_write(&td, MD_GUEST, run->gpr[GPR_RDX], value, run->gpr[GPR_R9],
					    &run->gpr[GPR_R8]);
	return TDCALL_DONE;
}

enum tdcall_outcome tdg_vp_rd(struct td_run *run, u32 version, u64 *status)
{
	struct vp_ref vp = vp_of(run);
	u64 field = run->gpr[GPR_RDX];

	*status = check_metadata_call(run, version, 0);
	if (version != 0)
		return TDCALL_DONE;
	run->gpr[GPR_R8] = 0;
	run->gpr[GPR_RDX] = TDX_MD_FIRST_FIELD;
	if (*status == TDX_SUCCESS)
		*status = metadata_vp_read(run->cpu, &vp, MD_GUEST, field, &run->gpr[GPR_R8], &run->gpr[GPR_RDX]);
	return TDCALL_DONE;
}

enum tdcall_outcome tdg_vp_wr(struct td_run *run, u32 version, u64 *status)
{
	struct vp_ref vp = vp_of(run);
	u64 value = run->gpr[GPR_R8];

	*status = check_metadata_call(run, version, 0);
	if (version != 0)
		return TDCALL_DONE;
	run->gpr[GPR_R8] = 0;
	if (*status == TDX_SUCCESS)
		*status = metadata_vp_write(run->cpu, &vp, MD_GUEST, run->gpr[GPR_RDX], value, run->gpr[GPR_R9],
					    &run->gpr[GPR_R8]);
	return TDCALL_DONE;
}

enum tdcall_outcome tdg_sys_rd(struct td_run *run, u32 version, u64 *status)
{
	u64 field = run->gpr[GPR_RDX];

	*status = INVALID(RAX);
	if (version == 0)
		*status = metadata_sys_read(MD_GUEST, field, &run->gpr[GPR_R8], &run->gpr[GPR_RDX]);
	return TDCALL_DONE;
}

enum tdcall_outcome tdg_sys_rdall(struct td_run *run, u32 version, u64 *status)
{
	u64 gpa = run->gpr[GPR_RDX], first = run->gpr[GPR_R8];
	enum tdcall_outcome outcome;
	u64 hpa;

	*status = INVALID(RAX);
	if (version != 0)
		return TDCALL_DONE;
	*status = INVALID(RDX);
	if (!IS_ALIGNED(gpa, PAGE_SIZE) || !gpa_is_private(run->tdcs, gpa)) {
		run->gpr[GPR_R8] = TDX_MD_FIRST_FIELD;
		return TDCALL_DONE;
	}
	outcome = td_operand(run, gpa, GUEST_WRITE, TDX_OPERAND_ID_RDX, &hpa, status);
	if (outcome != TDCALL_DONE)
		return outcome;
	run->gpr[GPR_R8] = TDX_MD_FIRST_FIELD;
	if (*status == TDX_SUCCESS)
		*status = metadata_sys_list(MD_GUEST, first, phys(hpa), &run->gpr[GPR_R8]);
	return TDCALL_DONE;
}
