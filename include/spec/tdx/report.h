/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDREPORT_STRUCT and the #VE information area.
 * Manual: TDX Module ABI, "TDREPORT_STRUCT"; "VE_INFO".
 */
#ifndef SPEC_TDX_REPORT_H
#define SPEC_TDX_REPORT_H

#include "include/cella/types.h"

#define TDREPORT_BYTES 1024
#define TDREPORT_ALIGN 1024
#define TDREPORT_DATA_BYTES 64
#define TDREPORT_TYPE_TDX 0x81
#define TDX_RTMR_COUNT 4
#define TDX_MR_BYTES 48

struct tdreport {
	/* REPORTMACSTRUCT, 256 bytes */
	u8 type;
	u8 subtype;
	u8 version;
	u8 reserved_3[13];
	u8 cpusvn[16];
	u8 tee_tcb_info_hash[48];
	u8 tee_info_hash[48];
	u8 report_data[TDREPORT_DATA_BYTES];
	u8 reserved_192[32];
	u8 mac[32];
	/* TEE_TCB_INFO, 239 bytes used */
	u64 valid;
	u8 tee_tcb_svn[16];
	u8 mrseam[48];
	u8 mrsignerseam[48];
	u64 tcb_attributes;
	u8 tee_tcb_svn2[16];
	u8 reserved_400[112];
	/* TDINFO, 512 bytes */
	u64 attributes;
	u64 xfam;
	u8 mrtd[TDX_MR_BYTES];
	u8 mrconfigid[TDX_MR_BYTES];
	u8 mrowner[TDX_MR_BYTES];
	u8 mrownerconfig[TDX_MR_BYTES];
	u8 rtmr[TDX_RTMR_COUNT][TDX_MR_BYTES];
	u8 servtd_hash[TDX_MR_BYTES];
	u8 reserved_960[64];
} __packed;
_Static_assert(sizeof(struct tdreport) == TDREPORT_BYTES, "TDREPORT is 1024 bytes");
_Static_assert(offsetof(struct tdreport, mac) == 224 && offsetof(struct tdreport, attributes) == 512, "TDREPORT layout");

/* The CPU's #VE information area, at the start of the TDVPR page. */
struct ve_info {
	u32 exit_reason;
	u32 valid;	/* 0: free; all ones: holds unread information */
	u64 exit_qualification;
	u64 gla;
	u64 gpa;
	u16 eptp_index;
	u16 reserved_34;
	u32 instruction_bytes;	/* length */
	u32 instruction_info;
} __packed;
#define VE_INFO_VALID 0xffffffffu

/* MRTD: one 128-byte record per operation. */
#define MRTD_RECORD_BYTES 128
#define MRTD_RECORD_GPA_OFFSET 16
#define MRTD_PAGE_ADD "MEM.PAGE.ADD"
#define MRTD_EXTEND "MR.EXTEND"
#define MRTD_CHUNK_BYTES 256

#endif
