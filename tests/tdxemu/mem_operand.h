/* SPDX-License-Identifier: BSD-2-Clause */
/* What the memory leaves have in common: RCX = GPA and level, RDX = TDR, checks and locks in the manual's order. */
#ifndef TDXEMU_MEM_OPERAND_H
#define TDXEMU_MEM_OPERAND_H

#include "tests/tdxemu/sept.h"

#define MEM_LEVEL_ROOT TDX_LEVEL_256T	/* "up to the root's entries" */
#define MEM_BUILD_OR_RUN (BIT(OP_INITIALIZED) | BIT(OP_RUNNABLE))

/* A Secure EPT entry that the leaf may change: TD, OP_STATE, tree and entry are locked. */
struct mem_operand {
	struct td_ref td;
	u64 gpa;
	enum tdx_level level;
	struct sept_walk walk;
	u64 entry;	/* as read under the lock */
	enum sept_state state;
	enum lock_mode tree_mode;
	bool tree_locked, entry_locked;
};

/**
 * mem_take() - the common front end (tdx-host-td.md 8)
 * @gpr: RCX is the input, RCX and RDX are set to 0 or entry information. @tdr: HPA, RDX without the leaf's flag bits.
 * @lowest, @highest: levels the leaf accepts. TDX_SUCCESS, then mem_drop(); or the status, nothing held.
 */
u64 mem_take(u64 gpr[GPR_COUNT], u64 tdr, enum tdx_level lowest, enum tdx_level highest, enum lock_mode tree_mode,
	     struct mem_operand *mem);
/** mem_parse() - the GPA and level in @rcx: form, alignment, private; OPERAND_INVALID(RCX) */
u64 mem_parse(const struct tdcs *tdcs, u64 rcx, enum tdx_level lowest, enum tdx_level highest, u64 *gpa,
	      enum tdx_level *level);
/** mem_refuse() - @status about the entry: fill RCX and RDX with its information */
u64 mem_refuse(const struct mem_operand *mem, u64 gpr[GPR_COUNT], u64 status);
/**
 * mem_check_tracked() - may the translation go? @page: what it maps
 * 0, GPA_RANGE_NOT_BLOCKED or TLB_TRACKING_NOT_DONE, for RCX.
 */
u64 mem_check_tracked(const struct mem_operand *mem, const struct pamt_entry *page, u64 gpr[GPR_COUNT]);
void mem_drop(struct mem_operand *mem);

#endif
