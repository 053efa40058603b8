/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One trust domain: TDR, TDCS, key, life cycle with the manual's state names. Control pages come from the TD pool.
 * Callers: one task at a time builds or destroys a TD; sept_*() may be called by its vCPUs in parallel.
 */
#ifndef TDX_TD_H
#define TDX_TD_H

#include "include/cella/types.h"
#include "include/spec/tdx/report.h"
#include "include/spec/tdx/td_params.h"
#include "include/spec/tdx/tdmr.h"
#include "kernel/lib/sha384.h"
#include "kernel/lock.h"

struct posted_interrupt_desc;
struct sept_map;
struct vcpu;

#define TD_MAX_TDCS_PAGES 16
#define TD_MAX_VCPUS 64

/* TDR.LIFECYCLE_STATE and TDCS.OP_STATE in one line of life. */
enum td_state {
	TD_NONE,
	TD_HKID_ASSIGNED,
	TD_KEYS_CONFIGURED,
	TD_INITIALIZED,	/* OP_STATE: pages may be added and measured, vCPUs created */
	TD_RUNNABLE,
	TD_BLOCKED,	/* VPFLUSHDONE */
	TD_TEARDOWN,	/* KeyID released; pages may be reclaimed */
};

/* Where a TD stands with what replaces or stops the module. */
enum td_gate_place {
	TD_NOT_IN_GATE,
	TD_IN_GATE_BUILDING,	/* between TDH.MNG.CREATE and TDH.MR.FINALIZE: an update would lose it */
	TD_IN_GATE_BUILT,
};

enum td_gate_rule {
	TD_GATE_NO_TD,	/* close unless a TD exists */
	TD_GATE_NO_BUILD,	/* close unless a TD is being built */
};

struct td {
	enum td_state state;	/* (l) lock */
	enum td_gate_place in_gate;	/* (l) the gate's lock */
	struct spinlock lock;
	hkid_t hkid;	/* (c) */
	hpa_t tdr;	/* (c) */
	u32 tdcs_count;	/* (l) */
	hpa_t tdcs[TD_MAX_TDCS_PAGES];	/* (l) */
	u64 shared_bit;	/* (c) SHARED bit of this TD's GPAs */
	u32 vcpu_count;	/* (l) */
	struct vcpu *vcpus[TD_MAX_VCPUS];	/* (l) */
	struct sha384 measurement;	/* what MRTD becomes, computed beside the module */
	u8 mrtd[TDX_MR_BYTES];	/* (c) after td_finalise() */
	u64 tsc_offset;	/* (c) after td_finalise(): TDCS.TSC_OFFSET */
	u64 tsc_multiplier;	/* (c) after td_finalise() */
	struct sept_map *sept;	/* (l) tdx/sept.c's bookkeeping: which page backs which GPA */
	struct posted_interrupt_desc *pids;	/* (c) one host page: a descriptor per vCPU index */
	u64 pages_private;	/* (l) private memory, in 4 KiB pages */
	u64 pages_control;	/* (l) TDR, TDCS, TDVPS, SEPT pages */
};

/**
 * td_create() - KeyID, TDR, keys on all packages, TDCS, TDH.MNG.INIT
 * @td: caller's memory, zeroed. @params: host memory in the direct map, 1024-byte aligned, filled by vmm/params.c
 * Task context. -ENOSPC: no KeyID; -ENOMEM: TD pool exhausted; -EINVAL: the module refused a parameter (its name and
 * the CPUID leaf are in the log); -EBUSY after bounded retries; -EIO. On failure nothing is left behind.
 */
int __must_check td_create(struct td *td, const struct td_params *params);
/**
 * td_add_page() - TDH.MEM.PAGE.ADD: copy one page into a new private page and record its GPA in MRTD
 * @gpa: 4 KiB aligned. @source: host page in the direct map. State INITIALIZED. Builds missing SEPT tables.
 */
int __must_check td_add_page(struct td *td, gpa_t gpa, hpa_t source);
/** td_measure_page() - TDH.MR.EXTEND for the 16 chunks of a page that td_add_page() added. @source: the same content */
int __must_check td_measure_page(struct td *td, gpa_t gpa, hpa_t source);
/** td_finalise() - TDH.MR.FINALIZE; reads MRTD, TSC offset and multiplier back. State -> RUNNABLE. At least one vCPU */
int __must_check td_finalise(struct td *td);
/**
 * td_destroy() - from any state: flush vCPUs, release the KeyID, reclaim every page, clear it, give it back
 * Task context, no vCPU inside the TD. What cannot be reclaimed is quarantined with a log line. Afterwards TD_NONE.
 */
void td_destroy(struct td *td);
/** td_gate_close() - no TD begins from now on; false: @rule forbids it, nothing changed. td_gate_open() - again */
bool __must_check td_gate_close(enum td_gate_rule rule);
void td_gate_open(void);
const char *td_state_name(enum td_state state);
/** td_read() - TDH.MNG.RD of a TD-scope field (TDX_TD_...) */
int __must_check td_read(struct td *td, u64 field, u64 *value);

#endif
