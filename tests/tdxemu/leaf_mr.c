/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measurement leaves: extend MRTD by a chunk of a page, finalise. MRTD is a running SHA-384 over one record per
 * operation; TDH.MEM.PAGE.ADD adds its records through measure_page_add().
 * Any core, TDR held exclusively. Manual: TDX Module ABI, "TDH.MR.*"; tdx-host-td.md 5.14, 5.15, 6.
 */
#include "tests/tdxemu/measure.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/seamcall.h"
#include "tests/tdxemu/sept.h"

static void add_record(struct tdcs *tdcs, const char *name, u64 gpa)
{
	u8 record[MRTD_RECORD_BYTES] = { 0 };

	memcpy(record, name, strlen(name));
	memcpy(record + MRTD_RECORD_GPA_OFFSET, &gpa, sizeof(gpa));
	sha384_add(&tdcs->measurement, record, sizeof(record));
}

void measure_page_add(struct tdcs *tdcs, u64 gpa)
{
	add_record(tdcs, MRTD_PAGE_ADD, gpa);
}

static u64 extend(struct td_ref *td, u64 gpa, u64 gpr[GPR_COUNT])
{
	struct sept_walk walk;
	u64 entry;

	if (!IS_ALIGNED(gpa, MRTD_CHUNK_BYTES) || !gpa_is_private(td->tdcs, gpa))
		return INVALID(RCX);
	walk = sept_leaf(td->tdr, gpa);
	entry = sept_entry_read(walk.entry);
	if (!walk.reached || (entry & (EPT_READ | EPT_WRITE | EPT_EXECUTE)) == 0) {
		sept_info(&walk, &gpr[GPR_RCX], &gpr[GPR_RDX]);
		return TDX_EPT_ENTRY_NOT_PRESENT | TDX_OPERAND_ID_RCX;
	}
	if (sept_entry_state(entry) != SEPT_MAPPED)
		return TDX_EPT_ENTRY_NOT_PRESENT;
	add_record(td->tdcs, MRTD_EXTEND, gpa);
	sha384_add(&td->tdcs->measurement, phys(sept_translate(td->tdr, gpa)), MRTD_CHUNK_BYTES);
	return TDX_SUCCESS;
}

u64 leaf_mr_extend(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 gpa = gpr[GPR_RCX], tdr = gpr[GPR_RDX];
	struct td_ref td;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_RCX] = gpr[GPR_RDX] = 0;
	status = td_take(tdr, TDX_OPERAND_ID_RDX, LOCK_EXCLUSIVE, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&td, OP_STATE_UNLOCKED, BIT(OP_INITIALIZED));
	if (status == TDX_SUCCESS)
		status = extend(&td, gpa, gpr);
	td_drop(&td);
	return status;
}

u64 leaf_mr_finalize(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct td_ref td;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_EXCLUSIVE, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&td, OP_STATE_UNLOCKED, BIT(OP_INITIALIZED));
	if (status == TDX_SUCCESS && td.tdcs->num_vcpus == 0)
		status = TDX_NO_VCPUS;
	if (status == TDX_SUCCESS) {
		sha384_finish(&td.tdcs->measurement, td.tdcs->mrtd);
		td.tdcs->op_state = OP_RUNNABLE;
	}
	td_drop(&td);
	return status;
}
