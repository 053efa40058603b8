/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPU leaves apart from TDH.VP.ENTER: create, control pages, initialise, flush, metadata.
 *
 * The TDVPR is the operand; its TDR is found through the PAMT. A vCPU that is in its TD holds its TDVPR shared, so the
 * leaves that take it exclusively are busy then.
 * Any core; FLUSH, RD and WR only on the core the vCPU is associated with. Manual: TDX Module ABI, "TDH.VP.*";
 * tdx-host-td.md 5.9-5.13, 13.1.
 */
#include "tests/tdxemu/seamcall.h"

#include "include/spec/tdx/metadata.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/td.h"
#include "tests/tdxemu/td_vmcs.h"
#include "tests/tdxemu/vmx.h"

#define TDVPS_MAX_PAGES 15	/* with three L2 VMs */
#define X2APIC_ID_NOT_GIVEN 0xffffffffu	/* VP.INIT version 0 */
#define X2APIC_ID_MASK 0xffffffffull

static u64 create(struct emu_cpu *cpu, struct td_ref *td, u64 hpa)
{
	struct tdvps *tdvps = phys(hpa);
	struct pamt_ref page;
	u64 status = pamt_take(hpa, TDX_OPERAND_ID_RCX, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &page);

	if (status != TDX_SUCCESS)
		return status;
	page_enter(cpu, &page, PT_TDVPR, td->pamt.hpa, HIDDEN_TDVPR);
	memset(tdvps, 0, PAGE_SIZE);
	tdvps->tdr = td->pamt.hpa;
	tdvps->pages[0] = hpa;
	tdvps->page_count = 1;
	tdvps->assoc_lp = VCPU_NO_LP;
	__atomic_fetch_add(&td->tdr->child_count, 1, __ATOMIC_RELAXED);
	pamt_drop(&page);
	return TDX_SUCCESS;
}

u64 leaf_vp_create(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct td_ref td;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RDX], TDX_OPERAND_ID_RDX, LOCK_SHARED, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&td, OP_STATE_SHARED, BIT(OP_INITIALIZED));
	if (status == TDX_SUCCESS)
		status = create(cpu, &td, gpr[GPR_RCX]);
	td_drop(&td);
	return status;
}

static u64 addcx(struct emu_cpu *cpu, struct vp_ref *vp, u64 hpa)
{
	struct tdvps *tdvps = vp->tdvps;
	struct pamt_ref page;
	u64 status;

	if (tdvps->state != VCPU_UNINITIALIZED)
		return TDX_VCPU_STATE_INCORRECT | tdvps->state;
	if (tdvps->page_count == TDVPS_MAX_PAGES)
		return TDX_TDCX_NUM_INCORRECT;
	status = pamt_take(hpa, TDX_OPERAND_ID_RCX, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &page);
	if (status != TDX_SUCCESS)
		return status;
	page_enter(cpu, &page, PT_TDCX, vp->td.pamt.hpa, HIDDEN_TDCX);
	memset(phys(hpa), 0, PAGE_SIZE);
	tdvps->pages[tdvps->page_count++] = hpa;
	__atomic_fetch_add(&vp->td.tdr->child_count, 1, __ATOMIC_RELAXED);
	pamt_drop(&page);
	return TDX_SUCCESS;
}

u64 leaf_vp_addcx(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct vp_ref vp;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = vp_take(gpr[GPR_RDX], TDX_OPERAND_ID_RDX, LOCK_EXCLUSIVE, LOCK_SHARED, &vp);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&vp.td, OP_STATE_SHARED, BIT(OP_INITIALIZED));
	if (status == TDX_SUCCESS)
		status = addcx(cpu, &vp, gpr[GPR_RCX]);
	vp_drop(&vp);
	return status;
}

static bool x2apic_id_is_used(const struct tdcs *tdcs, u32 id)
{
	for (u32 i = 0; i < tdcs->num_vcpus; i++)
		if (tdcs->x2apic_ids[i] == id)
			return true;
	return false;
}

/* @id: X2APIC_ID_NOT_GIVEN for version 0 */
static u64 init(struct emu_cpu *cpu, struct vp_ref *vp, u64 rcx, u32 id)
{
	struct tdvps *tdvps = vp->tdvps;
	struct tdcs *tdcs = vp->td.tdcs;
	u32 index = __atomic_load_n(&tdcs->num_vcpus, __ATOMIC_ACQUIRE);

	if (tdvps->page_count < MODULE_TDVPS_PAGES)
		return TDX_TDCX_NUM_INCORRECT;
	if (tdvps->state != VCPU_UNINITIALIZED)
		return TDX_VCPU_STATE_INCORRECT | tdvps->state;
	if (id != X2APIC_ID_NOT_GIVEN && x2apic_id_is_used(tdcs, id))
		return TDX_X2APIC_ID_NOT_UNIQUE;
	/* Version 0 holds the TDR shared only: several cores may ask for an index. */
	do {
		if (index >= tdcs->max_vcpus)
			return TDX_MAX_VCPUS_EXCEEDED;
	} while (!__atomic_compare_exchange_n(&tdcs->num_vcpus, &index, index + 1, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	/* nothing fails below */
	tdcs->x2apic_ids[index] = id;
	if (id == X2APIC_ID_NOT_GIVEN)
		tdcs->topology_enum_configured = 0;
	tdvps->vcpu_index = index;
	tdvps->assoc_lp = cpu->index;
	tdvps->last_exit = LAST_EXIT_ASYNC_FAULT;
	__atomic_fetch_add(&tdcs->num_assoc_vcpus, 1, __ATOMIC_RELAXED);
	td_vmcs_init(cpu, vp->td.tdr, tdvps, rcx);
	tdvps->state = VCPU_READY;
	return TDX_SUCCESS;
}

u64 leaf_vp_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 tsc_adjust = 0;
	struct vp_ref vp;
	u64 status;

	if (version > 1)
		return INVALID(RAX);
	(void)msr_read_safe(IA32_TSC_ADJUST, &tsc_adjust);
	if (tsc_adjust != module.tsc_adjust)
		return TDX_INCONSISTENT_MSR | IA32_TSC_ADJUST;
	if (version == 1 && gpr[GPR_R8] > X2APIC_ID_MASK)
		return INVALID(R8);
	status = vp_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_EXCLUSIVE, version == 1 ? LOCK_EXCLUSIVE : LOCK_SHARED,
			 &vp);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&vp.td, OP_STATE_SHARED, BIT(OP_INITIALIZED));
	if (status == TDX_SUCCESS)
		status = init(cpu, &vp, gpr[GPR_RDX], version == 1 ? (u32)gpr[GPR_R8] : X2APIC_ID_NOT_GIVEN);
	vp_drop(&vp);
	return status;
}

static u64 flush(struct emu_cpu *cpu, struct vp_ref *vp)
{
	struct tdvps *tdvps = vp->tdvps;

	if (vp->td.tdr->lifecycle != TD_KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	if (tdvps->page_count < MODULE_TDVPS_PAGES)
		return TDX_TDCX_NUM_INCORRECT;
	if (tdvps->assoc_lp != cpu->index)
		return TDX_VCPU_NOT_ASSOCIATED;
	/* nothing fails below */
	td_vmcs_flush(cpu, tdvps);
	__atomic_store_n(&tdvps->assoc_lp, VCPU_NO_LP, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&vp->td.tdcs->num_assoc_vcpus, 1, __ATOMIC_RELEASE);
	return TDX_SUCCESS;
}

u64 leaf_vp_flush(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct vp_ref vp;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = vp_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_EXCLUSIVE, LOCK_SHARED, &vp);
	if (status != TDX_SUCCESS)
		return status;
	status = flush(cpu, &vp);
	vp_drop(&vp);
	return status;
}

enum vp_access {
	VP_READ,
	VP_WRITE,
};

/* What RD and WR have in common: locks, states, association. On success the caller drops @vp. */
static u64 take_for_metadata(struct emu_cpu *cpu, u64 tdvpr, enum vp_access access, struct vp_ref *vp)
{
	u64 status = vp_take(tdvpr, TDX_OPERAND_ID_RCX, LOCK_SHARED, LOCK_SHARED, vp);

	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&vp->td, OP_STATE_SHARED, BIT(OP_INITIALIZED) | BIT(OP_RUNNABLE));
	if (status == TDX_SUCCESS && vp->tdvps->page_count < MODULE_TDVPS_PAGES)
		status = TDX_TDCX_NUM_INCORRECT;
	if (status == TDX_SUCCESS)
		status = vp_associate(cpu, vp, access == VP_READ);
	if (status != TDX_SUCCESS)
		vp_drop(vp);
	return status;
}

u64 leaf_vp_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 field = gpr[GPR_RDX];
	u64 next = TDX_MD_FIRST_FIELD;
	struct vp_ref vp;
	u64 status;

	gpr[GPR_R8] = 0;
	if (version != 0)
		gpr[GPR_RDX] = TDX_MD_FIRST_FIELD;
	if (version > 1)
		return INVALID(RAX);
	status = take_for_metadata(cpu, gpr[GPR_RCX], VP_READ, &vp);
	if (status != TDX_SUCCESS)
		return status;
	status = metadata_vp_read(cpu, &vp, MD_HOST, field, &gpr[GPR_R8], version == 1 ? &next : NULL);
	if (version == 1)
		gpr[GPR_RDX] = next;
	vp_drop(&vp);
	return status;
}

u64 leaf_vp_wr(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 value = gpr[GPR_R8];
	struct vp_ref vp;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_R8] = 0;
	status = take_for_metadata(cpu, gpr[GPR_RCX], VP_WRITE, &vp);
	if (status != TDX_SUCCESS)
		return status;
	status = metadata_vp_write(cpu, &vp, MD_HOST, gpr[GPR_RDX], value, gpr[GPR_R9], &gpr[GPR_R8]);
	vp_drop(&vp);
	return status;
}
