/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TD-scope metadata: TDH.MNG.RD and WR, TDG.VM.RD and WR.
 *
 * The table holds the fields in walk order with the rights of a production TD (this module has no debug TDs): a mask
 * of readable and of writable bits for host and guest. A field is a member of the TDR or TDCS structure, computed, or
 * zero because its feature is absent. CPUID_VALUES are looked up by leaf and sub-leaf instead.
 * Any core; the host holds OP_STATE shared, a guest runs in the TD. Manual: tdx-host-td.md 11.1, 11.2;
 * tdx-guest-abi.md 1.7.
 */
#include "tests/tdxemu/metadata_field.h"

#include "arch/x86/insn.h"
#include "include/spec/tdx/status.h"
#include "include/spec/x86/cpuid.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/td_cpuid.h"

#define HP_LOCK_TIMEOUT_MIN_US 10000
#define HP_LOCK_TIMEOUT_MAX_US 100000000
#define XSAVE_LEGACY_BYTES 576	/* legacy region and header; extended components follow */
#define XSAVE_FIRST_EXTENDED 2
#define XSAVE_COMPONENT_ALIGN 64
#define CPUID_XSAVE_ECX_ALIGNED 2u

/* Field code of CPUID_VALUES. */
#define CPUID_CODES 0x20000u
#define CPUID_CODE_HIGH_LEAF BIT(16)
#define CPUID_CODE_LEAF_SHIFT 9
#define CPUID_CODE_NO_SUBLEAF BIT(8)
#define CPUID_CODE_SUBLEAF_SHIFT 1
#define CPUID_CODE_LOW_MASK 0x7fu
#define CPUID_NO_SUBLEAF 0xffffffffu
#define CPUID_HIGH_LEAF 0x80000000u

enum source {
	IN_TDR,
	IN_TDCS,
	COMPUTED,
	ZERO,
};

struct td_row {
	u64 id;
	u16 count;	/* elements */
	u16 offset;	/* IN_...: of the first element */
	u8 bytes;	/* IN_...: of one element */
	enum source source;
	u64 (*compute)(const struct td_ref *td, u32 element);
	u64 host_read, guest_read, host_write, guest_write;
};

static u64 gpaw(const struct td_ref *td, u32 element)
{
	(void)element;
	return td->tdcs->config_flags & TD_CONFIG_GPAW;
}

static u64 eptp(const struct td_ref *td, u32 element)
{
	(void)element;
	return td->tdcs->eptp_controls | tdcs_page(td->tdr, TDCS_PAGE_SEPT_ROOT);
}

static u64 cpuid_value_count(const struct td_ref *td, u32 element)
{
	(void)td;
	(void)element;
	return TD_CPUID_ROWS;
}

static u64 xbuff_bytes(const struct td_ref *td, u32 element)
{
	(void)td;
	(void)element;
	return TDVPS_XBUFF_BYTES;
}

/* Offset of component @element in the compacted XSAVE area of the TD's XFAM. */
static u64 xbuff_offset(const struct td_ref *td, u32 element)
{
	u64 offset = XSAVE_LEGACY_BYTES;

	if (element < XSAVE_FIRST_EXTENDED || (td->tdcs->xfam & BIT(element)) == 0)
		return 0;
	for (u32 i = XSAVE_FIRST_EXTENDED; i <= element; i++) {
		struct cpuid_regs component = cpuid(CPUID_XSAVE, i);

		if ((td->tdcs->xfam & BIT(i)) == 0)
			continue;
		if (component.ecx & CPUID_XSAVE_ECX_ALIGNED)
			offset = ALIGN_UP(offset, (u64)XSAVE_COMPONENT_ALIGN);
		if (i < element)
			offset += component.eax;
	}
	return offset;
}

#define SIZE_OF(type, member) sizeof(((struct type *)NULL)->member)
#define TDR(name, n, member, ...) \
	{ .id = TDX_TD_##name, .count = n, .source = IN_TDR, .offset = offsetof(struct tdr, member), \
	  .bytes = SIZE_OF(tdr, member) / (n), __VA_ARGS__ }
#define TDCS(name, n, member, ...) \
	{ .id = TDX_TD_##name, .count = n, .source = IN_TDCS, .offset = offsetof(struct tdcs, member), \
	  .bytes = SIZE_OF(tdcs, member) / (n), __VA_ARGS__ }
#define CALC(name, n, function, ...) \
	{ .id = TDX_TD_##name, .count = n, .source = COMPUTED, .compute = function, __VA_ARGS__ }
#define NIL(name, n, ...) { .id = TDX_TD_##name, .count = n, .source = ZERO, __VA_ARGS__ }
#define HIDDEN .host_read = 0	/* debug TDs only */
#define HOST .host_read = MD_ALL
#define BOTH .host_read = MD_ALL, .guest_read = MD_ALL

/* clang-format off */
static const struct td_row rows[] = {
	TDR(FIELD_FATAL, 1, fatal, HOST),
	TDR(NUM_TDCX, 1, tdcx_count, HOST),
	TDR(CHLDCNT, 1, child_count, HOST),
	TDR(LIFECYCLE_STATE, 1, lifecycle, HOST),
	TDR(TDCX_PA, TDCS_MAX_PAGES, tdcx, HOST),
	TDR(TD_UUID, 4, uuid, BOTH),
	TDR(HKID, 1, hkid, HOST),
	TDR(PKG_CONFIG_BITMAP, 1, packages_configured, HOST),
	NIL(HANDOFF_VERSION, 1, HOST),
	NIL(SEAMDB_INDEX, 1, HOST),
	NIL(SEAMDB_NONCE, 4, HIDDEN),
	TDCS(NUM_VCPUS, 1, num_vcpus, BOTH),
	TDCS(NUM_ASSOC_VCPUS, 1, num_assoc_vcpus, HOST),
	TDCS(OP_STATE, 1, op_state, HOST),
	NIL(NUM_L2_VMS, 1, BOTH),
	TDCS(ATTRIBUTES, 1, attributes, BOTH),
	TDCS(XFAM, 1, xfam, BOTH),
	TDCS(MAX_VCPUS, 1, max_vcpus, BOTH),
	CALC(GPAW, 1, gpaw, BOTH),
	CALC(EPTP, 1, eptp, HOST),
	TDCS(TSC_OFFSET, 1, tsc_offset, HOST),
	TDCS(TSC_MULTIPLIER, 1, tsc_multiplier, HOST),
	TDCS(TSC_FREQUENCY, 1, tsc_frequency, BOTH),
	NIL(VIRTUAL_TSC, 1, HIDDEN),
	CALC(NUM_CPUID_VALUES, 1, cpuid_value_count, HOST),
	CALC(XBUFF_SIZE, 1, xbuff_bytes, HOST),
	TDCS(NOTIFY_ENABLES, 1, notify_enables, .guest_read = 1, .guest_write = 1),
	TDCS(HP_LOCK_TIMEOUT, 1, hp_lock_timeout, HOST, .host_write = MD_ALL),
	NIL(VM_CTLS, 4, .host_read = 1),
	TDCS(CONFIG_FLAGS, 1, config_flags, BOTH),
	TDCS(TD_CTLS, 1, td_ctls, .guest_read = MD_ALL,
	     .guest_write = TD_CTLS_PENDING_VE_DISABLE | TD_CTLS_ENUM_TOPOLOGY),
	TDCS(TOPOLOGY_ENUM_CONFIGURED, 1, topology_enum_configured, BOTH),
	NIL(VE_REDUCTION_VALID, 1, BOTH),
	NIL(CPUID_VALID, 80, HIDDEN),
	CALC(XBUFF_OFFSETS, 19, xbuff_offset, HOST),
	TDCS(TD_EPOCH, 1, td_epoch, HOST),
	TDCS(REFCOUNT, 2, refcount, HOST),
	TDCS(MRTD, 6, mrtd, BOTH),
	TDCS(MRCONFIGID, 6, mrconfigid, BOTH),
	TDCS(MROWNER, 6, mrowner, BOTH),
	TDCS(MROWNERCONFIG, 6, mrownerconfig, BOTH),
	TDCS(RTMR, 24, rtmr, .guest_read = MD_ALL),
	{ .id = TDX_TD_CPUID_VALUES, .count = 0, .source = ZERO },	/* by leaf: find_next_cpuid() */
	TDCS(VIRTUAL_IA32_ARCH_CAPABILITIES, 1, arch_capabilities, HIDDEN),
	NIL(VIRTUAL_IA32_VMX_BASIC, 1, HIDDEN),
	NIL(VIRTUAL_IA32_VMX_MISC, 5, HIDDEN),
	NIL(VIRTUAL_IA32_VMX_PROCBASED_CTLS2, 9, HIDDEN),
	NIL(MIG_DEC_KEY_SET, 1, HOST),
	NIL(EXPORT_COUNT, 3, HOST),	/* and IMPORT_COUNT, MIG_EPOCH */
	NIL(BW_EPOCH, 2, HOST),	/* and TOTAL_MB_COUNT */
	NIL(MIG_DEC_KEY, 16, HIDDEN),
	NIL(MIG_VERSION, 2, HOST),
	NIL(DIRTY_COUNT, 2, HOST),	/* and MIG_COUNT */
	NIL(NUM_MIGS, 1, HOST),
	NIL(NUM_MIGRATED_VCPUS, 1, HOST),
	NIL(PRE_IMPORT_UUID, 4, BOTH),
	TDCS(SERVTD_HASH, 6, servtd_hash, BOTH),
	NIL(SERVTD_NUM, 1, BOTH),
	NIL(SERVTD_BINDINGS_TABLE, 16, BOTH),
	NIL(MIGSC_LINKS, 512, HOST),
	TDCS(X2APIC_IDS, MODULE_MAX_VCPUS_PER_TD, x2apic_ids, HOST),
	NIL(MSR_BITMAPS, 512, HIDDEN),
	NIL(SEPT_ROOT, 512, HIDDEN),
};
/* clang-format on */

static u64 readable_bits(const struct td_row *row, enum md_reader reader)
{
	return reader == MD_HOST ? row->host_read : row->guest_read;
}

static void *place_of(const struct td_ref *td, const struct td_row *row, u32 element)
{
	u8 *base = row->source == IN_TDR ? (u8 *)td->tdr : (u8 *)td->tdcs;

	return base + row->offset + element * row->bytes;
}

static u64 raw_value(const struct td_ref *td, const struct td_row *row, u32 element)
{
	const void *place = place_of(td, row, element);

	if (row->source == ZERO)
		return 0;
	if (row->source == COMPUTED)
		return row->compute(td, element);
	switch (row->bytes) {
	case 1:
		return *(const u8 *)place;
	case 2:
		return *(const u16 *)place;
	case 4:
		return *(const u32 *)place;
	default:
		return *(const u64 *)place;
	}
}

static bool is_cpuid_value(u64 field)
{
	return md_element(TDX_TD_CPUID_VALUES, CPUID_CODES, field) != MD_NOT_FOUND;
}

static bool cpuid_value(const struct td_ref *td, u32 code, u64 *value)
{
	u32 leaf = (code >> CPUID_CODE_LEAF_SHIFT) & CPUID_CODE_LOW_MASK;
	u32 subleaf = (code >> CPUID_CODE_SUBLEAF_SHIFT) & CPUID_CODE_LOW_MASK;
	struct td_cpuid_value regs;

	if (code & CPUID_CODE_HIGH_LEAF)
		leaf |= CPUID_HIGH_LEAF;
	if (code & CPUID_CODE_NO_SUBLEAF) {
		if (subleaf != CPUID_CODE_LOW_MASK)
			return false;
		subleaf = CPUID_NO_SUBLEAF;
	}
	if (!td_cpuid_value(td->tdcs, leaf, subleaf, &regs))
		return false;
	*value = (code & 1) == 0 ? regs.eax | (u64)regs.ebx << 32 : regs.ecx | (u64)regs.edx << 32;
	return true;
}

static u64 first_from(const struct td_ref *td, u32 row, enum md_reader reader);

/* The next CPUID_VALUES id at or behind @code, or the first field of the rows behind. */
static u64 find_next_cpuid(const struct td_ref *td, u32 code, u32 row, enum md_reader reader)
{
	u64 value;

	for (; code < CPUID_CODES; code++)
		if (cpuid_value(td, code, &value))
			return TDX_TD_CPUID_VALUES | code;
	return first_from(td, row + 1, reader);
}

static u64 first_from(const struct td_ref *td, u32 row, enum md_reader reader)
{
	for (; row < ARRAY_SIZE(rows); row++) {
		if (rows[row].id == TDX_TD_CPUID_VALUES && reader == MD_HOST)
			return find_next_cpuid(td, 0, row, reader);
		if (readable_bits(&rows[row], reader) != 0)
			return rows[row].id;
	}
	return TDX_MD_FIRST_FIELD;
}

static const struct td_row *find(u64 field, u32 *element)
{
	for (u32 row = 0; row < ARRAY_SIZE(rows); row++) {
		*element = md_element(rows[row].id, rows[row].count, field);
		if (*element != MD_NOT_FOUND)
			return &rows[row];
	}
	return NULL;
}

static u32 cpuid_row(void)
{
	for (u32 row = 0; row < ARRAY_SIZE(rows); row++)
		if (rows[row].id == TDX_TD_CPUID_VALUES)
			return row;
	return ARRAY_SIZE(rows);
}

static u64 read_cpuid(const struct td_ref *td, enum md_reader reader, u64 field, u64 *value, u64 *next)
{
	u32 code = md_element(TDX_TD_CPUID_VALUES, CPUID_CODES, field);

	if (!cpuid_value(td, code, value))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (reader == MD_GUEST) {
		*value = 0;
		return TDX_METADATA_FIELD_NOT_READABLE;
	}
	if (next != NULL)
		*next = find_next_cpuid(td, code + 1, cpuid_row(), reader);
	return TDX_SUCCESS;
}

u64 metadata_td_read(struct td_ref *td, enum md_reader reader, u64 field, u64 *value, u64 *next)
{
	const struct td_row *row;
	u64 readable;
	u32 element;

	*value = 0;
	if (next != NULL) {
		*next = TDX_MD_FIRST_FIELD;
		if (md_is_first_query(field)) {
			*next = first_from(td, 0, reader);
			return TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT;
		}
	}
	if (md_is_malformed(field))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (is_cpuid_value(field))
		return read_cpuid(td, reader, field, value, next);
	row = find(field, &element);
	if (row == NULL)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	readable = readable_bits(row, reader);
	if (readable == 0)
		return TDX_METADATA_FIELD_NOT_READABLE;
	*value = raw_value(td, row, element) & readable;
	if (next != NULL)
		*next = element + 1 < row->count ? row->id + element + 1 :
						   first_from(td, (u32)(row - rows) + 1, reader);
	return TDX_SUCCESS;
}

/* Rules of single fields; the general ones are done. */
static u64 check_value(const struct td_ref *td, u64 id, u64 old, u64 value, u64 mask)
{
	u64 changed = old ^ value;

	if (id == TDX_TD_HP_LOCK_TIMEOUT && mask != MD_ALL)
		return TDX_METADATA_WR_MASK_NOT_VALID;
	if (id == TDX_TD_HP_LOCK_TIMEOUT && (value < HP_LOCK_TIMEOUT_MIN_US || value > HP_LOCK_TIMEOUT_MAX_US))
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	if (id == TDX_TD_TD_CTLS && (changed & TD_CTLS_PENDING_VE_DISABLE) != 0 &&
	    (td->tdcs->config_flags & TD_CONFIG_FLEXIBLE_PENDING_VE) == 0)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	if (id == TDX_TD_TD_CTLS && (changed & value & TD_CTLS_ENUM_TOPOLOGY) != 0 &&
	    !td->tdcs->topology_enum_configured)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	return TDX_SUCCESS;
}

u64 metadata_td_write(struct td_ref *td, enum md_reader reader, u64 field, u64 value, u64 mask, u64 *previous)
{
	const struct td_row *row;
	u64 old, merged, status;
	u32 element;

	*previous = 0;
	if (md_is_malformed(field))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (is_cpuid_value(field))
		return cpuid_value(td, md_element(TDX_TD_CPUID_VALUES, CPUID_CODES, field), &old) ?
			       TDX_METADATA_FIELD_NOT_WRITABLE :
			       TDX_METADATA_FIELD_ID_INCORRECT;
	row = find(field, &element);
	if (row == NULL)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	old = raw_value(td, row, element);
	status = md_merge(old, value, mask, reader == MD_HOST ? row->host_write : row->guest_write, &merged);
	if (status == TDX_SUCCESS)
		status = check_value(td, row->id, old, merged, mask);
	if (status != TDX_SUCCESS)
		return status;
	/* Every writable field is a 64-bit member; two vCPUs may write at once. */
	if (!__atomic_compare_exchange_n((u64 *)place_of(td, row, element), &old, merged, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return BUSY(METADATA_FIELD);
	*previous = old & readable_bits(row, reader);
	return TDX_SUCCESS;
}
