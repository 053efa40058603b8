/* SPDX-License-Identifier: BSD-2-Clause */
/* mbedTLS as Cella uses it: the SHA-2 functions, nothing else. */
#ifndef KERNEL_LIB_MBEDTLS_CONFIG_H
#define KERNEL_LIB_MBEDTLS_CONFIG_H

#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_SHA224_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_PLATFORM_ZEROIZE_ALT

#endif
