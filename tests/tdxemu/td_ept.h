/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EPT of a TD as the CPU walks it. Hardware has two roots, private and shared; ours is one page per vCPU whose lower
 * half is copied from the Secure EPT root and whose upper half from the host's shared EPT root. The tables below are
 * used in place.
 */
#ifndef TDXEMU_TD_EPT_H
#define TDXEMU_TD_EPT_H

#include "tests/tdxemu/tdcall.h"

/* A translation by the host's shared EPT. */
enum shared_walk {
	SHARED_MAPPED,
	SHARED_VE,	/* violation, and the entry asks for #VE */
	SHARED_VIOLATION,	/* violation, #VE suppressed */
	SHARED_MISCONFIGURED,
};

/** td_ept_init() - the vCPU's root page and no shared EPT (TDH.VP.INIT) */
void td_ept_init(struct tdvps *tdvps);
/** td_ept_pointer() - EPTP for the VMCS */
u64 td_ept_pointer(const struct tdvps *tdvps);
/** td_ept_shared_root() - HPA of the shared EPT root; the TD's zero page until the host sets one */
u64 td_ept_shared_root(struct tdr *tdr, const struct tdvps *tdvps);
/** td_ept_refresh() - copy both roots again, before an entry; a bad shared root counts as empty and is reported */
void td_ept_refresh(struct emu_cpu *cpu, struct tdr *tdr, struct tdvps *tdvps);
/** td_ept_refresh_at() - copy the root entry that translates @gpa; true: it was stale, so the access may work now */
bool td_ept_refresh_at(struct td_run *run, u64 gpa);
/** td_ept_flush() - this core's translations of the vCPU */
void td_ept_flush(const struct tdvps *tdvps);
/** td_ept_walk_shared() - translate shared @gpa for @access; @hpa written when mapped */
enum shared_walk td_ept_walk_shared(struct td_run *run, u64 gpa, enum guest_access access, u64 *hpa);

#endif
