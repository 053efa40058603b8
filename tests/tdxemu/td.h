/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State of a TD and of its vCPUs, kept in the pages the host donated. Layout is ours, page roles are the module's:
 * TDCS page 0-1 state, 2 MSR bitmaps, 3 Secure EPT root, 4 zero page, 5 migration links; TDVPS page 0 (TDVPR) #VE area and
 * state, 1 VMCS, 2 virtual APIC page, 3-5 XSAVE buffer.
 */
#ifndef TDXEMU_TD_H
#define TDXEMU_TD_H

#include "include/cella/types.h"
#include "include/spec/tdx/report.h"
#include "include/spec/tdx/sept.h"
#include "include/spec/tdx/td_params.h"
#include "include/spec/tdx/vp_enter.h"
#include "kernel/lib/sha384.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/pamt.h"

#define TDCS_MAX_PAGES 9
#define TDCS_PAGE_STATE 0
#define TDCS_PAGE_MSR_BITMAP 2
#define TDCS_PAGE_SEPT_ROOT 3
#define TDCS_PAGE_ZERO 4
#define TDVPS_PAGE_VMCS 1
#define TDVPS_PAGE_VAPIC 2
#define TDVPS_PAGE_XBUFF 3
#define TDVPS_XBUFF_BYTES (3 * PAGE_SIZE)
#define TD_CPUID_ROWS 80	/* stored values per TD, by index of the CPUID table */

enum td_lifecycle {
	TD_HKID_ASSIGNED,
	TD_KEYS_CONFIGURED,
	TD_BLOCKED,
	TD_TEARDOWN,
};

enum td_op_state {
	OP_UNINITIALIZED,
	OP_INITIALIZED,
	OP_RUNNABLE,
};

struct tdr {
	u32 fatal;
	enum td_lifecycle lifecycle;
	u16 hkid;
	u32 tdcx_count;
	u64 tdcx[TDCS_MAX_PAGES];
	u64 child_count;	/* atomic: CHLDCNT, in 4 KiB pages */
	u64 packages_configured;	/* bitmap */
	u64 uuid[4];
	u64 tdcs_pair;	/* HPA of our own pages 0 and 1 of the TDCS; 0: the donated ones are adjacent */
};
_Static_assert(sizeof(struct tdr) <= PAGE_SIZE, "TDR is one page");

struct tdcs {
	u16 op_state_lock;	/* sharex */
	u16 sept_lock;	/* sharex: the tree */
	u16 epoch_lock;	/* sharex */
	u16 rtmr_lock;	/* sharex */
	enum td_op_state op_state;
	u32 num_vcpus, max_vcpus;
	u32 num_assoc_vcpus;	/* atomic */
	u64 attributes, xfam, eptp_controls, config_flags;
	u64 td_ctls, notify_enables;
	u16 tsc_frequency;
	u64 tsc_multiplier, tsc_offset;
	u64 td_epoch;
	u16 refcount[2];	/* atomic: vCPUs inside, by parity of the epoch they entered in */
	u64 hp_lock_timeout;
	u64 arch_capabilities;	/* virtual value */
	u8 topology_enum_configured;
	struct sha384 measurement;
	u8 tcb_svn[16];	/* of the module that initialised the TD */
	u8 mrtd[TDX_MR_BYTES], mrconfigid[TDX_MR_BYTES], mrowner[TDX_MR_BYTES], mrownerconfig[TDX_MR_BYTES];
	u8 rtmr[TDX_RTMR_COUNT][TDX_MR_BYTES];
	u8 servtd_hash[TDX_MR_BYTES];
	struct td_cpuid_value cpuid[TD_CPUID_ROWS];	/* by row of td_cpuid.c's table */
	u32 x2apic_ids[MODULE_MAX_VCPUS_PER_TD];
};
_Static_assert(sizeof(struct tdcs) <= 2 * PAGE_SIZE, "TDCS state is pages 0 and 1");

enum vcpu_state {
	VCPU_UNINITIALIZED = 0,
	VCPU_READY = 2,
	VCPU_ACTIVE = 4,
	VCPU_DISABLED = 8,
};

enum last_td_exit {
	LAST_EXIT_ASYNC_FAULT,
	LAST_EXIT_ASYNC_TRAP,
	LAST_EXIT_TDVMCALL,
};

#define VCPU_NO_LP 0xffffffffu

struct tdvps {
	struct ve_info ve;	/* CPU's #VE area: must be first */
	u8 ve_reserved[128 - sizeof(struct ve_info)];
	u64 tdr;	/* HPA */
	enum vcpu_state state;
	enum last_td_exit last_exit;
	u32 vcpu_index;
	u32 assoc_lp;	/* emu_cpu index or VCPU_NO_LP */
	u32 page_count;	/* with the TDVPR */
	u64 pages[16];	/* pages[0] is the TDVPR */
	u64 vcpu_epoch;
	u64 gpr[GPR_COUNT];	/* guest's, while outside; RSP in the VMCS */
	u64 tdvmcall_mask;	/* RCX of the TDVMCALL that exited */
	u64 xcr0, xss;
	u64 cr2, dr[4], dr6;
	u64 star, lstar, fmask, kernel_gs_base, tsc_aux, spec_ctrl;
	u64 uarch_misc_ctl, ds_area, umwait_control, tsx_ctrl;
	u32 notify_window;	/* instruction timeout as the host wrote it */
	u64 last_exit_tsc;
	u64 shared_eptp;	/* root as the host wrote it; 0: the TDCS zero page */
	u64 pid_hpa;	/* posted-interrupt descriptor, all ones: not set */
	u16 pid_vector;	/* 0xffff: not set */
	u8 posted_enabled;	/* pin control bit 7 */
	u8 pend_nmi;
	u8 vmcs_launched;
	u8 nmi_unblocking;
	u8 cpuid_supervisor_ve, cpuid_user_ve;
	u8 cpuid_control[TD_CPUID_ROWS];
	u64 merged_root;	/* HPA of our own page: private half of the SEPT root, shared half of the host's */
};
_Static_assert(sizeof(struct tdvps) <= PAGE_SIZE, "TDVPS state is the TDVPR page");

/** tdcs_of() - state pages are contiguous only by luck, so TDCS state is copied nowhere: pages 0 and 1 must be adjacent.
 * When the host donated two pages that are not adjacent, our own pair of pages stands in for them (td.c keeps the link). */
struct tdcs *tdcs_of(struct tdr *tdr);
/** tdcs_add_page() - note a donated page (MNG.ADDCX); tdcs_release() - our stand-in pair is free: the TDR is reclaimed */
void tdcs_add_page(struct tdr *tdr, u64 page);
void tdcs_release(struct tdr *tdr);
/** tdcs_page() - HPA of TDCS page @index (TDCS_PAGE_...) */
u64 tdcs_page(struct tdr *tdr, u32 index);

/* A TD operand that passed the checks: locked TDR, usable TDCS. */
struct td_ref {
	struct pamt_ref pamt;
	struct tdr *tdr;
	struct tdcs *tdcs;	/* NULL before six TDCS pages exist */
	bool op_state_locked;
};

/** td_take() - explicit TDR operand (tdx-host-td.md 2.3). No state check */
u64 td_take(u64 hpa, u32 operand, enum lock_mode mode, struct td_ref *ref);
/**
 * td_check_state() - the "state check" of 2.6: fatal, keys, TDCS complete, OP_STATE lock (if @lock_op_state), OP_STATE in
 * @allowed (bitmap of BIT(enum td_op_state))
 */
enum op_state_locking {
	OP_STATE_UNLOCKED,
	OP_STATE_SHARED,
};
u64 td_check_state(struct td_ref *ref, enum op_state_locking locking, u32 allowed);
void td_drop(struct td_ref *ref);

/* A vCPU operand: TDVPR locked, its TDR locked shared (implicit), TDCS. */
struct vp_ref {
	struct pamt_ref pamt;
	struct tdvps *tdvps;
	struct td_ref td;
};
/** vp_take() - explicit TDVPR operand plus implicit TDR @128 */
u64 vp_take(u64 hpa, u32 operand, enum lock_mode mode, enum lock_mode tdr_mode, struct vp_ref *ref);
/**
 * vp_associate() - 13.1: READY (or @also_disabled), this core's or nobody's; associates
 * VCPU_STATE_INCORRECT, VCPU_ASSOCIATED.
 */
u64 vp_associate(struct emu_cpu *cpu, struct vp_ref *ref, bool also_disabled);
void vp_drop(struct vp_ref *ref);

/** td_needs_tracking() - must a translation be blocked and tracked before it goes (7.6)? Not before the TD can run */
bool td_needs_tracking(const struct tdcs *tdcs);
/** td_shared_bit() - by CONFIG_FLAGS.GPAW; gpa_is_private() - SHARED bit and all bits above it clear */
u64 td_shared_bit(const struct tdcs *tdcs);
bool gpa_is_private(const struct tdcs *tdcs, u64 gpa);

#endif
