/* SPDX-License-Identifier: BSD-2-Clause */
/* What the TDX module says about itself: global metadata read once by TDH.SYS.RD. */
#ifndef TDX_SYSINFO_H
#define TDX_SYSINFO_H

#include "include/cella/types.h"
#include "include/spec/tdx/td_params.h"
#include "include/spec/tdx/tdmr.h"

#define TDX_MAX_CPUID_CONFIG 32

struct tdx_cpuid_config {
	u32 leaf;
	u32 subleaf;	/* 0xffffffff: none */
	struct td_cpuid_value configurable;	/* bits the host may set */
};

struct tdx_sysinfo {
	u32 vendor_id, build_date;	/* yyyymmdd, binary */
	u16 build_num, major, minor, update;
	u32 sys_attributes;
	u64 features0;
	u16 max_tdmrs, max_reserved_per_tdmr;
	u16 pamt_4k_entry_bytes, pamt_2m_entry_bytes, pamt_1g_entry_bytes;
	u8 pamt_bitmap_bits;	/* dynamic PAMT: bits per 4 KiB page; 0: the module has none */
	u16 tdr_bytes, tdcs_bytes, tdvps_bytes;
	u64 attributes_fixed0, attributes_fixed1, xfam_fixed0, xfam_fixed1;
	u16 max_vcpus_per_td;
	u16 module_hv;	/* hand-off version that it writes when it is replaced */
	u16 cpuid_config_count;
	struct tdx_cpuid_config cpuid_config[TDX_MAX_CPUID_CONFIG];
	u32 cmr_count;
	struct tdx_cmr cmrs[TDX_MAX_CMRS];	/* valid ones only, ascending */
};

/** tdx_sysinfo() - constant after bring-up; all zero while no module answered */
const struct tdx_sysinfo *tdx_sysinfo(void);
/** tdx_sysinfo_read() - read and log it. After TDH.SYS.LP.INIT on this core. -EIO with the field's name in the log */
int __must_check tdx_sysinfo_read(void);
/** tdx_sysinfo_report() - all of it for the operator. @line: takes a line without its end */
void tdx_sysinfo_report(void (*line)(const char *text));

/**
 * sysinfo_store() - put a value that the module returned into a field of @bytes
 * @field: metadata field id, whose element size must be @bytes. -EINVAL: it is not; -ERANGE: the value needs more. Pure
 */
int __must_check sysinfo_store(u64 field, u64 value, void *destination, u32 bytes);

#endif
