/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.MNG.INIT: TD_PARAMS into the TDCS.
 *
 * TD_PARAMS is shared memory the host may change meanwhile, so it is copied once, into the last kilobyte of the TDCS
 * state pages, which the TDCS structure leaves free. As in the real module the TDCS is written while checks go on;
 * until the last one passed OP_STATE stays UNINITIALIZED and the leaf may be repeated.
 * Any core, TDR held exclusively. Manual: TDX Module ABI, "TDH.MNG.INIT Leaf", "TD_PARAMS"; tdx-host-td.md 4, 5.4.
 */
#include "tests/tdxemu/seamcall.h"

#include "arch/x86/insn.h"
#include "include/spec/tdx/metadata.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/td.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/td_msr.h"
#include "tests/tdxemu/vmx.h"

#define MSR_CTLS_ARCH_CAPABILITIES BIT(0)	/* MSR_CONFIG_CTLS: the configuration field is used */
#define ARCH_CAPABILITIES_RRSBA BIT(19)
#define ARCH_CAPABILITIES_VISIBLE 0x000000000118f1ffull	/* native bits a TD may see */
#define CPUID_7_EBX_RTM (1u << 11)
#define HP_LOCK_TIMEOUT_DEFAULT_US 1000000
#define TSC_MULTIPLIER_FRACTION_BITS 48
#define FIRST_TD_EPOCH 1
#define EPTP_WALK_MASK (7ull << TD_EPTP_WALK_SHIFT)

_Static_assert(sizeof(struct tdcs) <= 2 * PAGE_SIZE - TD_PARAMS_BYTES, "room for a copy of TD_PARAMS behind the TDCS");

static struct td_params *params_copy(struct tdcs *tdcs)
{
	return (struct td_params *)(void *)((u8 *)tdcs + 2 * PAGE_SIZE - TD_PARAMS_BYTES);
}

static bool all_zero(const void *data, u64 bytes)
{
	const u8 *at = data;

	for (u64 i = 0; i < bytes; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static u64 value_of(u64 field)
{
	u64 value, next;

	(void)metadata_sys_read(MD_HOST, field, &value, &next);
	return value;
}

static bool fits_fixed(u64 value, u64 fixed0_field, u64 fixed1_field)
{
	u64 fixed1 = value_of(fixed1_field);

	return (value & ~value_of(fixed0_field)) == 0 && (value & fixed1) == fixed1;
}

static bool all_or_none(u64 value, u64 mask)
{
	return (value & mask) == 0 || (value & mask) == mask;
}

static bool xfam_is_valid(u64 xfam)
{
	return fits_fixed(xfam, TDX_SYS_XFAM_FIXED0, TDX_SYS_XFAM_FIXED1) && all_or_none(xfam, TD_XFAM_AVX512) &&
	       ((xfam & TD_XFAM_AVX512) == 0 || (xfam & TD_XFAM_AVX) != 0) && all_or_none(xfam, TD_XFAM_CET) &&
	       all_or_none(xfam, TD_XFAM_AMX);
}

/* The machine's physical addresses end at 48 bits, so there is no 5-level tree and with that no GPAW. */
static bool eptp_is_valid(u64 eptp, u64 flags)
{
	u64 walk = eptp & EPTP_WALK_MASK;
	bool deep_enough = (flags & TD_CONFIG_GPAW) == 0 || walk == TD_EPTP_WALK_5_LEVELS;

	return (eptp & ~EPTP_WALK_MASK) == TD_EPTP_WB && walk == TD_EPTP_WALK_4_LEVELS && deep_enough;
}

static u64 check_features(const struct td_ref *td, const struct td_params *params)
{
	if (!fits_fixed(params->attributes, TDX_SYS_ATTRIBUTES_FIXED0, TDX_SYS_ATTRIBUTES_FIXED1))
		return INVALID(ATTRIBUTES);
	if (!xfam_is_valid(params->xfam))
		return INVALID(XFAM);
	if (params->max_vcpus == 0 || params->max_vcpus > MODULE_MAX_VCPUS_PER_TD)
		return INVALID(MAX_VCPUS);
	if (params->num_l2_vms > 0)
		return INVALID(NUM_L2_VMS);
	if (td->tdr->tdcx_count < MODULE_TDCS_PAGES)
		return TDX_TDCS_NOT_ALLOCATED;
	if (params->reserved_20 != 0)
		return INVALID(RDX);
	if (!fits_fixed(params->config_flags, TDX_SYS_CONFIG_FLAGS_FIXED0, TDX_SYS_CONFIG_FLAGS_FIXED1))
		return INVALID(EXEC_CONTROLS);
	if (!eptp_is_valid(params->eptp_controls, params->config_flags))
		return INVALID(EPTP_CONTROLS);
	if (params->tsc_frequency < TD_TSC_FREQUENCY_MIN || params->tsc_frequency > TD_TSC_FREQUENCY_MAX)
		return INVALID(TSC_FREQUENCY);
	return TDX_SUCCESS;
}

static u64 check_platform(const struct td_params *params)
{
	u64 tsc_adjust = 0;

	(void)msr_read_safe(IA32_TSC_ADJUST, &tsc_adjust);
	if (tsc_adjust != module.tsc_adjust)
		return TDX_INCONSISTENT_MSR | IA32_TSC_ADJUST;
	if (!all_zero(params->reserved_42, sizeof(params->reserved_42)) ||
	    (params->msr_config_ctls & ~MSR_CTLS_ARCH_CAPABILITIES) != 0 ||
	    !all_zero(params->reserved_232, sizeof(params->reserved_232)))
		return INVALID(RDX);
	return TDX_SUCCESS;
}

static u64 set_arch_capabilities(struct tdcs *tdcs, const struct td_params *params)
{
	u64 config = params->arch_capabilities_config;
	bool used = (params->msr_config_ctls & MSR_CTLS_ARCH_CAPABILITIES) != 0;
	struct td_cpuid_value features;
	u64 native = 0, value;

	if ((config & ~(used ? TD_ARCH_CAPABILITIES_CONFIGURABLE : 0)) != 0)
		return INVALID(IA32_ARCH_CAPABILITIES_CONFIG);
	(void)msr_read_safe(IA32_ARCH_CAPABILITIES, &native);
	value = native & ARCH_CAPABILITIES_VISIBLE;
	if (!td_cpuid_value(tdcs, CPUID_EXTENDED, 0, &features) || (features.ebx & CPUID_7_EBX_RTM) == 0)
		value &= ~ARCH_CAPABILITIES_TSX_CTRL;
	if (used)
		value = (value & ~TD_ARCH_CAPABILITIES_CONFIGURABLE) | (native & config) |
			(config & ARCH_CAPABILITIES_RRSBA);
	tdcs->arch_capabilities = value;
	return TDX_SUCCESS;
}

/* The TD's clock starts at zero now and runs with the configured frequency. */
static void start_tsc(struct tdcs *tdcs)
{
	unsigned __int128 hz = (unsigned __int128)tdcs->tsc_frequency * TD_TSC_UNIT_HZ;
	unsigned __int128 now = rdtsc();

	/* 10 GHz needs 34 bits: the product stays below 2^82, its quotient below 2^64 for any native clock of ours. */
	hz <<= TSC_MULTIPLIER_FRACTION_BITS;
	tdcs->tsc_multiplier = 0;
	for (int bit = 63; bit >= 0; bit--)	/* no 128-bit division in a freestanding program */
		if ((unsigned __int128)(tdcs->tsc_multiplier | BIT(bit)) * platform_tsc_hz() <= hz)
			tdcs->tsc_multiplier |= BIT(bit);
	tdcs->tsc_offset = -(u64)((now * tdcs->tsc_multiplier) >> TSC_MULTIPLIER_FRACTION_BITS);
}

static void copy_identity(struct tdcs *tdcs, const struct td_params *params)
{
	memcpy(tdcs->tcb_svn, module_image.tcb_svn, sizeof(tdcs->tcb_svn));
	tdcs->attributes = params->attributes;
	tdcs->xfam = params->xfam;
	tdcs->max_vcpus = params->max_vcpus;
	tdcs->config_flags = params->config_flags;
	tdcs->eptp_controls = params->eptp_controls;
	tdcs->tsc_frequency = params->tsc_frequency;
	memcpy(tdcs->mrconfigid, params->mrconfigid, sizeof(tdcs->mrconfigid));
	memcpy(tdcs->mrowner, params->mrowner, sizeof(tdcs->mrowner));
	memcpy(tdcs->mrownerconfig, params->mrownerconfig, sizeof(tdcs->mrownerconfig));
}

/* A TD can enumerate its topology only if the host could describe it: leaf 0x1F among the configurable ones. */
static bool topology_is_configurable(void)
{
	for (u32 i = 0; i < td_cpuid_config_count(); i++) {
		u32 leaf, subleaf;
		struct td_cpuid_value configurable;

		td_cpuid_config_row(i, &leaf, &subleaf, &configurable);
		if (leaf == CPUID_TOPOLOGY_V2)
			return true;
	}
	return false;
}

static void start_td(struct tdcs *tdcs)
{
	tdcs->num_vcpus = 0;
	tdcs->num_assoc_vcpus = 0;
	tdcs->td_epoch = FIRST_TD_EPOCH;
	tdcs->refcount[0] = tdcs->refcount[1] = 0;
	tdcs->hp_lock_timeout = HP_LOCK_TIMEOUT_DEFAULT_US;
	tdcs->td_ctls = tdcs->attributes & TD_ATTR_SEPT_VE_DISABLE ? TD_CTLS_PENDING_VE_DISABLE : 0;
	tdcs->notify_enables = 0;
	tdcs->topology_enum_configured = topology_is_configurable();	/* until a vCPU comes without its x2APIC id */
	memset(tdcs->mrtd, 0, sizeof(tdcs->mrtd));
	memset(tdcs->rtmr, 0, sizeof(tdcs->rtmr));
	memset(tdcs->servtd_hash, 0, sizeof(tdcs->servtd_hash));
	sha384_start(&tdcs->measurement);
	start_tsc(tdcs);
	tdcs->op_state = OP_INITIALIZED;
}

static u64 apply(struct td_ref *td, struct td_params *params, u64 *bad_leaf)
{
	struct tdcs *tdcs = td->tdcs;
	u64 status = check_features(td, params);
	u32 rows = td_cpuid_config_count();

	if (status == TDX_SUCCESS)
		status = check_platform(params);
	if (status != TDX_SUCCESS)
		return status;
	copy_identity(tdcs, params);
	status = td_cpuid_build(tdcs, params->cpuid, bad_leaf);
	if (status != TDX_SUCCESS)
		return status;
	if (!all_zero(&params->cpuid[rows], (TD_PARAMS_MAX_CPUID_CONFIG - rows) * sizeof(params->cpuid[0])))
		return INVALID(RDX);
	status = set_arch_capabilities(tdcs, params);
	if (status != TDX_SUCCESS)
		return status;
	/* nothing fails below */
	td_msr_build_bitmap(td->tdr, tdcs);
	start_td(tdcs);
	return TDX_SUCCESS;
}

u64 leaf_mng_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 tdr = gpr[GPR_RCX], source = gpr[GPR_RDX];
	u64 misc_enable = 0;
	struct td_params *params;
	struct td_ref td;
	u64 status;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_RCX] = 0;
	if (msr_read_safe(IA32_MISC_ENABLE, &misc_enable) && (misc_enable & MISC_ENABLE_LIMIT_CPUID))
		return TDX_LIMIT_CPUID_MAXVAL_SET;
	status = td_take(tdr, TDX_OPERAND_ID_RCX, LOCK_EXCLUSIVE, &td);
	if (status != TDX_SUCCESS)
		return status;
	status = td_check_state(&td, OP_STATE_UNLOCKED, BIT(OP_UNINITIALIZED));
	if (status == TDX_SUCCESS && !hpa_is_shared(source, TD_PARAMS_BYTES, TD_PARAMS_BYTES))
		status = INVALID(RDX);
	if (status == TDX_SUCCESS) {
		params = params_copy(td.tdcs);
		memcpy(params, phys(hpa_without_hkid(source)), sizeof(*params));
		status = apply(&td, params, &gpr[GPR_RCX]);
		memset(params, 0, sizeof(*params));
	}
	td_drop(&td);
	return status;
}
