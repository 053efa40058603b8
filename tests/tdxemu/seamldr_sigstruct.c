/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of SEAM_SIGSTRUCT that need no knowledge of what is loaded.
 *
 * The machine trusts one key, tests/system/mkmodule.py's "module signer": a test key whose private part is public. Like
 * production parts it takes no debug-signed module. Signed are the 128 bytes before the key and all behind the signature.
 * Callers: SEAMLDR.INSTALL on the last core. Manual: tdx-host-system.md 10.5 steps 2 and 4, 10.7.
 */
#include "tests/tdxemu/seamldr_sigstruct.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/seamldr.h"
#include "tests/tdxemu/td_cpuid.h"

#define HEADER_TYPE 6
#define HEADER_LENGTH 0xe1
#define HEADER_VERSION 0x10000
#define VENDOR_INTEL 0x8086
#define EXPONENT 0x10001
#define FMS_STEPPING 0xfu

/* SHA-384 of the modulus: `mkmodule.py - --signer`. */
static const u8 mrsigner[SHA384_BYTES] = {
	0xb8, 0x7a, 0x09, 0x87, 0x25, 0xad, 0x19, 0x7e, 0xbe, 0xb9, 0x09, 0x37, 0x62, 0x9b, 0x39, 0x97,
	0x4b, 0xba, 0x52, 0x88, 0x83, 0x47, 0x14, 0x74, 0x15, 0x33, 0xb9, 0x9c, 0xca, 0x9e, 0xdd, 0x48,
	0x94, 0x54, 0xd2, 0xd0, 0xa1, 0x25, 0x6a, 0x97, 0xe4, 0x62, 0xfc, 0xfa, 0xab, 0x14, 0xb1, 0x12,
};

static bool is_zero(const u8 *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

u64 sigstruct_check_form(const struct seam_sigstruct *sig)
{
	u8 signer[SHA384_BYTES];

	if (sig->header_type != HEADER_TYPE || sig->header_length != HEADER_LENGTH ||
	    sig->header_version != HEADER_VERSION || sig->vendor != VENDOR_INTEL ||
	    sig->words != SEAM_SIGSTRUCT_BYTES / sizeof(u32) || sig->key_words != RSA_BYTES / sizeof(u32) ||
	    sig->modulus_words != RSA_BYTES / sizeof(u32) || sig->exponent_words != 1 || sig->exponent != EXPONENT ||
	    sig->attributes != 0 || sig->cpu_count > SIGSTRUCT_MAX_CPUS ||
	    !is_zero(sig->reserved_28, sizeof(sig->reserved_28)))
		return SEAMLDR_EBADSIG;
	sha384_of(sig->modulus, sizeof(sig->modulus), signer);
	/* A module type other than 0 is debug-signed, and this part is not unlocked for debugging. */
	if (memcmp(signer, mrsigner, sizeof(mrsigner)) != 0 || sig->module_type != 0)
		return SEAMLDR_EBADSIG;
	return SEAMLDR_SUCCESS;
}

static bool supports(const struct seam_sigstruct *sig, u32 fms)
{
	for (u32 i = 0; i < sig->cpu_count; i++)
		if ((sig->cpus[i] & ~FMS_STEPPING) == (fms & ~FMS_STEPPING))
			return true;
	return false;
}

u64 sigstruct_check_origin(const struct seam_sigstruct *sig)
{
	struct sha384 hash;
	u8 digest[SHA384_BYTES];

	/* All sockets of this machine hold the same CPU. */
	if (!supports(sig, td_platform_fms()))
		return SEAMLDR_EUNSUPCPU;
	sha384_start(&hash);
	sha384_add(&hash, sig, SEAM_SIGSTRUCT_MODULUS);
	sha384_add(&hash, sig->seamhash, SEAM_SIGSTRUCT_BYTES - SEAM_SIGSTRUCT_SEAMHASH);
	sha384_finish(&hash, digest);
	return rsa_verify_sha384(sig->modulus, sig->signature, digest) ? SEAMLDR_SUCCESS : SEAMLDR_EBADSIG;
}
