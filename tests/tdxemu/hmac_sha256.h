/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC-SHA-256; the one place of this program that knows mbedTLS's sha256.c. */
#ifndef TDXEMU_HMAC_SHA256_H
#define TDXEMU_HMAC_SHA256_H

#include "include/cella/types.h"

#define SHA256_BYTES 32
#define SHA256_BLOCK_BYTES 64

/** hmac_sha256() - MAC of @bytes bytes at @data; @key_bytes at most SHA256_BLOCK_BYTES */
void hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t bytes, u8 mac[SHA256_BYTES]);

#endif
