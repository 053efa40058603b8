/* SPDX-License-Identifier: BSD-2-Clause */
/* Private KeyIDs: which exist, which are held; programming and release. One internal lock. */
#ifndef TDX_KEYID_H
#define TDX_KEYID_H

#include "include/cella/types.h"

/** keyid_init() - @first, @count: the private range; the first becomes the module's global KeyID */
void keyid_init(u16 first, u16 count);
hkid_t keyid_global(void);
/** keyid_alloc() - -ENOSPC: all private KeyIDs are in use, or leaked */
int __must_check keyid_alloc(hkid_t *hkid);
void keyid_free(hkid_t hkid);
/** keyid_leak() - never again: its TD could not be torn down. Logged and counted */
void keyid_leak(hkid_t hkid);
u32 keyid_total(void);
u32 keyid_in_use(void);
u32 keyid_leaked(void);
/** hpa_with_hkid() - the only place that builds a keyed address */
keyed_hpa_t hpa_with_hkid(hpa_t hpa, hkid_t hkid);

#endif
