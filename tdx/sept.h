/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure EPT of a TD: private memory in and out, 2 MiB pages wherever alignment allows.
 * Adding takes the TD's memory lock shared in spirit (many vCPUs may fault at once), removing exclusively; both retry
 * what the module reports as busy. Pages come from and return to the TD pool.
 */
#ifndef TDX_SEPT_H
#define TDX_SEPT_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "tdx/td.h"

/** sept_create() - empty books for a new TD. @root_level: of the root's entries, see EPTP_CONTROLS. -ENOMEM */
int __must_check sept_create(struct td *td, enum tdx_level root_level);
/**
 * sept_copy_page() - TDH.MEM.PAGE.ADD of one 4 KiB page, building missing tables. Only td_add_page()
 * @source: host page in the direct map. -EEXIST: the GPA is already backed; -ENOMEM; -EBUSY; -EIO
 */
int __must_check sept_copy_page(struct td *td, gpa_t gpa, hpa_t source);
/**
 * sept_add_memory() - TDH.MEM.PAGE.AUG of one page, building missing tables
 * @gpa: aligned to @level. @level: TDX_LEVEL_4K or TDX_LEVEL_2M
 * 0 also when the GPA is already backed (another vCPU was faster, or a larger page covers it). -ENOMEM: pool exhausted,
 * or no 2 MiB page can be put there: no block is free, or 4 KiB pages already lie in it (the caller falls back to 4
 * KiB). -EBUSY after bounded retries: enter again and retry. -EINVAL: misaligned or not a private GPA. -EPERM: wrong TD
 * state. -EIO.
 */
int __must_check sept_add_memory(struct td *td, gpa_t gpa, enum tdx_level level);
/**
 * sept_remove_memory() - block, track, kick the TD's vCPUs, remove, write back, clear, back to the pool
 * @gpa, @bytes: 4 KiB multiples. Parts that are not backed are skipped. A 2 MiB page that is only partly covered is
 * split first (TDH.MEM.PAGE.DEMOTE). From a vCPU's own task (it is outside the TD) or while the TD is being built or
 * destroyed.
 */
int __must_check sept_remove_memory(struct td *td, gpa_t gpa, u64 bytes);
/** sept_is_backed() - does private memory back this GPA? */
bool sept_is_backed(struct td *td, gpa_t gpa);
/** sept_reclaim_all() - only td_destroy(), state TEARDOWN: every private and SEPT page back to the pool */
void sept_reclaim_all(struct td *td);

#endif
