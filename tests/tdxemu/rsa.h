/* SPDX-License-Identifier: BSD-2-Clause */
/* RSA-3072 signatures with public exponent 65537, as SEAM_SIGSTRUCT has them. Pure functions. */
#ifndef TDXEMU_RSA_H
#define TDXEMU_RSA_H

#include "include/cella/types.h"
#include "kernel/lib/sha384.h"

#define RSA_BYTES 384

/**
 * rsa_verify_sha384() - is @signature a PKCS#1 v1.5 signature of a message with SHA-384 @digest?
 * @modulus, @signature: numbers, lowest byte first. An even modulus or a signature above it verifies nothing.
 */
bool rsa_verify_sha384(const u8 modulus[RSA_BYTES], const u8 signature[RSA_BYTES], const u8 digest[SHA384_BYTES]);

#endif
