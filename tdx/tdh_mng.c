/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.MNG.*: registers become named values here. See tdh_mng.h; order of the leaf numbers. */
#include "tdx/tdh_mng.h"

#include "tdx/seamcall.h"

tdx_status_t tdh_mng_addcx(hpa_t page, hpa_t tdr)
{
	return seamcall(TDH_MNG_ADDCX, &(struct seamcall_regs){ .rcx = page.raw, .rdx = tdr.raw });
}

tdx_status_t tdh_mng_key_config(hpa_t tdr)
{
	return seamcall(TDH_MNG_KEY_CONFIG, &(struct seamcall_regs){ .rcx = tdr.raw });
}

tdx_status_t tdh_mng_create(hpa_t page, hkid_t hkid)
{
	return seamcall(TDH_MNG_CREATE, &(struct seamcall_regs){ .rcx = page.raw, .rdx = hkid.raw });
}

tdx_status_t tdh_mng_rd(hpa_t tdr, u64 field, u64 *value)
{
	struct seamcall_regs regs = { .rcx = tdr.raw, .rdx = field };
	tdx_status_t status = seamcall(TDH_MNG_RD, &regs);

	if (tdx_succeeded(status))
		*value = regs.r8;
	return status;
}

tdx_status_t tdh_mng_vpflushdone(hpa_t tdr)
{
	return seamcall(TDH_MNG_VPFLUSHDONE, &(struct seamcall_regs){ .rcx = tdr.raw });
}

tdx_status_t tdh_mng_key_freeid(hpa_t tdr)
{
	return seamcall(TDH_MNG_KEY_FREEID, &(struct seamcall_regs){ .rcx = tdr.raw });
}

tdx_status_t tdh_mng_init(hpa_t tdr, hpa_t params, struct td_cpuid_refusal *refusal)
{
	struct seamcall_regs regs = { .rcx = tdr.raw, .rdx = params.raw };
	tdx_status_t status = seamcall(TDH_MNG_INIT, &regs);

	if (tdx_status_is(status, TDX_OPERAND_INVALID)) {
		refusal->leaf = (u32)regs.rcx;
		refusal->subleaf = (u32)(regs.rcx >> 32);
	}
	return status;
}
