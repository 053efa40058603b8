/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TD and vCPU operands: find, check, lock, in the manual's order; where the TDCS state lies; association of vCPUs and
 * cores.
 *
 * The TDCS state is one C structure of two pages. The host donates single pages, so when its first two are not
 * adjacent a pair of our own stands in for them; pairs are kept in a free list because our memory is never given back
 * otherwise.
 * Any core. Manual: tdx-host-td.md 2.2-2.6, 3.2, 13.1.
 */
#include "tests/tdxemu/td.h"

#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/spinlock.h"

#define PAIR_PAGES 2

static struct {
	struct spinlock lock;
	u64 first_free;	/* HPA of a free pair, which starts with the HPA of the next one */
} pairs;

static u64 take_pair(void)
{
	u64 pair;

	spin_lock(&pairs.lock);
	pair = pairs.first_free;
	if (pair != 0)
		pairs.first_free = *(u64 *)phys(pair);
	spin_unlock(&pairs.lock);
	return pair != 0 ? pair : (u64)emu_pages(PAIR_PAGES);
}

static void free_pair(u64 pair)
{
	spin_lock(&pairs.lock);
	*(u64 *)phys(pair) = pairs.first_free;
	pairs.first_free = pair;
	spin_unlock(&pairs.lock);
}

void tdcs_add_page(struct tdr *tdr, u64 page)
{
	u64 *words;

	tdr->tdcx[tdr->tdcx_count++] = page;
	if (tdr->tdcx_count != PAIR_PAGES || tdr->tdcx[1] == tdr->tdcx[0] + PAGE_SIZE)
		return;
	tdr->tdcs_pair = take_pair();
	words = phys(tdr->tdcs_pair);
	for (u64 i = 0; i < PAIR_PAGES * PAGE_SIZE / sizeof(*words); i++)
		words[i] = 0;
}

void tdcs_release(struct tdr *tdr)
{
	if (tdr->tdcs_pair != 0)
		free_pair(tdr->tdcs_pair);
	tdr->tdcs_pair = 0;
}

u64 tdcs_page(struct tdr *tdr, u32 index)
{
	if (tdr->tdcs_pair != 0 && index < PAIR_PAGES)
		return tdr->tdcs_pair + index * PAGE_SIZE;
	return tdr->tdcx[index];
}

struct tdcs *tdcs_of(struct tdr *tdr)
{
	return phys(tdcs_page(tdr, TDCS_PAGE_STATE));
}

static void set_td(struct td_ref *ref, u64 tdr)
{
	ref->tdr = phys(tdr);
	ref->tdcs = ref->tdr->tdcx_count >= MODULE_TDCS_PAGES ? tdcs_of(ref->tdr) : NULL;
}

u64 td_take(u64 hpa, u32 operand, enum lock_mode mode, struct td_ref *ref)
{
	u64 status;

	*ref = (struct td_ref){ 0 };
	status = pamt_take(hpa, operand, TDX_LEVEL_4K, PT_TDR, mode, &ref->pamt);
	if (status == TDX_SUCCESS)
		set_td(ref, hpa);
	return status;
}

u64 td_check_state(struct td_ref *ref, enum op_state_locking locking, u32 allowed)
{
	if (ref->tdr->fatal)
		return TDX_TD_FATAL;
	if (ref->tdr->lifecycle != TD_KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	if (ref->tdcs == NULL)
		return TDX_TDCS_NOT_ALLOCATED;
	if (locking == OP_STATE_SHARED) {
		if (!sharex_try(&ref->tdcs->op_state_lock, LOCK_SHARED))
			return BUSY(OP_STATE);
		ref->op_state_locked = true;
	}
	if ((BIT(ref->tdcs->op_state) & allowed) == 0)
		return TDX_OP_STATE_INCORRECT;
	return TDX_SUCCESS;
}

void td_drop(struct td_ref *ref)
{
	if (ref->op_state_locked)
		sharex_release(&ref->tdcs->op_state_lock, LOCK_SHARED);
	ref->op_state_locked = false;
	pamt_drop(&ref->pamt);
}

u64 vp_take(u64 hpa, u32 operand, enum lock_mode mode, enum lock_mode tdr_mode, struct vp_ref *ref)
{
	u64 status, owner;

	*ref = (struct vp_ref){ 0 };
	status = pamt_take(hpa, operand, TDX_LEVEL_4K, PT_TDVPR, mode, &ref->pamt);
	if (status != TDX_SUCCESS)
		return status;
	owner = pamt_owner(ref->pamt.entry);
	status = pamt_take_implicit(owner, TDX_LEVEL_4K, BUSY(TDR), tdr_mode, &ref->td.pamt);
	if (status != TDX_SUCCESS) {
		pamt_drop(&ref->pamt);
		return status;
	}
	set_td(&ref->td, owner);
	ref->tdvps = phys(hpa);
	return TDX_SUCCESS;
}

u64 vp_associate(struct emu_cpu *cpu, struct vp_ref *ref, bool also_disabled)
{
	struct tdvps *tdvps = ref->tdvps;
	u32 nobody = VCPU_NO_LP;

	if (tdvps->state != VCPU_READY && !(also_disabled && tdvps->state == VCPU_DISABLED))
		return TDX_VCPU_STATE_INCORRECT | tdvps->state;
	/* TDH.VP.RD and WR hold the TDVPR shared, so two cores may race for a free vCPU. */
	if (__atomic_compare_exchange_n(&tdvps->assoc_lp, &nobody, cpu->index, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(&ref->td.tdcs->num_assoc_vcpus, 1, __ATOMIC_RELAXED);
		return TDX_SUCCESS;
	}
	return nobody == cpu->index ? TDX_SUCCESS : TDX_VCPU_ASSOCIATED;
}

void vp_drop(struct vp_ref *ref)
{
	td_drop(&ref->td);
	pamt_drop(&ref->pamt);
}

bool td_needs_tracking(const struct tdcs *tdcs)
{
	return tdcs->op_state == OP_RUNNABLE;
}

u64 td_shared_bit(const struct tdcs *tdcs)
{
	return tdcs->config_flags & TD_CONFIG_GPAW ? TDX_SHARED_BIT_GPAW52 : TDX_SHARED_BIT_GPAW48;
}

bool gpa_is_private(const struct tdcs *tdcs, u64 gpa)
{
	return gpa < td_shared_bit(tdcs);
}
