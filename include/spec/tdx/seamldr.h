/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-SEAMLDR: status words, structures its leaves read and write, and the file a TDX module comes in. Leaf numbers are in
 * leaf.h. All structures are little endian; addresses are HPAs.
 *
 * Facts: P-SEAMLDR Interface Specification, "SEAMLDR.INFO", "SEAMLDR.INSTALL", "SEAMLDR.SEAMINFO"; TDX module loader,
 * "SEAM_SIGSTRUCT", "TDX module blob".
 */
#ifndef SPEC_TDX_SEAMLDR_H
#define SPEC_TDX_SEAMLDR_H

#include "include/cella/types.h"

/* SEAMLDR_STATUS_LIST(X): X(name without SEAMLDR_, value). These are not TDX module statuses, whatever they look like. */
/* clang-format off */
#define SEAMLDR_STATUS_LIST(X) \
	X(SUCCESS, 0x0000000000000000ull) \
	X(EBADPARAM, 0x8000000000000000ull) \
	X(EBADCALL, 0x8000000000000003ull) \
	X(EBADHANDOFF, 0x8000000000000004ull) \
	X(ECLEANUPREQ, 0x8000000000000005ull) \
	X(EUNSUPPORTED, 0x8000000000000006ull) \
	X(ENOMEM, 0x8000000000010002ull) \
	X(EUNSPECERR, 0x8000000000010003ull) \
	X(EUNSUPCPU, 0x8000000000010004ull) \
	X(EBADSIG, 0x8000000000020000ull) \
	X(EBADHASH, 0x8000000000020001ull) \
	X(EINTERRUPT, 0x8000000000030000ull) \
	X(ENOENTROPY, 0x8000000000030001ull)
/* clang-format on */

#define SEAMLDR_STATUS_CODE(name, code) SEAMLDR_##name = code,
enum seamldr_status { SEAMLDR_STATUS_LIST(SEAMLDR_STATUS_CODE) };
#undef SEAMLDR_STATUS_CODE

enum {
	SEAMLDR_INFO_BYTES = 256,	/* and alignment */
	SEAMLDR_SEAMINFO_BYTES = 2048,	/* and alignment */
	SEAMLDR_MAX_MODULE_PAGES = 496,
	SEAMLDR_SCENARIO_LOAD = 0,
	SEAMLDR_SCENARIO_UPDATE = 1,	/* keep the handoff data, and with it the TDs */
	SEAMLDR_SEAMINFO_SOCKETS = 8,
	SEAMLDR_SEAMINFO_CMRS = 32,
};

struct seamldr_info {
	u32 version;
	u32 attributes;	/* bit 31: debug build */
	u32 vendor;
	u32 build_date;
	u16 build_num, minor, major, update;
	u32 shutdown_apic_id;	/* LP that must do the last SEAMLDR.SHUTDOWN */
	u32 remaining_updates;	/* since 1.5 */
	u64 seamextend_valid;
	u8 tee_tcb_svn[16];
	u8 mrseam[48];
	u8 mrsigner[48];
	u64 seam_attributes;
	u8 seam_ready;	/* a TDX module is loaded */
	u8 under_debug;
	u8 p_seamldr_ready;
	u8 reserved_163[5];
	u64 features;	/* SEAMLDR_FEATURE_... */
	u8 reserved_176[80];
} __packed;
_Static_assert(sizeof(struct seamldr_info) == SEAMLDR_INFO_BYTES, "SEAMLDR_INFO is 256 bytes");
_Static_assert(offsetof(struct seamldr_info, seam_ready) == 0xa0, "SEAMLDR_INFO.SEAM_READY");

#define SEAMLDR_ATTRIBUTE_DEBUG BIT(31)
#define SEAMLDR_FEATURE_S4_MIGRATION BIT(0)
#define SEAMLDR_FEATURE_CLEANUP BIT(1)

struct seamldr_seaminfo {
	u64 version;
	u32 lp_count;	/* LPs that firmware counted */
	u32 socket_count;
	u32 socket_fms[SEAMLDR_SEAMINFO_SOCKETS];	/* CPUID.1:EAX */
	u64 seamldr_base, seamldr_bytes;
	u8 skip_smrr2, no_integrity;
	u8 reserved_66[62];
	struct {
		u64 base, bytes;	/* bytes 0: no CMR */
	} cmrs[SEAMLDR_SEAMINFO_CMRS];
	u8 reserved_640[1408];
} __packed;
_Static_assert(sizeof(struct seamldr_seaminfo) == SEAMLDR_SEAMINFO_BYTES, "SEAMLDR_SEAMINFO is 2 KiB");

struct seamldr_params {
	u32 version;
	u32 scenario;
	u64 sigstruct;	/* HPA, 4 KiB aligned */
	u8 reserved_16[104];
	u64 module_page_count;
	u64 module_pages[SEAMLDR_MAX_MODULE_PAGES];	/* HPAs of the image's 4 KiB pages, in image order */
} __packed;
_Static_assert(sizeof(struct seamldr_params) == 4096, "SEAMLDR_PARAMS is one page");

/* SEAM_SIGSTRUCT, the parts that a host or a loader looks at by offset. */
enum {
	SEAM_SIGSTRUCT_BYTES = 2048,
	SEAM_SIGSTRUCT_MODULE_TYPE = 0x00c,	/* u32, bit 31: debug-signed */
	SEAM_SIGSTRUCT_VENDOR = 0x010,	/* u32 */
	SEAM_SIGSTRUCT_DATE = 0x014,	/* u32, BCD yyyymmdd */
	SEAM_SIGSTRUCT_MODULUS = 0x080,	/* 384 bytes */
	SEAM_SIGSTRUCT_EXPONENT = 0x200,	/* u32, 0x10001 */
	SEAM_SIGSTRUCT_SIGNATURE = 0x204,	/* 384 bytes */
	SEAM_SIGSTRUCT_SEAMHASH = 0x384,	/* SHA-384 of the image pages */
	SEAM_SIGSTRUCT_SVN_MINOR = 0x3b4,	/* u8, then the major one */
	SEAM_SIGSTRUCT_SVN_MAJOR = 0x3b5,
	SEAM_SIGSTRUCT_MODULE_HV = 0x3d8,	/* u16 */
	SEAM_SIGSTRUCT_MIN_UPDATE_HV = 0x3da,	/* u16 */
	SEAM_SIGSTRUCT_NO_DOWNGRADE = 0x3dc,	/* u8 */
	SEAM_SIGSTRUCT_CPU_COUNT = 0x400,	/* u32, at most 255 */
	SEAM_SIGSTRUCT_CPUS = 0x404,	/* u32 each: CPUID.1:EAX, stepping ignored */
};

/* The file: this header padded to 4 KiB, pages with the SEAM_SIGSTRUCT, pages of the module. */
#define TDX_BLOB_SIGNATURE "TDX-BLOB"
enum {
	TDX_BLOB_HEADER_BYTES = 4096,
	TDX_BLOB_VERSION_1 = 0x100,	/* one sigstruct page; module_offset, total_bytes */
	TDX_BLOB_VERSION_2 = 0x200,	/* sigstruct_pages, module_pages */
};

struct tdx_blob_v1 {
	u16 version;
	u16 checksum;	/* the file's 16-bit words add up to 0 */
	u32 module_offset;	/* of the module's first page in the file */
	char signature[8];
	u32 total_bytes;
} __packed;

struct tdx_blob_v2 {
	u16 version;
	u16 checksum;
	char signature[8];
	u32 sigstruct_pages;
	u32 module_pages;
} __packed;

#endif
