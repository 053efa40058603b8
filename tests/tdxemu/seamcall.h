/* SPDX-License-Identifier: BSD-2-Clause */
/* SEAMCALL: decoding, dispatch in the module's order, the table of host leaves. */
#ifndef TDXEMU_SEAMCALL_H
#define TDXEMU_SEAMCALL_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

/*
 * A host leaf. @gpr: the host's registers (enum gpr), changed in place exactly as the manual lists; RAX is the return
 * value.
 * Dispatcher checks (RAX reserved bits, version, module state) are done. Runs on @cpu with physical interrupts off.
 */
typedef u64 (*host_leaf)(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);

/** seamcall_exit() - the host executed 66 0F 01 CF at CPL 0 in 64-bit mode; advances its RIP or injects #GP/#UD */
void seamcall_exit(struct emu_cpu *cpu);

/** seamcall_dispatch() - the module's part: the leaf in RAX with @cpu's registers, a status in RAX */
void seamcall_dispatch(struct emu_cpu *cpu);

/** seamcall_exclusive() - @leaf with the global lock held exclusive; TDX_SYS_BUSY if it is not free */
u64 seamcall_exclusive(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version, host_leaf leaf);

/* Host leaves by family; each file holds its own. Status words are spec/tdx/status.h's, operands ORed in. */
u64 leaf_sys_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_lp_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_info(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_rdall(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_config(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_key_config(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_tdmr_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_lp_shutdown(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_shutdown(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_update(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_sys_disable(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_phymem_page_rdmd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_phymem_page_reclaim(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_phymem_pamt_add(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_phymem_pamt_remove(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_phymem_cache_wb(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_phymem_page_wbinvd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_create(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_key_config(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_addcx(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_wr(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_vpflushdone(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_key_freeid(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mng_key_reclaimid(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_vp_create(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_vp_addcx(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_vp_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_vp_flush(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_vp_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_vp_wr(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_vp_enter(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mr_extend(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mr_finalize(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_sept_add(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_sept_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_sept_remove(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_page_add(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_page_aug(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_range_block(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_range_unblock(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_track(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_page_remove(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_page_promote(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_page_demote(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);
u64 leaf_mem_page_relocate(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version);

#endif
