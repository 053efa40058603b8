/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.MR.*: registers become named values here. See tdh_mr.h. */
#include "tdx/tdh_mr.h"

#include "tdx/seamcall.h"

tdx_status_t tdh_mr_extend(hpa_t tdr, gpa_t chunk)
{
	return seamcall(TDH_MR_EXTEND, &(struct seamcall_regs){ .rcx = chunk.raw, .rdx = tdr.raw });
}

tdx_status_t tdh_mr_finalize(hpa_t tdr)
{
	return seamcall(TDH_MR_FINALIZE, &(struct seamcall_regs){ .rcx = tdr.raw });
}
