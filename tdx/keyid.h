/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private KeyIDs: which exist, which are held; what has to happen once per package; the lock of the module's KeyID
 * table. One internal lock for the books; any core.
 */
#ifndef TDX_KEYID_H
#define TDX_KEYID_H

#include "include/cella/types.h"

#define KEYID_LIMIT 2048	/* entries of the module's key ownership table */

/**
 * keyid_init() - @first, @count: the private range; the first becomes the module's global KeyID
 * @address_bit: lowest bit of the KeyID in a physical address. Boot core, before any TD; @count >= 2, within
 * KEYID_LIMIT.
 */
void keyid_init(u16 first, u16 count, u32 address_bit);
hkid_t keyid_global(void);
/** keyid_alloc() - -ENOSPC: all private KeyIDs are in use, or leaked */
int __must_check keyid_alloc(hkid_t *hkid);
void keyid_free(hkid_t hkid);
/** keyid_leak() - never again: its TD could not be torn down. Logged and counted */
void keyid_leak(hkid_t hkid);
/** keyid_total() - KeyIDs for TDs, without the global one; keyid_in_use() - held by TDs; keyid_leaked() - lost
 * for good
 */
u32 keyid_total(void);
u32 keyid_in_use(void);
u32 keyid_leaked(void);
/** hpa_with_hkid() - the only place that builds a keyed address */
keyed_hpa_t hpa_with_hkid(hpa_t hpa, hkid_t hkid);

/**
 * keyid_table_lock() - one TD at a time in the leaves that take the module's KeyID table (KOT) or a package's flush
 * mutex. Tasks only: a waiting task yields its core, and the holder may use cpu_call().
 */
void keyid_table_lock(void);
void keyid_table_unlock(void);
/**
 * keyid_on_each_package() - run fn(arg) on one core of every package, one package after the other
 * Task with interrupts on. 0, or the first non-zero result; the packages behind it are not visited.
 */
int keyid_on_each_package(int (*fn)(void *arg), void *arg);

#endif
