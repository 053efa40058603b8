/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages between the host and the module: PAMT state, the host's view and the cache rules that go with each move. */
#ifndef TDXEMU_PAGE_MOVE_H
#define TDXEMU_PAGE_MOVE_H

#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/pamt.h"

/**
 * page_enter() - a free page becomes the module's
 * @page: held exclusive. A write-back the host still owes for it is reported.
 */
void page_enter(struct emu_cpu *cpu, const struct pamt_ref *page, enum pamt_page_type type, u64 owner_tdr,
		enum hidden_as kind);
/**
 * page_leave() - back to the host while lines of it may be cached under @hkid: PAGE.WBINVD is owed, then a clear
 * PAMT_REMOVAL_HINT if its region's page pair is used no longer, else 0.
 */
u64 page_leave(u64 hpa, enum tdx_level level, u16 hkid);
/** page_leave_flushed() - back to the host after TDH.PHYMEM.CACHE.WB for its key: a clear is owed; the hint as above */
u64 page_leave_flushed(u64 hpa, enum tdx_level level);
/** page_leave_pamt() - a page of a dynamic PAMT pair goes back: it was written under the global KeyID */
void page_leave_pamt(u64 hpa);
/** page_written_back() - TDH.PHYMEM.PAGE.WBINVD of a free page; the wrong KeyID is reported and settles nothing */
void page_written_back(struct emu_cpu *cpu, const struct pamt_ref *page, u16 hkid);

#endif
