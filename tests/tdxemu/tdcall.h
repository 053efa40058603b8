/* SPDX-License-Identifier: BSD-2-Clause */
/* TDCALL: the running TD, its leaves and what a leaf can end in. */
#ifndef TDXEMU_TDCALL_H
#define TDXEMU_TDCALL_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"
#include "tests/tdxemu/td.h"

/* One stay of a vCPU in its TD, on one core. */
struct td_run {
	struct emu_cpu *cpu;
	struct tdr *tdr;
	u64 tdr_hpa;
	struct tdcs *tdcs;
	struct tdvps *tdvps;
	u64 gpr[GPR_COUNT];	/* guest's live registers; RSP, RIP, RFLAGS in the VMCS */
	/* What TDH.VP.ENTER returns when the stay ends. */
	u64 exit_status;	/* status in 63:32, reason in 31:0 */
	u64 exit_qualification, exit_extended, exit_gpa, exit_interruption;
};

#define TDCALL_LAST_OPCODE 0xcc	/* 66 0F 01 CC */

enum tdcall_outcome {
	TDCALL_DONE,	/* status is RAX, RIP advances */
	TDCALL_EXIT,	/* stay ends; exit_* are filled, RIP stays */
	TDCALL_VE,	/* #VE was queued by td_ve.c, RIP stays */
	TDCALL_RESTART,	/* a physical event is pending: nothing changed, RIP stays, the guest goes on, exits */
};

typedef enum tdcall_outcome (*guest_leaf)(struct td_run *run, u32 version, u64 *status);

/* Guest leaves that work on module state (leaf_tdg.c). VP.VMCALL and VEINFO.GET are tdcall.c's own. */
enum tdcall_outcome tdg_vp_info(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_mr_rtmr_extend(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_mr_report(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_vp_cpuidve_set(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_mem_page_accept(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_vm_rd(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_vm_wr(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_vp_rd(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_vp_wr(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_sys_rd(struct td_run *run, u32 version, u64 *status);
enum tdcall_outcome tdg_sys_rdall(struct td_run *run, u32 version, u64 *status);

enum guest_access {
	GUEST_READ,
	GUEST_WRITE,
};
/**
 * td_operand() - host address of a GPA operand of a TDCALL (tdx-guest-abi.md 1.5); private or shared by its SHARED bit
 * @operand: for OPERAND_INVALID. Result TDCALL_DONE with @status 0 and @hpa, or TDCALL_DONE with an error status,
 * or EXIT/VE.
 * The pages of one operand never cross a page. Implemented in td_operand.c.
 */
enum tdcall_outcome td_operand(struct td_run *run, u64 gpa, enum guest_access access, u32 operand, u64 *hpa,
			       u64 *status);

/** tdcall_exit() - the TD executed 66 0F 01 CC; false: the stay ends (run->exit_* filled) */
bool tdcall_exit(struct td_run *run);

/** td_physical_event() - is a physical interrupt or NMI pending on this core (a restartable leaf must stop)? */
bool td_physical_event(struct td_run *run);

#endif
