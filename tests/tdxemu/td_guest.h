/* SPDX-License-Identifier: BSD-2-Clause */
/* State and memory of the TD whose VMCS is current, as an exit handler needs them. */
#ifndef TDXEMU_TD_GUEST_H
#define TDXEMU_TD_GUEST_H

#include "tests/tdxemu/tdcall.h"

/** td_guest_cpl() - SS.DPL; td_guest_in_64bit_code() - EFER.LMA and CS.L */
u32 td_guest_cpl(void);
bool td_guest_in_64bit_code(void);
/** td_guest_gpr() - register by number as exit qualifications name it; RSP included */
u64 td_guest_gpr(const struct td_run *run, u32 number);

enum td_fetch {
	TD_FETCH_DONE,
	TD_FETCH_GONE,	/* a page left the TD's private memory meanwhile: enter again, the CPU will fault */
	TD_FETCH_SHARED,	/* code or page tables in shared memory, which a TD cannot execute from */
};
/** td_guest_fetch() - @bytes of code at RIP; TLBs are ignored, the page tables in private memory are walked */
enum td_fetch td_guest_fetch(struct td_run *run, u8 *to, u32 bytes);

#endif
