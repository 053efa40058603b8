/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TD_PARAMS of a guest.
 *
 * CPUID: the module lists the leaves and bits that a host may configure. Each such bit gets the machine's own value,
 * except what a guest of Cella does not have: MONITOR, 5-level paging, TSX, resource control, power states, user-mode
 * waiting. A bit outside the module's list is never set, because TDH.MNG.INIT refuses it. Topology is flat: each vCPU
 * is a core, and the x2APIC id is the vCPU's index. Pure; any core.
 *
 * TDX Module ABI, "TD_PARAMS", "CPUID_CONFIG"; SDM, "CPUID".
 */
#include "vmm/params.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/metadata.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define CPUID_NO_SUBLEAF 0xffffffffu

/* Attributes that Cella can serve. Migration needs a service TD that Cella does not run. */
#define PARAMS_ATTRIBUTES \
	(TD_ATTR_DEBUG | TD_ATTR_LASS | TD_ATTR_SEPT_VE_DISABLE | TD_ATTR_PKS | TD_ATTR_PERFMON)
/* State that a TD gets when its configuration says nothing: all but tracing, branch records and user interrupts. */
#define PARAMS_DEFAULT_XFAM \
	(TD_XFAM_X87 | TD_XFAM_SSE | TD_XFAM_AVX | TD_XFAM_AVX512 | TD_XFAM_PKRU | TD_XFAM_CET | TD_XFAM_AMX)

enum cpuid_leaf {
	LEAF_FEATURES = 0x1,
	LEAF_CACHE = 0x4,
	LEAF_EXTENDED_FEATURES = 0x7,
	LEAF_PERFMON = 0xa,
	LEAF_LBR = 0x1c,
	LEAF_PERFMON_EXTENDED = 0x23,
	LEAF_ADDRESS_SIZES = 0x80000008,
};

#define FEATURES_EBX_IDS_SHIFT 16
#define FEATURES_EBX_IDS_MASK 0x00ff0000u
#define FEATURES_EDX_HTT (1u << 28)
/* MONITOR, EIST, TM2, CNXT-ID, SDBG, xTPR, DCA */
#define FEATURES_ECX_HIDDEN (1u << 3 | 1u << 7 | 1u << 8 | 1u << 10 | 1u << 11 | 1u << 14 | 1u << 18)
/* PSN, ACPI, TM, PBE */
#define FEATURES_EDX_HIDDEN (1u << 18 | 1u << 22 | 1u << 29 | 1u << 31)
/* HLE, RTM, RDT-M, RDT-A */
#define EXTENDED_EBX_HIDDEN (1u << 4 | 1u << 11 | 1u << 12 | 1u << 15)
/* WAITPKG, TME, LA57 */
#define EXTENDED_ECX_HIDDEN (1u << 5 | 1u << 13 | 1u << 16)
/* TSXLDTRK, PCONFIG */
#define EXTENDED_EDX_HIDDEN (1u << 16 | 1u << 18)
#define EXTENDED1_EAX_PERFMON (1u << 8)
#define CACHE_TYPE_MASK 0x1fu
#define CACHE_LEVEL_SHIFT 5
#define CACHE_LEVEL_MASK 0x7u
#define CACHE_SHARING_SHIFT 14	/* addressable ids sharing the cache, minus one, 12 bits */
#define CACHE_CORES_SHIFT 26	/* addressable cores in the package, minus one, 6 bits */
#define CACHE_TOPOLOGY_MASK (0xfffu << CACHE_SHARING_SHIFT | 0x3fu << CACHE_CORES_SHIFT)
#define CACHE_SHARED_LEVEL 3

static int __printf(2, 3) refuse(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_text_va(error, PARAMS_ERROR_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

static int fill_attributes(struct td_params *params, const struct params_input *in, char *error)
{
	const struct tdx_sysinfo *sysinfo = in->sysinfo;
	u64 wanted = in->config->attributes | sysinfo->attributes_fixed1;
	u64 unserved = wanted & ~PARAMS_ATTRIBUTES;

	if (unserved)
		return refuse(error, "property \"cella,td-attributes\": bits 0x%lx are not served by Cella", unserved);
	if (wanted & ~sysinfo->attributes_fixed0)
		return refuse(error,
			      "property \"cella,td-attributes\": this TDX module does not offer bits 0x%lx (it has "
			      "0x%lx)",
			      wanted & ~sysinfo->attributes_fixed0, sysinfo->attributes_fixed0);
	params->attributes = wanted;
	return 0;
}

/* Components that exist only together, or only with AVX. */
static bool xfam_is_consistent(u64 xfam)
{
	u64 avx512 = xfam & TD_XFAM_AVX512, cet = xfam & TD_XFAM_CET, amx = xfam & TD_XFAM_AMX;

	return (!avx512 || (avx512 == TD_XFAM_AVX512 && (xfam & TD_XFAM_AVX))) && (!cet || cet == TD_XFAM_CET) &&
	       (!amx || amx == TD_XFAM_AMX);
}

/* Drop from @xfam what is incomplete on this machine. */
static u64 xfam_trimmed(u64 xfam)
{
	if (!(xfam & TD_XFAM_AVX) || (xfam & TD_XFAM_AVX512) != TD_XFAM_AVX512)
		xfam &= ~TD_XFAM_AVX512;
	if ((xfam & TD_XFAM_CET) != TD_XFAM_CET)
		xfam &= ~TD_XFAM_CET;
	if ((xfam & TD_XFAM_AMX) != TD_XFAM_AMX)
		xfam &= ~TD_XFAM_AMX;
	return xfam;
}

static int fill_xfam(struct td_params *params, const struct params_input *in, char *error)
{
	const struct tdx_sysinfo *sysinfo = in->sysinfo;
	u64 wanted = in->config->xfam;

	if (!wanted) {
		params->xfam = xfam_trimmed(PARAMS_DEFAULT_XFAM & sysinfo->xfam_fixed0) | sysinfo->xfam_fixed1;
		return 0;
	}
	if (wanted & ~sysinfo->xfam_fixed0)
		return refuse(error,
			      "property \"cella,td-xfam\": this machine does not offer bits 0x%lx (it has 0x%lx)",
			      wanted & ~sysinfo->xfam_fixed0, sysinfo->xfam_fixed0);
	if (~wanted & sysinfo->xfam_fixed1)
		return refuse(error, "property \"cella,td-xfam\": bits 0x%lx must be set",
			      ~wanted & sysinfo->xfam_fixed1);
	if (!xfam_is_consistent(wanted))
		return refuse(error,
			      "property \"cella,td-xfam\": 0x%lx has a part of AVX-512, CET or AMX without the rest",
			      wanted);
	params->xfam = wanted;
	return 0;
}

static void shape_features(struct td_cpuid_value *value, u32 vcpus)
{
	value->eax = 0;	/* family, model, stepping: the platform's own */
	value->ebx = (value->ebx & ~FEATURES_EBX_IDS_MASK) | vcpus << FEATURES_EBX_IDS_SHIFT;
	value->ecx &= ~FEATURES_ECX_HIDDEN;
	value->edx &= ~FEATURES_EDX_HIDDEN;
	if (vcpus == 1)
		value->edx &= ~FEATURES_EDX_HTT;
}

/* Caches keep their sizes; sharing follows the guest's own topology. */
static void shape_cache(struct td_cpuid_value *value, u32 vcpus)
{
	u32 level = value->eax >> CACHE_LEVEL_SHIFT & CACHE_LEVEL_MASK;
	u32 sharing = level >= CACHE_SHARED_LEVEL ? vcpus - 1 : 0;

	if (!(value->eax & CACHE_TYPE_MASK)) {
		memset(value, 0, sizeof(*value));
		return;
	}
	value->eax &= ~CACHE_TOPOLOGY_MASK;
	value->eax |= sharing << CACHE_SHARING_SHIFT | (vcpus - 1) << CACHE_CORES_SHIFT;
}

static void shape_extended(struct td_cpuid_value *value, u32 subleaf, bool perfmon)
{
	if (subleaf == 0) {
		value->ebx &= ~EXTENDED_EBX_HIDDEN;
		value->ecx &= ~EXTENDED_ECX_HIDDEN;
		value->edx &= ~EXTENDED_EDX_HIDDEN;
	} else if (subleaf == 1 && !perfmon) {
		value->eax &= ~EXTENDED1_EAX_PERFMON;
	}
}

static void fill_cpuid_entry(struct td_cpuid_value *value, const struct tdx_cpuid_config *entry,
			     const struct params_input *in, const struct td_params *params)
{
	u32 subleaf = entry->subleaf == CPUID_NO_SUBLEAF ? 0 : entry->subleaf;
	bool perfmon = params->attributes & TD_ATTR_PERFMON;
	u32 vcpus = in->config->cpus;

	in->cpuid(entry->leaf, subleaf, value);
	switch (entry->leaf) {
	case LEAF_FEATURES:
		shape_features(value, vcpus);
		break;
	case LEAF_CACHE:
		shape_cache(value, vcpus);
		break;
	case LEAF_EXTENDED_FEATURES:
		shape_extended(value, subleaf, perfmon);
		break;
	case LEAF_PERFMON:
	case LEAF_PERFMON_EXTENDED:
		if (!perfmon)
			memset(value, 0, sizeof(*value));
		break;
	case LEAF_LBR:
		if (!(params->xfam & TD_XFAM_LBR))
			memset(value, 0, sizeof(*value));
		break;
	case LEAF_ADDRESS_SIZES:
		value->eax = 0;	/* the module's own widths */
		break;
	default:
		break;
	}
	value->eax &= entry->configurable.eax;
	value->ebx &= entry->configurable.ebx;
	value->ecx &= entry->configurable.ecx;
	value->edx &= entry->configurable.edx;
}

int params_fill(struct td_params *params, const struct params_input *in, char error[PARAMS_ERROR_BYTES])
{
	const struct tdx_sysinfo *sysinfo = in->sysinfo;
	const struct guest_config *config = in->config;
	int result;

	if (sysinfo->max_vcpus_per_td && config->cpus > sysinfo->max_vcpus_per_td)
		return refuse(error, "property \"cpus\": %u is more than the %u that this TDX module allows",
			      config->cpus, sysinfo->max_vcpus_per_td);
	if (!(sysinfo->features0 & TDX_FEATURE_NO_RBP_MOD))
		return refuse(error, "this TDX module cannot leave RBP alone (NO_RBP_MOD): a newer module is needed");
	if (in->tsc_frequency < TD_TSC_FREQUENCY_MIN || in->tsc_frequency > TD_TSC_FREQUENCY_MAX)
		return refuse(error, "the machine's TSC frequency of %u MHz cannot be given to a TD",
			      in->tsc_frequency * 25u);
	if (sysinfo->cpuid_config_count > TD_PARAMS_MAX_CPUID_CONFIG)
		return refuse(error, "the TDX module lists %u CPUID entries, TD_PARAMS holds %d",
			      sysinfo->cpuid_config_count, TD_PARAMS_MAX_CPUID_CONFIG);
	result = fill_attributes(params, in, error);
	if (!result)
		result = fill_xfam(params, in, error);
	if (result)
		return result;
	params->max_vcpus = (u16)config->cpus;
	params->eptp_controls = TD_EPTP_WB | TD_EPTP_WALK_4_LEVELS;
	params->config_flags = TD_CONFIG_NO_RBP_MOD;	/* SHARED bit 47; RBP stays the host's */
	params->tsc_frequency = in->tsc_frequency;
	memcpy(params->mrconfigid, config->mrconfigid, sizeof(params->mrconfigid));
	memcpy(params->mrowner, config->mrowner, sizeof(params->mrowner));
	memcpy(params->mrownerconfig, config->mrownerconfig, sizeof(params->mrownerconfig));
	for (u32 i = 0; i < sysinfo->cpuid_config_count; i++)
		fill_cpuid_entry(&params->cpuid[i], &sysinfo->cpuid_config[i], in, params);
	return 0;
}
