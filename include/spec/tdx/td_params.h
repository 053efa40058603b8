/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TD_PARAMS, the input of TDH.MNG.INIT, and the bits of ATTRIBUTES, XFAM, EPTP_CONTROLS and CONFIG_FLAGS.
 * Manual: TDX Module ABI, "TD_PARAMS".
 */
#ifndef SPEC_TDX_TD_PARAMS_H
#define SPEC_TDX_TD_PARAMS_H

#include "include/cella/types.h"

#define TD_PARAMS_BYTES 1024	/* also its alignment */
#define TD_PARAMS_MAX_CPUID_CONFIG 48	/* entries that fit */

#define TD_ATTR_DEBUG BIT(0)
#define TD_ATTR_LASS BIT(27)
#define TD_ATTR_SEPT_VE_DISABLE BIT(28)
#define TD_ATTR_MIGRATABLE BIT(29)
#define TD_ATTR_PKS BIT(30)
#define TD_ATTR_PERFMON BIT(63)

#define TD_XFAM_X87 BIT(0)
#define TD_XFAM_SSE BIT(1)
#define TD_XFAM_AVX BIT(2)
#define TD_XFAM_AVX512 (BIT(5) | BIT(6) | BIT(7))
#define TD_XFAM_PT BIT(8)
#define TD_XFAM_PKRU BIT(9)
#define TD_XFAM_CET (BIT(11) | BIT(12))
#define TD_XFAM_UINTR BIT(14)
#define TD_XFAM_LBR BIT(15)
#define TD_XFAM_AMX (BIT(17) | BIT(18))
#define TD_XFAM_USER_MASK 0x000602ffull	/* the part that goes to XCR0 */
#define TD_XFAM_SUPERVISOR_MASK 0x0001fd00ull	/* the part that goes to IA32_XSS */

#define TD_EPTP_WB 6ull
#define TD_EPTP_WALK_SHIFT 3
#define TD_EPTP_WALK_4_LEVELS (3ull << TD_EPTP_WALK_SHIFT)
#define TD_EPTP_WALK_5_LEVELS (4ull << TD_EPTP_WALK_SHIFT)

#define TD_CONFIG_GPAW BIT(0)	/* 0: SHARED bit is GPA[47]; 1: GPA[51] */
#define TD_CONFIG_FLEXIBLE_PENDING_VE BIT(1)
#define TD_CONFIG_NO_RBP_MOD BIT(2)

#define TD_TSC_UNIT_HZ 25000000u
#define TD_TSC_FREQUENCY_MIN 4
#define TD_TSC_FREQUENCY_MAX 400

#define TD_ARCH_CAPABILITIES_CONFIGURABLE 0x01180010ull	/* SSB_NO, RRSBA, BHI_NO, PBRSB_NO */

#define TD_CTLS_PENDING_VE_DISABLE BIT(0)
#define TD_CTLS_ENUM_TOPOLOGY BIT(1)

struct td_cpuid_value {
	u32 eax, ebx, ecx, edx;
};

struct td_params {
	u64 attributes;
	u64 xfam;
	u16 max_vcpus;
	u8 num_l2_vms;
	u8 msr_config_ctls;
	u32 reserved_20;
	u64 eptp_controls;
	u64 config_flags;
	u16 tsc_frequency;	/* units of 25 MHz */
	u8 reserved_42[38];
	u8 mrconfigid[48];
	u8 mrowner[48];
	u8 mrownerconfig[48];
	u64 arch_capabilities_config;
	u8 reserved_232[24];
	struct td_cpuid_value cpuid[TD_PARAMS_MAX_CPUID_CONFIG];	/* order of the module's CPUID_CONFIG list */
} __packed __aligned(TD_PARAMS_BYTES);
_Static_assert(sizeof(struct td_params) == TD_PARAMS_BYTES, "TD_PARAMS is 1024 bytes");
_Static_assert(offsetof(struct td_params, mrconfigid) == 80, "TD_PARAMS.MRCONFIGID");
_Static_assert(offsetof(struct td_params, cpuid) == 256, "TD_PARAMS.CPUID_CONFIG");

#endif
