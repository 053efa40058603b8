/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-384: adapter of mbedTLS's sha512.c, the only file that includes the library's header. The library's calls can
 * fail only on a bad parameter, which this file never passes; their result is dropped for that reason.
 * Pure functions on the caller's state, any core, any context. Manual: FIPS 180-4, "SHA-384".
 */
#include "kernel/lib/sha384.h"

#include "kernel/lib/string.h"
#include "mbedtls/platform_util.h"
#include "mbedtls/sha512.h"

#define SHA384_VARIANT 1	/* the library's "is384" argument */

_Static_assert(sizeof(mbedtls_sha512_context) <= sizeof(struct sha384), "struct sha384 holds the library's context");

static mbedtls_sha512_context *context_of(struct sha384 *hash)
{
	return (mbedtls_sha512_context *)(void *)hash->state;
}

/** mbedtls_platform_zeroize() - asked for by the library: clear memory in a way the compiler does not remove */
void mbedtls_platform_zeroize(void *buffer, size_t bytes)
{
	volatile u8 *at = buffer;

	while (bytes--)
		*at++ = 0;
}

void sha384_start(struct sha384 *hash)
{
	mbedtls_sha512_init(context_of(hash));
	(void)mbedtls_sha512_starts(context_of(hash), SHA384_VARIANT);
}

void sha384_add(struct sha384 *hash, const void *data, size_t bytes)
{
	(void)mbedtls_sha512_update(context_of(hash), data, bytes);
}

void sha384_finish(struct sha384 *hash, u8 digest[SHA384_BYTES])
{
	u8 whole[64];	/* the library may write the full SHA-512 width */

	(void)mbedtls_sha512_finish(context_of(hash), whole);
	memcpy(digest, whole, SHA384_BYTES);
	mbedtls_sha512_free(context_of(hash));
}

void sha384_of(const void *data, size_t bytes, u8 digest[SHA384_BYTES])
{
	struct sha384 hash;

	sha384_start(&hash);
	sha384_add(&hash, data, bytes);
	sha384_finish(&hash, digest);
}
