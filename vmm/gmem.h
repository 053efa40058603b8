/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's memory: which GPAs are RAM, which of them are shared, conversions, and copies to and from shared RAM.
 * Private RAM is backed on first touch (or ahead) by 2 MiB pages; shared RAM by host pages allocated when the guest
 * maps it. Guest-shared memory changes under our hands: copy once, then check.
 */
#ifndef VMM_GMEM_H
#define VMM_GMEM_H

#include "include/cella/types.h"
#include "kernel/lock.h"

struct guest;

struct gmem {
	struct spinlock lock;
	u64 low_bytes;	/* (c) RAM at GPA 0 */
	u64 high_bytes;	/* (c) RAM at 4 GiB */
	u64 *shared_map;	/* (l) bit per 4 KiB page of RAM: 1 = shared */
	u64 shared_map_pages;	/* (c) host pages that hold the map */
	u64 shared_pages;	/* (l) 4 KiB pages that are shared now */
	bool converting;	/* atomic: a task converts or maps shared pages */
};

enum gmem_half {
	GMEM_PRIVATE,
	GMEM_SHARED,
};

int __must_check gmem_create(struct guest *guest);
/** gmem_destroy() - shared pages and books back; private pages are td_destroy()'s */
void gmem_destroy(struct guest *guest);
/** gmem_is_ram() - the whole range is RAM of the guest */
bool gmem_is_ram(const struct guest *guest, gpa_t gpa, u64 bytes);
/**
 * gmem_convert() - MapGPA on RAM: move it to @half of the address space; 4 KiB multiples; idempotent
 * *@done: bytes converted, also when it stops early. -EAGAIN: busy, try again; -EINVAL: not RAM; -ENOMEM: no host page left
 */
int __must_check gmem_convert(struct guest *guest, gpa_t gpa, u64 bytes, enum gmem_half half, u64 *done);
/**
 * gmem_fault_private() - EPT violation or ACCEPT on private RAM: back it, @level as the guest asked where possible
 * -EINVAL: no RAM; -EPERM: the page is shared; -ENOMEM: TD pool exhausted; -EBUSY: enter again
 */
int __must_check gmem_fault_private(struct guest *guest, gpa_t gpa, u32 level);
/** gmem_fault_shared() - EPT violation on the shared half: back shared RAM without a mapping; -EINVAL: not shared RAM */
int __must_check gmem_fault_shared(struct guest *guest, gpa_t gpa);
/** gmem_read(), gmem_write() - copy from and to shared RAM, any alignment, any length. -EINVAL: not all is shared RAM */
int __must_check gmem_read(struct guest *guest, gpa_t gpa, void *to, u64 bytes);
int __must_check gmem_write(struct guest *guest, gpa_t gpa, const void *from, u64 bytes);
/** gmem_load_u16(), gmem_store_u16() - the same for two bytes at an even GPA, in one access: a ring's index is never seen
 *  half written. Loads acquire, stores release */
int __must_check gmem_load_u16(struct guest *guest, gpa_t gpa, u16 *value);
int __must_check gmem_store_u16(struct guest *guest, gpa_t gpa, u16 value);

#endif
