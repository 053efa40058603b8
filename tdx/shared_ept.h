/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared EPT of a TD: ordinary EPT tables in host memory, for GPAs with the SHARED bit.
 * Empty entries are 1 << 63 (exit to the host); MMIO entries are 0 (the CPU raises #VE in the TD). Host pages only,
 * HKID 0. One lock per tree; a change that takes rights away is followed by an INVEPT on all cores before the call
 * returns.
 */
#ifndef TDX_SHARED_EPT_H
#define TDX_SHARED_EPT_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "kernel/lock.h"

enum shared_access {
	SHARED_READ_ONLY,
	SHARED_READ_WRITE,
};

struct shared_ept {
	struct spinlock lock;
	hpa_t root;	/* (c) */
	u64 shared_bit;	/* (c) */
	u64 table_pages;	/* (l) pages held by the tables */
};

/** shared_ept_create() - an empty tree. @shared_bit: the TD's SHARED bit as a mask. -ENOMEM */
int __must_check shared_ept_create(struct shared_ept *ept, u64 shared_bit);
/** shared_ept_destroy() - free the tables (not the mapped pages) */
void shared_ept_destroy(struct shared_ept *ept);
/**
 * shared_ept_map() - @gpa and @hpa aligned to @level (4K or 2M). Replaces what is there, splitting a 2 MiB page.
 * -ENOMEM
 */
int __must_check shared_ept_map(struct shared_ept *ept, gpa_t gpa, hpa_t hpa, enum tdx_level level,
				enum shared_access access);
/** shared_ept_unmap() - back to "exit to the host". @bytes: 4 KiB multiple */
int __must_check shared_ept_unmap(struct shared_ept *ept, gpa_t gpa, u64 bytes);
/** shared_ept_set_mmio() - accesses in the range raise #VE. @bytes: 4 KiB multiple; uses large entries where aligned */
int __must_check shared_ept_set_mmio(struct shared_ept *ept, gpa_t gpa, u64 bytes);
/** shared_ept_lookup() - HPA behind @gpa, exact to the byte; false: not mapped as memory */
bool shared_ept_lookup(struct shared_ept *ept, gpa_t gpa, hpa_t *hpa);

#endif
