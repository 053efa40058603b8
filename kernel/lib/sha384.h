/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-384; the one place that knows mbedTLS's sha512.c. Used by Cella (MRTD), tdshim (RTMRs) and the tests' machine. */
#ifndef KERNEL_LIB_SHA384_H
#define KERNEL_LIB_SHA384_H

#include "include/cella/types.h"

#define SHA384_BYTES 48

struct sha384 {
	u64 state[32];	/* large enough for the library's context; checked by a static_assert in sha384.c */
};

void sha384_start(struct sha384 *hash);
void sha384_add(struct sha384 *hash, const void *data, size_t bytes);
void sha384_finish(struct sha384 *hash, u8 digest[SHA384_BYTES]);
/** sha384_of() - the three in one */
void sha384_of(const void *data, size_t bytes, u8 digest[SHA384_BYTES]);

#endif
