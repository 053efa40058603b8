/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See witness.h. One SEAMCALL that takes no lock of Cella's and waits for none of the module's: the core may stand in the
 * middle of anything. What the module has given back but Cella has not cleared yet it calls free. Manual: TDX Module
 * ABI, "TDH.PHYMEM.PAGE.RDMD Leaf".
 */
#include "tdx/witness.h"

#include "kernel/lib/format.h"
#include "tdx/tdh_phymem.h"

static const char *const type_names[] = {
	[PT_NDA] = "free", [PT_RSVD] = "reserved", [PT_REG] = "private memory", [PT_TDR] = "a TDR", [PT_TDCX] = "a TDCX",
	[PT_TDVPR] = "a TDVPR", [PT_EPT] = "a Secure EPT page", [PT_PAMT] = "a dynamic PAMT page",
};

const char *witness_page(hpa_t page)
{
	static char text[64];	/* of the one machine check that ends in panic() */
	struct pamt_info info;

	if (!tdx_succeeded(tdh_phymem_page_rdmd(page, &info)))
		return NULL;
	if (info.type >= ARRAY_SIZE(type_names) || !type_names[info.type])
		return NULL;
	if (info.type == PT_NDA || info.type == PT_RSVD || info.type == PT_TDR)
		return type_names[info.type];
	format_text(text, sizeof(text), "%s of the TD at TDR 0x%lx", type_names[info.type], info.owner_tdr.raw);
	return text;
}
