/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest leaves on measurements: extend an RTMR, make a report.
 * The core the vCPU runs on. Manual: TDX Module ABI, "TDG.MR.*"; tdx-guest-abi.md 1.6.2, 1.6.4, 2.
 */
#include "tests/tdxemu/tdcall.h"

#include "include/spec/tdx/report.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/report.h"

#define RTMR_DATA_ALIGN 64

enum tdcall_outcome tdg_mr_rtmr_extend(struct td_run *run, u32 version, u64 *status)
{
	struct tdcs *tdcs = run->tdcs;
	u64 gpa = run->gpr[GPR_RCX], index = run->gpr[GPR_RDX];
	u8 joined[2 * TDX_MR_BYTES];
	enum tdcall_outcome outcome;
	u64 hpa;

	*status = INVALID(RAX);
	if (version != 0)
		return TDCALL_DONE;
	*status = INVALID(RCX);
	if (!IS_ALIGNED(gpa, RTMR_DATA_ALIGN) || !gpa_is_private(tdcs, gpa))
		return TDCALL_DONE;
	outcome = td_operand(run, gpa, GUEST_READ, TDX_OPERAND_ID_RCX, &hpa, status);
	if (outcome != TDCALL_DONE || *status != TDX_SUCCESS)
		return outcome;
	*status = INVALID(RDX);
	if (index >= TDX_RTMR_COUNT)
		return TDCALL_DONE;
	*status = BUSY(RTMR);
	if (!sharex_try(&tdcs->rtmr_lock, LOCK_EXCLUSIVE))
		return TDCALL_DONE;
	memcpy(joined, tdcs->rtmr[index], TDX_MR_BYTES);
	memcpy(joined + TDX_MR_BYTES, phys(hpa), TDX_MR_BYTES);
	sha384_of(joined, sizeof(joined), tdcs->rtmr[index]);
	sharex_release(&tdcs->rtmr_lock, LOCK_EXCLUSIVE);
	*status = TDX_SUCCESS;
	return TDCALL_DONE;
}

/* Everything but the output: REPORTDATA is read as a whole before the output, which may overlap it, is touched. */
static enum tdcall_outcome make(struct td_run *run, struct tdreport *report, u64 *status)
{
	u8 report_data[TDREPORT_DATA_BYTES];
	enum tdcall_outcome outcome;
	u64 hpa;
	bool made;

	outcome = td_operand(run, run->gpr[GPR_RDX], GUEST_READ, TDX_OPERAND_ID_RDX, &hpa, status);
	if (outcome != TDCALL_DONE || *status != TDX_SUCCESS)
		return outcome;
	memcpy(report_data, phys(hpa), sizeof(report_data));
	*status = INVALID(R8);
	if (run->gpr[GPR_R8] != 0)
		return TDCALL_DONE;
	*status = BUSY(RTMR);
	if (!sharex_try(&run->tdcs->rtmr_lock, LOCK_SHARED))
		return TDCALL_DONE;
	*status = TDX_SUCCESS;
	if (td_physical_event(run)) {
		outcome = TDCALL_RESTART;
	} else {
		made = report_make(run->tdcs, report_data, report);
		outcome = made ? TDCALL_DONE : TDCALL_RESTART;	/* no entropy: as if the CPU were asked again */
	}
	sharex_release(&run->tdcs->rtmr_lock, LOCK_SHARED);
	return outcome;
}

enum tdcall_outcome tdg_mr_report(struct td_run *run, u32 version, u64 *status)
{
	enum tdcall_outcome outcome;
	struct tdreport report;
	u64 hpa;

	*status = INVALID(RAX);
	if (version != 0)
		return TDCALL_DONE;
	*status = INVALID(RCX);
	if (!IS_ALIGNED(run->gpr[GPR_RCX], TDREPORT_ALIGN))
		return TDCALL_DONE;
	*status = INVALID(RDX);
	if (!IS_ALIGNED(run->gpr[GPR_RDX], TDREPORT_DATA_BYTES))
		return TDCALL_DONE;
	outcome = make(run, &report, status);
	if (outcome != TDCALL_DONE || *status != TDX_SUCCESS)
		return outcome;
	outcome = td_operand(run, run->gpr[GPR_RCX], GUEST_WRITE, TDX_OPERAND_ID_RCX, &hpa, status);
	if (outcome == TDCALL_DONE && *status == TDX_SUCCESS)
		memcpy(phys(hpa), &report, sizeof(report));
	return outcome;
}
