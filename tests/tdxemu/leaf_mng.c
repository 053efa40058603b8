/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TD management leaves: create, keys, control pages, metadata, the way to teardown. TDH.MNG.INIT has a file of its own.
 *
 * Leaves that move the TD's life cycle hold the TDR exclusively, so no other leaf of the TD and no vCPU runs; those
 * that move a KeyID hold the key ownership table (KOT) exclusively as well.
 * Any core; KEY.CONFIG one core per package. Manual: TDX Module ABI, "TDH.MNG.*"; tdx-host-td.md 5.
 */
#include "tests/tdxemu/seamcall.h"

#include "include/spec/tdx/metadata.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/entropy.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/page_move.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/sept.h"
#include "tests/tdxemu/td.h"

#define ANY_BUILT_STATE (BIT(OP_INITIALIZED) | BIT(OP_RUNNABLE))
#define MSR_BITMAP_ALL_EXIT 0xff

static u64 create_locked(struct emu_cpu *cpu, const struct pamt_ref *page, u16 hkid)
{
	struct tdr *tdr = phys(page->hpa);
	u64 uuid[ARRAY_SIZE(tdr->uuid)];

	if (module.kot[hkid].state != KOT_FREE)
		return TDX_HKID_NOT_FREE;
	if (!entropy_take(uuid, ARRAY_SIZE(uuid)))
		return TDX_RND_NO_ENTROPY;
	/* nothing fails below */
	page_enter(cpu, page, PT_TDR, 0, HIDDEN_TDR);
	memset(tdr, 0, PAGE_SIZE);
	memcpy(tdr->uuid, uuid, sizeof(tdr->uuid));
	tdr->hkid = hkid;
	tdr->lifecycle = TD_HKID_ASSIGNED;
	module.kot[hkid].state = KOT_ASSIGNED;
	__atomic_fetch_add(&module.td_count, 1, __ATOMIC_RELAXED);
	return TDX_SUCCESS;
}

u64 leaf_mng_create(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct pamt_ref page;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	if (!hkid_is_private(gpr[GPR_RDX]))
		return INVALID(RDX);
	status = pamt_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &page);
	if (status != TDX_SUCCESS)
		return status;
	status = BUSY(KOT);
	if (sharex_try(&module.kot_lock, LOCK_EXCLUSIVE)) {
		status = create_locked(cpu, &page, (u16)gpr[GPR_RDX]);
		sharex_release(&module.kot_lock, LOCK_EXCLUSIVE);
	}
	pamt_drop(&page);
	return status;
}

static u64 key_config(struct emu_cpu *cpu, struct tdr *tdr)
{
	if (tdr->fatal)
		return TDX_TD_FATAL;
	if (tdr->lifecycle != TD_HKID_ASSIGNED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (tdr->packages_configured & BIT(cpu->package))
		return TDX_KEY_CONFIGURED;
	/* nothing fails below */
	tdr->packages_configured |= BIT(cpu->package);
	if (tdr->packages_configured == module.packages)
		tdr->lifecycle = TD_KEYS_CONFIGURED;
	return TDX_SUCCESS;
}

u64 leaf_mng_key_config(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct td_ref td;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_EXCLUSIVE, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = key_config(cpu, td.tdr);
	td_drop(&td);
	return status;
}

static void fill_tdcx(u32 index, u64 page)
{
	if (index == TDCS_PAGE_SEPT_ROOT)
		sept_fill_free(page);
	else
		memset(phys(page), index == TDCS_PAGE_MSR_BITMAP ? MSR_BITMAP_ALL_EXIT : 0, PAGE_SIZE);
}

static u64 addcx(struct emu_cpu *cpu, struct td_ref *td, u64 hpa)
{
	struct tdr *tdr = td->tdr;
	struct pamt_ref page;
	u64 status;

	if (tdr->fatal)
		return TDX_TD_FATAL;
	if (tdr->lifecycle != TD_KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	if (tdr->tdcx_count == TDCS_MAX_PAGES)
		return TDX_TDCX_NUM_INCORRECT;
	status = pamt_take(hpa, TDX_OPERAND_ID_RCX, TDX_LEVEL_4K, PT_NDA, LOCK_EXCLUSIVE, &page);
	if (status != TDX_SUCCESS)
		return status;
	if (td->tdcs != NULL && td->tdcs->op_state != OP_UNINITIALIZED) {
		status = TDX_OP_STATE_INCORRECT;
	} else {
		page_enter(cpu, &page, PT_TDCX, td->pamt.hpa, HIDDEN_TDCX);
		fill_tdcx(tdr->tdcx_count, hpa);
		tdcs_add_page(tdr, hpa);
		tdr->child_count++;
	}
	pamt_drop(&page);
	return status;
}

u64 leaf_mng_addcx(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct td_ref td;
	u64 status;

	if (version != 0)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RDX], TDX_OPERAND_ID_RDX, LOCK_EXCLUSIVE, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = addcx(cpu, &td, gpr[GPR_RCX]);
	td_drop(&td);
	return status;
}

u64 leaf_mng_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 field = gpr[GPR_RDX];
	u64 next = TDX_MD_FIRST_FIELD;
	struct td_ref td;
	u64 status;

	(void)cpu;
	gpr[GPR_R8] = 0;
	if (version != 0)
		gpr[GPR_RDX] = TDX_MD_FIRST_FIELD;
	if (version > 1)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_SHARED, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&td, OP_STATE_SHARED, ANY_BUILT_STATE);
	if (status == TDX_SUCCESS)
		status = metadata_td_read(&td, MD_HOST, field, &gpr[GPR_R8], version == 1 ? &next : NULL);
	if (version == 1)
		gpr[GPR_RDX] = next;
	td_drop(&td);
	return status;
}

u64 leaf_mng_wr(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 value = gpr[GPR_R8];
	struct td_ref td;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_R8] = 0;
	status = td_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_SHARED, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&td, OP_STATE_SHARED, ANY_BUILT_STATE);
	if (status == TDX_SUCCESS)
		status = metadata_td_write(&td, MD_HOST, gpr[GPR_RDX], value, gpr[GPR_R9], &gpr[GPR_R8]);
	td_drop(&td);
	return status;
}

static u64 vpflushdone_locked(struct td_ref *td)
{
	struct tdr *tdr = td->tdr;

	if (tdr->lifecycle != TD_HKID_ASSIGNED && tdr->lifecycle != TD_KEYS_CONFIGURED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (td->tdcs != NULL && td->tdcs->op_state != OP_UNINITIALIZED && td->tdcs->num_assoc_vcpus != 0)
		return TDX_FLUSHVP_NOT_DONE;
	/* nothing fails below */
	module.kot[tdr->hkid] = (struct kot_entry){ .state = KOT_FLUSHED, .wb_pending = module.packages_configured };
	tdr->lifecycle = TD_BLOCKED;
	return TDX_SUCCESS;
}

u64 leaf_mng_vpflushdone(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct td_ref td;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_EXCLUSIVE, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = BUSY(KOT);
	if (sharex_try(&module.kot_lock, LOCK_EXCLUSIVE)) {
		status = vpflushdone_locked(&td);
		sharex_release(&module.kot_lock, LOCK_EXCLUSIVE);
	}
	td_drop(&td);
	return status;
}

static u64 freeid(struct tdr *tdr)
{
	struct kot_entry *key = &module.kot[tdr->hkid];
	u64 status = TDX_SUCCESS;

	if (tdr->lifecycle != TD_BLOCKED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (!sharex_try(&module.kot_lock, LOCK_EXCLUSIVE))
		return BUSY(KOT);
	if (key->wb_pending != 0) {
		status = TDX_WBCACHE_NOT_COMPLETE;
	} else {
		key->state = KOT_FREE;
		tdr->lifecycle = TD_TEARDOWN;
	}
	sharex_release(&module.kot_lock, LOCK_EXCLUSIVE);
	return status;
}

u64 leaf_mng_key_freeid(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct td_ref td;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	status = td_take(gpr[GPR_RCX], TDX_OPERAND_ID_RCX, LOCK_EXCLUSIVE, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = freeid(td.tdr);
	td_drop(&td);
	return status;
}

u64 leaf_mng_key_reclaimid(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	(void)cpu;
	(void)gpr;
	return version == 0 ? TDX_SUCCESS : INVALID(RAX);
}
