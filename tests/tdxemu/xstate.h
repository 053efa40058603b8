/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended state (XCR0 and IA32_XSS components) of a TD: kept in its XSAVE buffer page while it is outside. All
 * components of XFAM_FIXED0 (metadata_sys.c: up to AVX-512 and PKRU) fit one page in compacted form. Components of
 * more than that, AMX above all, need the buffer's other two pages, of which td_ept.c uses the last.
 */
#ifndef TDXEMU_XSTATE_H
#define TDXEMU_XSTATE_H

#include "tests/tdxemu/tdcall.h"

#define XSTATE_XMM_COUNT 16

/** xstate_init() - INIT state into the vCPU's buffer (TDH.VP.INIT) */
void xstate_init(struct tdvps *tdvps, u64 xfam);
/** xstate_enter() - load the TD's state; registers XMMn with bit n of @from_host set keep what the host left in them */
void xstate_enter(struct td_run *run, u32 from_host);
/**
 * xstate_leave() - save the TD's state, put every XFAM component into its INIT state, XCR0 and IA32_XSS to the TD's
 * maximum XMMn with bit n of @to_host set keeps the guest's value.
 */
void xstate_leave(struct td_run *run, u32 to_host);

#endif
