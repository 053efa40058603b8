/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.PHYMEM.*: registers become named values here. See tdh_phymem.h; order of the leaf numbers. */
#include "tdx/tdh_phymem.h"

#include "tdx/seamcall.h"

static struct pamt_info pamt_info(const struct seamcall_regs *regs)
{
	return (struct pamt_info){
		.type = (enum pamt_page_type)regs->rcx,
		.level = (enum tdx_level)regs->r8,
		.owner_tdr = HPA(regs->rdx),
	};
}

tdx_status_t tdh_phymem_page_rdmd(hpa_t page, struct pamt_info *info)
{
	struct seamcall_regs regs = { .rcx = page.raw };
	tdx_status_t status = seamcall(TDH_PHYMEM_PAGE_RDMD, &regs);

	if (tdx_succeeded(status))
		*info = pamt_info(&regs);
	return status;
}

tdx_status_t tdh_phymem_page_reclaim(hpa_t page, struct pamt_info *info)
{
	struct seamcall_regs regs = { .rcx = page.raw };
	tdx_status_t status = seamcall(TDH_PHYMEM_PAGE_RECLAIM, &regs);

	*info = pamt_info(&regs);
	return status;
}

tdx_status_t tdh_phymem_cache_wb(enum cache_wb_command command)
{
	return seamcall(TDH_PHYMEM_CACHE_WB, &(struct seamcall_regs){ .rcx = command });
}

tdx_status_t tdh_phymem_page_wbinvd(keyed_hpa_t page)
{
	return seamcall(TDH_PHYMEM_PAGE_WBINVD, &(struct seamcall_regs){ .rcx = page.raw });
}

tdx_status_t tdh_phymem_pamt_add(hpa_t region, const hpa_t pair[2])
{
	struct seamcall_regs regs = { .rcx = region.raw | TDX_LEVEL_2M, .rdx = pair[0].raw, .r8 = pair[1].raw };

	return seamcall(TDH_PHYMEM_PAMT_ADD, &regs);
}

tdx_status_t tdh_phymem_pamt_remove(hpa_t region, hpa_t pair[2])
{
	struct seamcall_regs regs = { .rcx = region.raw | TDX_LEVEL_2M };
	tdx_status_t status = seamcall(TDH_PHYMEM_PAMT_REMOVE, &regs);

	if (tdx_succeeded(status)) {
		pair[0] = HPA(regs.rdx);
		pair[1] = HPA(regs.r8);
	}
	return status;
}
