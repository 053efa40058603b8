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

#include "include/spec/tdx/metadata.h"
#include "include/spec/x86/cpuid.h"
#include "kernel/lib/string.h"

#define CPUID_NO_SUBLEAF 0xffffffffu

/* Attributes that Cella can serve. Migration needs a service TD that Cella does not run. */
#define PARAMS_ATTRIBUTES \
	(TD_ATTR_DEBUG | TD_ATTR_LASS | TD_ATTR_SEPT_VE_DISABLE | TD_ATTR_PKS | TD_ATTR_PERFMON)
/* State that a TD gets when its configuration says nothing: all but tracing, branch records and user interrupts. */
#define PARAMS_DEFAULT_XFAM \
	(TD_XFAM_X87 | TD_XFAM_SSE | TD_XFAM_AVX | TD_XFAM_AVX512 | TD_XFAM_PKRU | TD_XFAM_CET | TD_XFAM_AMX)

#define CACHE_SHARED_LEVEL 3

static int fill_attributes(struct td_params *params, const struct params_input *in, char *error)
{
	const struct tdx_sysinfo *sysinfo = in->sysinfo;
	u64 wanted = in->config->attributes | sysinfo->attributes_fixed1;
	u64 unserved = wanted & ~PARAMS_ATTRIBUTES;

	if (unserved)
		return refuse(error, "property \"cella,td-attributes\": bits 0x%lx are not served by Cella", unserved);
	if (wanted & ~sysinfo->attributes_fixed0)
		return refuse(error, "property \"cella,td-attributes\": "
			      "this TDX module does not offer bits 0x%lx (it has 0x%lx)",
			      wanted & ~sysinfo->attributes_fixed0, sysinfo->attributes_fixed0);
	params->attributes = wanted;
	return 0;
}

/* @xfam without the components of which a part is missing: they exist only together, AVX-512 only with AVX. */
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
		return refuse(error, "property \"cella,td-xfam\": "
			      "this machine does not offer bits 0x%lx (it has 0x%lx)",
			      wanted & ~sysinfo->xfam_fixed0, sysinfo->xfam_fixed0);
	if (~wanted & sysinfo->xfam_fixed1)
		return refuse(error, "property \"cella,td-xfam\": bits 0x%lx must be set",
			      ~wanted & sysinfo->xfam_fixed1);
	if (xfam_trimmed(wanted) != wanted)
		return refuse(error, "property \"cella,td-xfam\": "
			      "0x%lx has a part of AVX-512, CET or AMX without the rest", wanted);
	params->xfam = wanted;
	return 0;
}

/* What a guest of Cella never sees of a leaf. */
static const struct hidden_bits {
	u32 leaf, subleaf;
	struct td_cpuid_value bits;
} hidden_bits[] = {
	{ CPUID_FEATURES, 0, {
		.eax = ~0u,	/* family, model, stepping: the platform's own */
		.ebx = CPUID_1_EBX_IDS_MASK,
		.ecx = CPUID_1_ECX_MONITOR | CPUID_1_ECX_EIST | CPUID_1_ECX_TM2 | CPUID_1_ECX_CNXT_ID | CPUID_1_ECX_SDBG |
		       CPUID_1_ECX_XTPR | CPUID_1_ECX_DCA,
		.edx = CPUID_1_EDX_PSN | CPUID_1_EDX_ACPI | CPUID_1_EDX_TM | CPUID_1_EDX_PBE,
	} },
	{ CPUID_EXTENDED, 0, {
		.ebx = CPUID_7_EBX_HLE | CPUID_7_EBX_RTM | CPUID_7_EBX_RDT_M | CPUID_7_EBX_RDT_A,
		.ecx = CPUID_7_ECX_WAITPKG | CPUID_7_ECX_TME | CPUID_7_ECX_LA57,
		.edx = CPUID_7_EDX_TSXLDTRK | CPUID_7_EDX_PCONFIG,
	} },
	{ CPUID_EXT_ADDRESS, 0, { .eax = ~0u } },	/* the module's own widths */
};

static void keep_bits(struct td_cpuid_value *value, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	value->eax &= eax;
	value->ebx &= ebx;
	value->ecx &= ecx;
	value->edx &= edx;
}

/* Caches keep their sizes; sharing follows the guest's own topology. */
static void shape_cache(struct td_cpuid_value *value, u32 vcpus)
{
	u32 level = value->eax >> CPUID_4_EAX_LEVEL_SHIFT & CPUID_4_EAX_LEVEL_MASK;
	u32 sharing = level >= CACHE_SHARED_LEVEL ? vcpus - 1 : 0;

	if (!(value->eax & CPUID_4_EAX_TYPE_MASK)) {
		memset(value, 0, sizeof(*value));
		return;
	}
	value->eax &= ~CPUID_4_EAX_TOPOLOGY_MASK;
	value->eax |= sharing << CPUID_4_EAX_SHARING_SHIFT | (vcpus - 1) << CPUID_4_EAX_CORES_SHIFT;
}

static void fill_cpuid_entry(struct td_cpuid_value *value, const struct tdx_cpuid_config *entry,
			     const struct params_input *in, const struct td_params *params)
{
	u32 subleaf = entry->subleaf == CPUID_NO_SUBLEAF ? 0 : entry->subleaf, vcpus = in->config->cpus;
	const struct td_cpuid_value *offered = &entry->configurable;
	bool perfmon = params->attributes & TD_ATTR_PERFMON, lbr = params->xfam & TD_XFAM_LBR;

	in->cpuid(entry->leaf, subleaf, value);
	for (u32 i = 0; i < ARRAY_SIZE(hidden_bits); i++) {
		const struct td_cpuid_value *bits = &hidden_bits[i].bits;

		if (hidden_bits[i].leaf == entry->leaf && hidden_bits[i].subleaf == subleaf)
			keep_bits(value, ~bits->eax, ~bits->ebx, ~bits->ecx, ~bits->edx);
	}
	if (entry->leaf == CPUID_FEATURES)
		value->ebx |= vcpus << CPUID_1_EBX_IDS_SHIFT;
	if (entry->leaf == CPUID_FEATURES && vcpus == 1)
		value->edx &= ~CPUID_1_EDX_HTT;
	if (entry->leaf == CPUID_CACHE)
		shape_cache(value, vcpus);
	if (entry->leaf == CPUID_EXTENDED && subleaf == 1 && !perfmon)
		value->eax &= ~CPUID_7_1_EAX_ARCH_PERFMON_EXT;
	if (((entry->leaf == CPUID_PERFMON || entry->leaf == CPUID_PERFMON_EXTENDED) && !perfmon) ||
	    (entry->leaf == CPUID_LBR && !lbr))
		memset(value, 0, sizeof(*value));
	keep_bits(value, offered->eax, offered->ebx, offered->ecx, offered->edx);
}

int params_fill(struct td_params *params, const struct params_input *in, char error[REFUSAL_BYTES])
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
