/* SPDX-License-Identifier: BSD-2-Clause */
/* SEAM_SIGSTRUCT: what is signed about a TDX module, and P-SEAMLDR's opinion of it. Pure but for the CPU's family. */
#ifndef TDXEMU_SEAMLDR_SIGSTRUCT_H
#define TDXEMU_SEAMLDR_SIGSTRUCT_H

#include "include/cella/types.h"
#include "include/spec/tdx/seamldr.h"
#include "kernel/lib/sha384.h"
#include "tests/tdxemu/rsa.h"

#define SIGSTRUCT_MAX_CPUS 255

struct seam_sigstruct {
	u32 header_type, header_length, header_version;
	u32 module_type;	/* bit 31: debug-signed */
	u32 vendor, date;
	u32 words, key_words, modulus_words, exponent_words;
	u8 reserved_28[88];
	u8 modulus[RSA_BYTES];
	u32 exponent;
	u8 signature[RSA_BYTES];
	u8 seamhash[SHA384_BYTES];
	u8 svn_minor, svn_major;
	u64 attributes;
	u32 entry_point;
	u8 stack_pages, tls_pages;	/* each count less 1 */
	u16 keyhole_pages, global_pages;
	u8 reserved_3c8[16];	/* TDMR and PAMT sizes, which the machine's own module does not need */
	u16 module_hv, min_update_hv;
	u8 no_downgrade, reserved_3dd;
	u16 handoff_pages;	/* less 1 */
	u8 reserved_3e0[32];
	u32 cpu_count;
	u32 cpus[SIGSTRUCT_MAX_CPUS];
} __packed;
_Static_assert(sizeof(struct seam_sigstruct) == SEAM_SIGSTRUCT_BYTES, "SEAM_SIGSTRUCT is 2 KiB");
_Static_assert(offsetof(struct seam_sigstruct, signature) == SEAM_SIGSTRUCT_SIGNATURE &&
		       offsetof(struct seam_sigstruct, seamhash) == SEAM_SIGSTRUCT_SEAMHASH &&
		       offsetof(struct seam_sigstruct, module_hv) == SEAM_SIGSTRUCT_MODULE_HV &&
		       offsetof(struct seam_sigstruct, cpu_count) == SEAM_SIGSTRUCT_CPU_COUNT,
	       "SEAM_SIGSTRUCT layout");

/** sigstruct_check_form() - constant fields, trusted signer, not debug-signed: SEAMLDR_SUCCESS or EBADSIG */
u64 sigstruct_check_form(const struct seam_sigstruct *sig);
/** sigstruct_check_origin() - made for this CPU (EUNSUPCPU), and the signature (EBADSIG) */
u64 sigstruct_check_origin(const struct seam_sigstruct *sig);

#endif
