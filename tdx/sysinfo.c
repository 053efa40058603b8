/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Global metadata of the module. One table of {field, destination}; the element size that the field id carries must
 * equal the size of the destination, so that a wrong id cannot overwrite a neighbour or lose bits.
 *
 * Written once on the boot core, constant afterwards. Manual: TDX Module ABI, "Global Metadata Fields".
 */
#include "tdx/sysinfo.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/metadata.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "tdx/backoff.h"
#include "tdx/doctor.h"
#include "tdx/tdh_sys.h"

enum presence {
	REQUIRED,
	OPTIONAL,	/* modules before 1.5.05 do not have it; the destination keeps its preset */
};

enum {
	VCPUS_WHEN_UNLIMITED = 0xffff,	/* what TD_PARAMS.MAX_VCPUS can say */
	LINE_BYTES = 160,
};

static const struct {
	const char *name;
	u32 bit;
} features[] = {
#define NAME(name, bit) { #name, bit },
	TDX_FEATURE_LIST(NAME)
#undef NAME
};

static struct tdx_sysinfo sysinfo;

static const struct sysinfo_field {
	const char *name;
	u64 id;
	void *destination;
	u32 bytes;
	enum presence presence;
} fields[] = {
#define FIELD(name, member, presence) { #name, TDX_SYS_##name, &sysinfo.member, sizeof(sysinfo.member), presence }
	FIELD(VENDOR_ID, vendor_id, REQUIRED),
	FIELD(BUILD_DATE, build_date, REQUIRED),
	FIELD(BUILD_NUM, build_num, REQUIRED),
	FIELD(MAJOR_VERSION, major, REQUIRED),
	FIELD(MINOR_VERSION, minor, REQUIRED),
	FIELD(UPDATE_VERSION, update, REQUIRED),
	FIELD(SYS_ATTRIBUTES, sys_attributes, REQUIRED),
	FIELD(TDX_FEATURES0, features0, REQUIRED),
	FIELD(MAX_TDMRS, max_tdmrs, REQUIRED),
	FIELD(MAX_RESERVED_PER_TDMR, max_reserved_per_tdmr, REQUIRED),
	FIELD(PAMT_4K_ENTRY_SIZE, pamt_4k_entry_bytes, REQUIRED),
	FIELD(PAMT_2M_ENTRY_SIZE, pamt_2m_entry_bytes, REQUIRED),
	FIELD(PAMT_1G_ENTRY_SIZE, pamt_1g_entry_bytes, REQUIRED),
	FIELD(PAMT_PAGE_BITMAP_ENTRY_BITS, pamt_bitmap_bits, OPTIONAL),
	FIELD(TDR_BASE_SIZE, tdr_bytes, REQUIRED),
	FIELD(TDCS_BASE_SIZE, tdcs_bytes, REQUIRED),
	FIELD(TDVPS_BASE_SIZE, tdvps_bytes, REQUIRED),
	FIELD(ATTRIBUTES_FIXED0, attributes_fixed0, REQUIRED),
	FIELD(ATTRIBUTES_FIXED1, attributes_fixed1, REQUIRED),
	FIELD(XFAM_FIXED0, xfam_fixed0, REQUIRED),
	FIELD(XFAM_FIXED1, xfam_fixed1, REQUIRED),
	FIELD(MAX_VCPUS_PER_TD, max_vcpus_per_td, OPTIONAL),
	FIELD(MODULE_HV, module_hv, OPTIONAL),
	FIELD(NUM_CPUID_CONFIG, cpuid_config_count, REQUIRED),
#undef FIELD
};

const struct tdx_sysinfo *tdx_sysinfo(void)
{
	return &sysinfo;
}

int sysinfo_store(u64 field, u64 value, void *destination, u32 bytes)
{
	u32 element_bytes = 1u << ((field & TDX_MD_SIZE_MASK) >> TDX_MD_SIZE_SHIFT);

	if (element_bytes != bytes)
		return -EINVAL;
	if (bytes < sizeof(value) && value >> (8 * bytes))
		return -ERANGE;
	memcpy(destination, &value, bytes);	/* little endian: the low bytes come first */
	return 0;
}

static int read_field(const char *name, u64 id, void *destination, u32 bytes, enum presence presence)
{
	char text[TDX_STATUS_TEXT_BYTES];
	u64 value = 0;
	tdx_status_t status = RETRY_BUSY(tdh_sys_rd(id, &value));

	if (presence == OPTIONAL && tdx_status_is(status, TDX_METADATA_FIELD_ID_INCORRECT))
		return 0;
	if (!tdx_succeeded(status)) {
		doctor_complain("metadata", "the TDX module does not tell %s: %s", name, tdx_status_text(status, text));
		return tdx_status_errno(status) == -EBUSY ? -EBUSY : -EIO;
	}
	if (sysinfo_store(id, value, destination, bytes)) {
		doctor_complain("metadata", "the TDX module tells 0x%lx for %s, which is more than the field holds", value,
				name);
		return -EIO;
	}
	return 0;
}

/* Slots may be empty anywhere in the list; only the valid ones are kept. */
static int read_cmrs(void)
{
	u16 slots = 0;
	int result = read_field("NUM_CMRS", TDX_SYS_NUM_CMRS, &slots, sizeof(slots), REQUIRED);

	sysinfo.cmr_count = 0;
	for (u32 i = 0; !result && i < MIN((u32)slots, (u32)TDX_MAX_CMRS); i++) {
		struct tdx_cmr cmr;

		result = read_field("CMR_BASE", TDX_SYS_CMR_BASE + i, &cmr.base, sizeof(cmr.base), REQUIRED);
		if (!result)
			result = read_field("CMR_SIZE", TDX_SYS_CMR_SIZE + i, &cmr.bytes, sizeof(cmr.bytes), REQUIRED);
		if (!result && cmr.bytes)
			sysinfo.cmrs[sysinfo.cmr_count++] = cmr;
	}
	return result;
}

/* Three elements describe one configurable leaf: number and sub-leaf, EAX and EBX, ECX and EDX. */
static int read_cpuid_config(void)
{
	int result = 0;

	if (sysinfo.cpuid_config_count > TDX_MAX_CPUID_CONFIG) {
		doctor_complain("metadata", "the TDX module has %u configurable CPUID leaves, Cella knows what to do with %u",
				sysinfo.cpuid_config_count, TDX_MAX_CPUID_CONFIG);
		return -EIO;
	}
	for (u32 i = 0; !result && i < sysinfo.cpuid_config_count; i++) {
		struct tdx_cpuid_config *config = &sysinfo.cpuid_config[i];
		u64 values = TDX_SYS_CPUID_CONFIG_VALUES + 2 * i;
		u64 words[3];	/* leaf and subleaf, EAX and EBX, ECX and EDX; the first of each pair in the low half */

		result = read_field("CPUID_CONFIG_LEAVES", TDX_SYS_CPUID_CONFIG_LEAVES + i, &words[0], sizeof(u64), REQUIRED);
		for (u32 word = 0; !result && word < 2; word++)
			result = read_field("CPUID_CONFIG_VALUES", values + word, &words[1 + word], sizeof(u64), REQUIRED);
		_Static_assert(sizeof(words) == sizeof(*config), "struct tdx_cpuid_config is what the module tells");
		if (!result)
			memcpy(config, words, sizeof(words));
	}
	return result;
}

static __printf(2, 3) void put(void (*line)(const char *text), const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;

	va_start(args, format);
	format_text_va(text, sizeof(text), format, args);
	va_end(args);
	line(text);
}

void tdx_sysinfo_report(void (*line)(const char *text))
{
	put(line, "module    %u.%u.%02u build %u of %u, vendor 0x%x, system attributes 0x%x", sysinfo.major, sysinfo.minor,
	    sysinfo.update, sysinfo.build_num, sysinfo.build_date, sysinfo.vendor_id, sysinfo.sys_attributes);
	put(line, "limits    %u TDMRs with %u reserved areas, PAMT entries of %u, %u and %u bytes", sysinfo.max_tdmrs,
	    sysinfo.max_reserved_per_tdmr, sysinfo.pamt_4k_entry_bytes, sysinfo.pamt_2m_entry_bytes,
	    sysinfo.pamt_1g_entry_bytes);
	put(line, "TDs       %u vCPUs, %u TDCS and %u TDVPS pages, ATTRIBUTES must 0x%lx may 0x%lx, "
		  "XFAM must 0x%lx may 0x%lx",
	    sysinfo.max_vcpus_per_td, sysinfo.tdcs_bytes / PAGE_SIZE, sysinfo.tdvps_bytes / PAGE_SIZE,
	    sysinfo.attributes_fixed1, sysinfo.attributes_fixed0, sysinfo.xfam_fixed1, sysinfo.xfam_fixed0);
	for (u32 i = 0; i < sysinfo.cpuid_config_count; i++) {
		const struct tdx_cpuid_config *cpuid = &sysinfo.cpuid_config[i];

		put(line, "CPUID     0x%08x.%x configurable eax %08x ebx %08x ecx %08x edx %08x", cpuid->leaf, cpuid->subleaf,
		    cpuid->configurable.eax, cpuid->configurable.ebx, cpuid->configurable.ecx, cpuid->configurable.edx);
	}
	for (u32 i = 0; i < ARRAY_SIZE(features); i++)
		if (sysinfo.features0 & BIT(features[i].bit))
			put(line, "feature   %s (bit %u)", features[i].name, features[i].bit);
	for (u32 i = 0; i < sysinfo.cmr_count; i++)
		put(line, "CMR %-2u    0x%012lx - 0x%012lx, %lu MiB", i, sysinfo.cmrs[i].base,
		    sysinfo.cmrs[i].base + sysinfo.cmrs[i].bytes - 1, sysinfo.cmrs[i].bytes >> 20);
}

static void log_line(const char *text)
{
	log_info("tdx", "%s", text);
}

int tdx_sysinfo_read(void)
{
	int result = 0;

	memset(&sysinfo, 0, sizeof(sysinfo));
	sysinfo.max_vcpus_per_td = VCPUS_WHEN_UNLIMITED;
	for (u32 i = 0; !result && i < ARRAY_SIZE(fields); i++)
		result = read_field(fields[i].name, fields[i].id, fields[i].destination, fields[i].bytes,
				    fields[i].presence);
	if (!result)
		result = read_cmrs();
	if (!result)
		result = read_cpuid_config();
	if (!result)
		tdx_sysinfo_report(log_line);
	return result;
}
