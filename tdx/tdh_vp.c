/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.VP.*: registers become named values here. See tdh_vp.h; order of the leaf numbers. */
#include "tdx/tdh_vp.h"

#include "tdx/seamcall.h"

#define VP_INIT_WITH_APIC_ID (TDH_VP_INIT | 1ull << TDX_LEAF_VERSION_SHIFT)

tdx_status_t tdh_vp_enter(hpa_t tdvpr, u64 gpr[GPR_COUNT])
{
	gpr[GPR_RCX] = tdvpr.raw;	/* the guest's RCX is its register mask and stays with the module */
	return seamcall_enter(gpr);
}

tdx_status_t tdh_vp_addcx(hpa_t page, hpa_t tdvpr)
{
	return seamcall(TDH_VP_ADDCX, &(struct seamcall_regs){ .rcx = page.raw, .rdx = tdvpr.raw });
}

tdx_status_t tdh_vp_create(hpa_t page, hpa_t tdr)
{
	return seamcall(TDH_VP_CREATE, &(struct seamcall_regs){ .rcx = page.raw, .rdx = tdr.raw });
}

tdx_status_t tdh_vp_flush(hpa_t tdvpr)
{
	return seamcall(TDH_VP_FLUSH, &(struct seamcall_regs){ .rcx = tdvpr.raw });
}

tdx_status_t tdh_vp_init(hpa_t tdvpr, u64 initial_rcx)
{
	return seamcall(TDH_VP_INIT, &(struct seamcall_regs){ .rcx = tdvpr.raw, .rdx = initial_rcx });
}

tdx_status_t tdh_vp_init_with_apic_id(hpa_t tdvpr, u64 initial_rcx, u32 x2apic_id)
{
	struct seamcall_regs regs = { .rcx = tdvpr.raw, .rdx = initial_rcx, .r8 = x2apic_id };

	return seamcall(VP_INIT_WITH_APIC_ID, &regs);
}

tdx_status_t tdh_vp_rd(hpa_t tdvpr, u64 field, u64 *value)
{
	struct seamcall_regs regs = { .rcx = tdvpr.raw, .rdx = field };
	tdx_status_t status = seamcall(TDH_VP_RD, &regs);

	if (tdx_succeeded(status))
		*value = regs.r8;
	return status;
}

tdx_status_t tdh_vp_wr(hpa_t tdvpr, u64 field, u64 value, u64 mask)
{
	return seamcall(TDH_VP_WR, &(struct seamcall_regs){ .rcx = tdvpr.raw, .rdx = field, .r8 = value, .r9 = mask });
}
