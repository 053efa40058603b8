/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC-SHA-256 on mbedTLS's sha256.c. The library's calls fail only on bad parameters, which this file never passes;
 * their results are dropped for that reason. Pure. Manual: RFC 2104; FIPS 180-4, "SHA-256".
 */
#include "tests/tdxemu/hmac_sha256.h"

#include "kernel/lib/string.h"
#include "mbedtls/sha256.h"

#define SHA256_VARIANT 0	/* the library's "is224" argument */
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static void hash_two(const u8 first[SHA256_BLOCK_BYTES], const void *second, size_t bytes, u8 digest[SHA256_BYTES])
{
	mbedtls_sha256_context context;

	mbedtls_sha256_init(&context);
	(void)mbedtls_sha256_starts(&context, SHA256_VARIANT);
	(void)mbedtls_sha256_update(&context, first, SHA256_BLOCK_BYTES);
	(void)mbedtls_sha256_update(&context, second, bytes);
	(void)mbedtls_sha256_finish(&context, digest);
	mbedtls_sha256_free(&context);
}

void hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t bytes, u8 mac[SHA256_BYTES])
{
	u8 inner[SHA256_BLOCK_BYTES], outer[SHA256_BLOCK_BYTES], digest[SHA256_BYTES];

	memset(inner, 0, sizeof(inner));
	memcpy(inner, key, key_bytes);
	for (u32 i = 0; i < SHA256_BLOCK_BYTES; i++) {
		outer[i] = inner[i] ^ OUTER_PAD;
		inner[i] ^= INNER_PAD;
	}
	hash_two(inner, data, bytes, digest);
	hash_two(outer, digest, sizeof(digest), mac);
}
