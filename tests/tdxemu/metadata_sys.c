/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System-scope metadata: what TDH.SYS.RD, RDALL and their guest forms give.
 *
 * The table holds the fields in walk order; values are computed when read. Fields of features this module does not have
 * and that old modules do not know are absent; those that every module has read 0.
 * Any core, no lock: everything is constant once the module is initialised.
 * Manual: TDX Module ABI, "Metadata Access Interface"; tdx-host-system.md 6.
 */
#include "tests/tdxemu/metadata_field.h"

#include "arch/x86/insn.h"
#include "include/spec/tdx/report.h"
#include "include/spec/tdx/status.h"
#include "include/spec/x86/cpuid.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/seamldr.h"
#include "tests/tdxemu/td_cpuid.h"

#define VENDOR_INTEL 0x8086
#define LIST_WORDS (PAGE_SIZE / sizeof(u64))
#define LIST_SEQUENCES_SHIFT 16	/* list header: bytes, then sequences */
#define MAX_FIELDS_IN_SEQUENCE 512
#define NO_CPUID_LEAF 0xffffffffffffffffull	/* slot of CPUID_CONFIG_LEAVES without a leaf */

/* The part of XFAM whose state this machine keeps per TD: x87, SSE, AVX, AVX-512, PKRU. */
#define XFAM_CANDIDATES (TD_XFAM_X87 | TD_XFAM_SSE | TD_XFAM_AVX | TD_XFAM_AVX512 | TD_XFAM_PKRU)

#define FEATURES (TDX_FEATURE_TDG_VP_RDWR | TDX_FEATURE_RELAXED_MEM_MNG_CONCURRENCY | \
		  TDX_FEATURE_CPUID_VIRT_GUEST_CTRL | TDX_FEATURE_CONFIG_IA32_ARCH_CAPABILITIES | \
		  TDX_FEATURE_PENDING_EPT_VIOLATION_V2 | TDX_FEATURE_NO_RBP_MOD | TDX_FEATURE_TOPOLOGY_ENUM | \
		  TDX_FEATURE_SYS_DISABLE)

struct sys_row {
	u64 id;
	u16 fields, elements;
};

/* clang-format off */
#define ROW(name, id, fields, elements) { id, fields, elements },
static const struct sys_row rows[] = { TDX_SYS_FIELD_LIST(ROW) };
#undef ROW

/* Fields that only modules with MAXPA virtualisation or event filtering have, and those of dynamic PAMT. */
static const u64 absent[] = { TDX_SYS_MIN_VIRT_MAXPA, TDX_SYS_MAX_EVENT_FILTERS };
static const u64 dynamic_pamt[] = { TDX_SYS_PAMT_PAGE_BITMAP_ENTRY_BITS, TDX_SYS_MIN_DYNAMIC_PAMT_NUM_HKID_BITS };

static const u64 guest_readable[] = {
	TDX_SYS_VENDOR_ID, TDX_SYS_MINOR_VERSION, TDX_SYS_MAJOR_VERSION, TDX_SYS_SYS_ATTRIBUTES,
	TDX_SYS_NUM_TDX_FEATURES, TDX_SYS_TDX_FEATURES0, TDX_SYS_MIG_ATTRIBUTES, TDX_SYS_MIN_EXPORT_VERSION,
	TDX_SYS_MAX_EXPORT_VERSION, TDX_SYS_MIN_IMPORT_VERSION, TDX_SYS_MAX_IMPORT_VERSION,
	TDX_SYS_GUEST_L2_GPA_ATTR_MASK,
};
/* clang-format on */

static bool in_list(const u64 *list, u32 count, u64 id)
{
	for (u32 i = 0; i < count; i++)
		if (list[i] == id)
			return true;
	return false;
}

static bool exists(const struct sys_row *row)
{
	if (in_list(dynamic_pamt, ARRAY_SIZE(dynamic_pamt), row->id))
		return (metadata_features() & TDX_FEATURE_DYNAMIC_PAMT) != 0;
	return !in_list(absent, ARRAY_SIZE(absent), row->id);
}

static bool readable(const struct sys_row *row, enum md_reader reader)
{
	return reader == MD_HOST || in_list(guest_readable, ARRAY_SIZE(guest_readable), row->id);
}

static u64 xfam_fixed0(void)
{
	return XFAM_CANDIDATES & (cpuid(CPUID_XSAVE, 0).eax | TD_XFAM_X87 | TD_XFAM_SSE);
}

static u32 package_count(void)
{
	u32 count = 0;

	for (u32 rest = module.packages; rest != 0; rest &= rest - 1)
		count++;
	return count;
}

static u64 cpuid_leaf(u32 index)
{
	struct td_cpuid_value value;
	u32 leaf, subleaf;

	if (index >= td_cpuid_config_count())
		return NO_CPUID_LEAF;
	td_cpuid_config_row(index, &leaf, &subleaf, &value);
	return leaf | (u64)subleaf << 32;
}

static u64 cpuid_values(u32 element)
{
	struct td_cpuid_value value;
	u32 leaf, subleaf;

	if (element / 2 >= td_cpuid_config_count())
		return 0;
	td_cpuid_config_row(element / 2, &leaf, &subleaf, &value);
	return element % 2 == 0 ? value.eax | (u64)value.ebx << 32 : value.ecx | (u64)value.edx << 32;
}

u64 metadata_features(void)
{
	u64 machine = FEATURES;

	if (seamldr.present)
		machine |= TDX_FEATURE_TD_PRESERVING;
	if (fault_platform(PLATFORM_DYNAMIC_PAMT))
		machine |= TDX_FEATURE_DYNAMIC_PAMT;
	if (fault_platform(PLATFORM_NO_SYS_DISABLE))
		machine &= ~(u64)TDX_FEATURE_SYS_DISABLE;
	return machine & module_image.record.features;
}

static u64 handoff_value(u64 id)
{
	switch (id) {
	case TDX_SYS_MODULE_HV:
		return module_image.record.module_hv;
	case TDX_SYS_MIN_UPDATE_HV:
		return module_image.record.min_update_hv;
	case TDX_SYS_NO_DOWNGRADE:
		return module_image.record.no_downgrade;
	case TDX_SYS_NUM_HANDOFF_PAGES:
		return DIV_ROUND_UP(sizeof(module), PAGE_SIZE) - 1;
	case TDX_SYS_HANDOFF_DATA_VALID:
		return module_handoff.valid;
	case TDX_SYS_HANDOFF_DATA_HV:
		return module_handoff.valid ? module_handoff.version : 0;
	case TDX_SYS_HANDOFF_DATA_SIZE:
		return module_handoff.valid ? sizeof(module) : 0;
	default:
		return 0;	/* fields of features that are off */
	}
}

static u64 version_value(u64 id)
{
	const struct module_record *record = &module_image.record;

	switch (id) {
	case TDX_SYS_VENDOR_ID:
		return VENDOR_INTEL;
	case TDX_SYS_BUILD_DATE:
		return record->build_date;
	case TDX_SYS_BUILD_NUM:
		return record->build_num;
	case TDX_SYS_MINOR_VERSION:
		return record->minor;
	case TDX_SYS_MAJOR_VERSION:
		return record->major;
	case TDX_SYS_UPDATE_VERSION:
		return record->update;
	case TDX_SYS_NUM_TDX_FEATURES:
		return 1;
	case TDX_SYS_TDX_FEATURES0:
		return metadata_features();
	default:
		return handoff_value(id);
	}
}

static u64 size_value(u64 id)
{
	switch (id) {
	case TDX_SYS_NUM_CMRS:
		return TDX_MAX_CMRS;
	case TDX_SYS_MAX_TDMRS:
		return MODULE_MAX_TDMRS;
	case TDX_SYS_MAX_RESERVED_PER_TDMR:
		return MODULE_MAX_RESERVED;
	case TDX_SYS_PAMT_4K_ENTRY_SIZE:
	case TDX_SYS_PAMT_2M_ENTRY_SIZE:
	case TDX_SYS_PAMT_1G_ENTRY_SIZE:
		return MODULE_PAMT_ENTRY_BYTES;
	case TDX_SYS_PAMT_PAGE_BITMAP_ENTRY_BITS:
		return MODULE_PAMT_BITMAP_ENTRY_BITS;
	case TDX_SYS_MIN_DYNAMIC_PAMT_NUM_HKID_BITS:
		return MAX(PLATFORM_MAXPA, MODULE_MAX_DYNAMIC_PAMT_KEYID_SHIFT) - MODULE_MAX_DYNAMIC_PAMT_KEYID_SHIFT;
	case TDX_SYS_TDR_BASE_SIZE:
		return PAGE_SIZE;
	case TDX_SYS_TDCS_BASE_SIZE:
		return MODULE_TDCS_PAGES * PAGE_SIZE;
	case TDX_SYS_TDCS_SIZE_PER_L2_VM:
		return PAGE_SIZE;
	case TDX_SYS_TDVPS_BASE_SIZE:
		return MODULE_TDVPS_PAGES * PAGE_SIZE;
	case TDX_SYS_TDVPS_SIZE_PER_L2_VM:
		return 3 * PAGE_SIZE;
	case TDX_SYS_MAX_VCPUS_PER_TD:
		return MODULE_MAX_VCPUS_PER_TD;
	default:
		return version_value(id);
	}
}

static u64 value_of(u64 id, u32 element)
{
	switch (id) {
	case TDX_SYS_NUM_PKGS:
		return package_count();
	case TDX_SYS_PKG_FMS:
		return element < package_count() ? td_platform_fms() : 0;
	case TDX_SYS_CMR_BASE:
		return module.cmrs[element].base;
	case TDX_SYS_CMR_SIZE:
		return module.cmrs[element].bytes;
	case TDX_SYS_ATTRIBUTES_FIXED0:
		return TD_ATTR_SEPT_VE_DISABLE;
	case TDX_SYS_XFAM_FIXED0:
		return xfam_fixed0();
	case TDX_SYS_XFAM_FIXED1:
		return TD_XFAM_X87 | TD_XFAM_SSE;
	case TDX_SYS_CONFIG_FLAGS_FIXED0:
		return TD_CONFIG_GPAW | TD_CONFIG_FLEXIBLE_PENDING_VE |
		       (metadata_features() & TDX_FEATURE_NO_RBP_MOD ? TD_CONFIG_NO_RBP_MOD : 0);
	case TDX_SYS_NUM_CPUID_CONFIG:
		return td_cpuid_config_count();
	case TDX_SYS_CPUID_CONFIG_LEAVES:
		return cpuid_leaf(element);
	case TDX_SYS_CPUID_CONFIG_VALUES:
		return cpuid_values(element);
	case TDX_SYS_IA32_ARCH_CAPABILITIES_CONFIG_MASK:
		return TD_ARCH_CAPABILITIES_CONFIGURABLE;
	case TDX_SYS_NUM_ALLOWED_FMS:
		return 1;
	case TDX_SYS_ALLOWED_FMS:
		return element == 0 ? td_platform_fms() : 0;
	default:
		return size_value(id);
	}
}

static u32 elements_of(const struct sys_row *row)
{
	return (u32)row->fields * row->elements;
}

/* First id at or behind row @row that @reader may read, all ones if there is none. */
static u64 first_from(u32 row, enum md_reader reader)
{
	for (; row < ARRAY_SIZE(rows); row++)
		if (exists(&rows[row]) && readable(&rows[row], reader))
			return rows[row].id;
	return TDX_MD_FIRST_FIELD;
}

/* Row and element of @field; MD_NOT_FOUND. */
static u32 find(u64 field, u32 *element)
{
	for (u32 row = 0; row < ARRAY_SIZE(rows); row++) {
		*element = md_element(rows[row].id, elements_of(&rows[row]), field);
		if (*element != MD_NOT_FOUND && exists(&rows[row]))
			return row;
	}
	return MD_NOT_FOUND;
}

u64 metadata_sys_read(enum md_reader reader, u64 field, u64 *value, u64 *next)
{
	u32 row, element;

	*value = 0;
	*next = TDX_MD_FIRST_FIELD;
	if (md_is_first_query(field)) {
		*next = first_from(0, reader);
		return TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT;
	}
	row = md_is_malformed(field) ? MD_NOT_FOUND : find(field, &element);
	if (row == MD_NOT_FOUND)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (!readable(&rows[row], reader))
		return TDX_METADATA_FIELD_NOT_READABLE;
	*value = value_of(rows[row].id, element);
	*next = element + 1 < elements_of(&rows[row]) ? rows[row].id + element + 1 : first_from(row + 1, reader);
	return TDX_SUCCESS;
}

/* A list under construction in one page. */
struct list {
	u64 *page;
	u32 words;	/* used, with the list header */
	u32 sequences;
	u32 header;	/* index of the current sequence's header, 0: none */
	u64 next_key;	/* class and code that would go on with it */
	u32 fields;	/* in it */
	u16 elements;	/* per field of it */
	u64 size_code;
};

static bool continues(const struct list *list, const struct sys_row *row, u64 id)
{
	return list->header != 0 && MD_KEY(id) == list->next_key && row->elements == list->elements &&
	       (id & TDX_MD_SIZE_MASK) == list->size_code && list->fields < MAX_FIELDS_IN_SEQUENCE;
}

static bool list_field(struct list *list, const struct sys_row *row, u32 field)
{
	u64 id = row->id + (u64)field * row->elements;
	bool same = continues(list, row, id);

	if (list->words + row->elements + (same ? 0 : 1) > LIST_WORDS)
		return false;
	if (!same) {
		list->header = list->words++;
		list->page[list->header] = id | (row->elements - 1ull) << TDX_MD_LAST_ELEMENT_SHIFT;
		list->fields = 0;
		list->elements = row->elements;
		list->size_code = id & TDX_MD_SIZE_MASK;
		list->sequences++;
	} else {
		list->page[list->header] += 1ull << TDX_MD_LAST_FIELD_SHIFT;
	}
	for (u32 i = 0; i < row->elements; i++)
		list->page[list->words++] = value_of(row->id, field * row->elements + i);
	list->fields++;
	list->next_key = MD_KEY(id) + row->elements;
	return true;
}

/* Where a list starts: the first element of a field, with the field's own size code. False: not such an id. */
static bool start_of(enum md_reader reader, u64 first, u32 *row, u32 *field)
{
	u32 element;

	*row = *field = 0;
	if (md_is_first_query(first))
		return true;
	if (md_is_malformed(first))
		return false;
	*row = find(first, &element);
	if (*row == MD_NOT_FOUND || !readable(&rows[*row], reader) || element % rows[*row].elements != 0 ||
	    (first & TDX_MD_SIZE_MASK) != (rows[*row].id & TDX_MD_SIZE_MASK))
		return false;
	*field = element / rows[*row].elements;
	return true;
}

u64 metadata_sys_list(enum md_reader reader, u64 first, u64 page[LIST_WORDS], u64 *next)
{
	struct list list = { .page = page, .words = 1 };
	u64 status = TDX_SUCCESS;
	u32 row, field;

	*next = TDX_MD_FIRST_FIELD;
	if (!start_of(reader, first, &row, &field))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	for (; row < ARRAY_SIZE(rows) && status == TDX_SUCCESS; row++, field = 0) {
		if (!exists(&rows[row]) || !readable(&rows[row], reader))
			continue;
		for (; field < rows[row].fields; field++) {
			if (list_field(&list, &rows[row], field))
				continue;
			*next = rows[row].id + (u64)field * rows[row].elements;
			status = TDX_METADATA_LIST_OVERFLOW;
			break;
		}
	}
	page[0] = list.words * sizeof(u64) | (u64)list.sequences << LIST_SEQUENCES_SHIFT;
	return status;
}
