/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.MR.*: one typed wrapper per leaf used. No loop, no lock. Manual: TDX Module ABI, "TDH.MR... Leaf". */
#ifndef TDX_TDH_MR_H
#define TDX_TDH_MR_H

#include "include/cella/types.h"
#include "tdx/status.h"

/** tdh_mr_extend() - measure MRTD_CHUNK_BYTES of an added page. @chunk: GPA, 256-byte aligned */
tdx_status_t tdh_mr_extend(hpa_t tdr, gpa_t chunk);
/** tdh_mr_finalize() - MRTD is complete, the TD may run */
tdx_status_t tdh_mr_finalize(hpa_t tdr);

#endif
