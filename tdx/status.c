/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Status words in words. The names come from the lists of include/spec/tdx/; what bits 31:0 mean depends on the class:
 * an operand, an MSR, indices of a TDMR, or the VMX exit reason of a TD.
 *
 * Pure functions, any context. Manual: TDX Module ABI, "Function Completion Status Codes".
 */
#include "tdx/status.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/seamldr.h"
#include "kernel/lib/format.h"

enum status_class {
	CLASS_GENERAL = 0x00,
	CLASS_OPERAND = 0x01,
	CLASS_BUSY = 0x02,
	CLASS_PAGE = 0x03,
	CLASS_EPT = 0x0b,
	CLASS_INSTRUCTION = 0xff,	/* never used by the module */
};

struct named_code {
	u64 code;
	const char *name;
};

static const struct named_code status_names[] = {
#define NAME(name, code) { code, "TDX_" #name },
	TDX_STATUS_LIST(NAME)
#undef NAME
};

static const struct named_code operand_names[] = {
#define NAME(name, code) { code, #name },
	TDX_OPERAND_LIST(NAME)
#undef NAME
};

static const struct named_code leaf_names[] = {
#define NAME(symbol, number, name) { number, name },
	TDH_LEAF_LIST(NAME)
#undef NAME
#define NAME(symbol, number, name) { symbol, name },
	SEAMLDR_LEAF_LIST(NAME)
#undef NAME
};

static const struct named_code seamldr_texts[] = {
#define TEXT(name, meaning) { SEAMLDR_##name, "SEAMLDR_" #name ": " meaning }
	{ SEAMLDR_SUCCESS, "SEAMLDR_SUCCESS" },
	TEXT(EBADPARAM, "the loader does not know this leaf or refuses a parameter"),
	TEXT(EBADCALL, "not allowed in the loader's present state"),
	TEXT(EBADHANDOFF, "the running module's hand-off data does not suit this module"),
	TEXT(ECLEANUPREQ, "SEAMLDR.CLEANUP must come first"),
	TEXT(EUNSUPPORTED, "this loader does not support it"),
	TEXT(ENOMEM, "the module does not fit the SEAM range"),
	TEXT(EUNSPECERR, "the loader failed and does not say why"),
	TEXT(EUNSUPCPU, "this module is not made for this CPU"),
	TEXT(EBADSIG, "the module's signature is wrong"),
	TEXT(EBADHASH, "the module's pages are not the signed ones"),
	TEXT(EINTERRUPT, "interrupted, to be called again"),
	TEXT(ENOENTROPY, "no entropy, to be called again"),
#undef TEXT
};

static const struct named_code instruction_texts[] = {
	{ SEAMCALL_VMFAIL_INVALID, "VMfailInvalid: no TDX module is loaded" },
	{ SEAMCALL_GP_FAULT, "#GP: the firmware has not enabled TDX" },
	{ SEAMCALL_UD_FAULT, "#UD: this core is not in VMX operation" },
};

static const char *const class_names[] = {
	"general", "operand", "busy", "page", "TD association", "system state", "TD state", "vCPU", "key", "platform",
	"TDMR", "EPT", "metadata", "service TD", "migration", "unknown", "attestation", "L2",
};

/* clang-format off */
static const struct {
	u64 code;
	enum { DETAIL_HEX, DETAIL_DECIMAL } base;
	const char *parts[3];	/* of bits 31:0: one takes all of them, two or three a byte each */
} details[] = {
	{ TDX_INCONSISTENT_MSR, DETAIL_HEX, { "MSR" } },
	{ TDX_INCORRECT_MSR_VALUE, DETAIL_HEX, { "MSR" } },
	{ TDX_CPUID_LEAF_NOT_SUPPORTED, DETAIL_HEX, { "leaf" } },
	{ TDX_INVALID_PKG_ID, DETAIL_DECIMAL, { "package" } },
	{ TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED, DETAIL_DECIMAL, { "limit" } },
	{ TDX_SMRR_NOT_LOCKED, DETAIL_DECIMAL, { "SMRR" } },
	{ TDX_INVALID_SMRR_CONFIGURATION, DETAIL_DECIMAL, { "SMRR" } },
	{ TDX_SMRR_OVERLAPS_CMR, DETAIL_DECIMAL, { "SMRR", "CMR" } },
	{ TDX_INVALID_TDMR, DETAIL_DECIMAL, { "TDMR" } },
	{ TDX_NON_ORDERED_TDMR, DETAIL_DECIMAL, { "TDMR" } },
	{ TDX_TDMR_OUTSIDE_CMRS, DETAIL_DECIMAL, { "TDMR" } },
	{ TDX_INVALID_PAMT, DETAIL_DECIMAL, { "TDMR", "PAMT level" } },
	{ TDX_PAMT_OUTSIDE_CMRS, DETAIL_DECIMAL, { "TDMR", "PAMT level" } },
	{ TDX_PAMT_OVERLAP, DETAIL_DECIMAL, { "TDMR", "PAMT level", "other TDMR" } },
	{ TDX_INVALID_RESERVED_IN_TDMR, DETAIL_DECIMAL, { "TDMR", "reserved area" } },
	{ TDX_NON_ORDERED_RESERVED_IN_TDMR, DETAIL_DECIMAL, { "TDMR", "reserved area" } },
};
/* clang-format on */

static u32 class_of(tdx_status_t status)
{
	return (u32)(status.raw >> TDX_STATUS_CLASS_SHIFT) & 0xff;
}

static const char *name_in(const struct named_code *table, size_t count, u64 code, u64 mask)
{
	for (size_t i = 0; i < count; i++)
		if ((table[i].code & mask) == (code & mask))
			return table[i].name;
	return NULL;
}

bool tdx_status_is_no_module(tdx_status_t status)
{
	return class_of(status) == CLASS_INSTRUCTION;
}

bool tdx_status_is_busy(tdx_status_t status)
{
	return tdx_status_is(status, TDX_OPERAND_BUSY) || tdx_status_is(status, TDX_SYS_BUSY) ||
	       tdx_status_is(status, TDX_PREVIOUS_TLB_EPOCH_BUSY) || tdx_status_is(status, TDX_INTERRUPTED_BUSY);
}

int tdx_status_errno(tdx_status_t status)
{
	if (tdx_succeeded(status))
		return 0;
	if (tdx_status_is_busy(status) || tdx_status_is(status, TDX_RND_NO_ENTROPY) ||
	    tdx_status_is(status, TDX_KEY_GENERATION_FAILED))
		return -EBUSY;
	if (class_of(status) == CLASS_OPERAND)
		return -EINVAL;
	return -EIO;
}

/* Do bits 31:0 name an operand? In the page and EPT classes 0 means that they say nothing. */
static bool carries_operand(tdx_status_t status)
{
	switch (class_of(status)) {
	case CLASS_OPERAND:
		return tdx_status_is(status, TDX_OPERAND_INVALID) ||
		       tdx_status_is(status, TDX_OPERAND_ADDR_RANGE_ERROR);
	case CLASS_BUSY:
		return tdx_status_is(status, TDX_OPERAND_BUSY);
	case CLASS_PAGE:
	case CLASS_EPT:
		return tdx_status_operand(status) != 0;
	default:
		return false;
	}
}

/* What bits 31:0 say, in brackets behind the name; nothing when they say nothing. */
static void add_detail(tdx_status_t status, char *to, size_t to_bytes)
{
	u32 detail = tdx_status_operand(status);
	const char *operand = name_in(operand_names, ARRAY_SIZE(operand_names), detail, ~0ull);

	for (u32 i = 0; i < ARRAY_SIZE(details); i++) {
		const char *const *parts = details[i].parts;
		size_t used = 0;

		if (!tdx_status_is(status, details[i].code))
			continue;
		for (u32 part = 0; part < ARRAY_SIZE(details[i].parts) && parts[part]; part++)
			used += (size_t)format_text(to + used, to_bytes - used,
						    details[i].base == DETAIL_HEX ? "%s%s 0x%x" : "%s%s %u",
						    part ? ", " : " (", parts[part],
						    parts[1] ? detail >> 8 * part & 0xff : detail);
		format_text(to + used, to_bytes - used, ")");
		return;
	}
	if (carries_operand(status) && operand)
		format_text(to, to_bytes, " (operand %s)", operand);
	else if (class_of(status) == CLASS_GENERAL && detail)
		format_text(to, to_bytes, " (exit reason %u)", detail & 0xffff);
	else if (detail)
		format_text(to, to_bytes, " (detail 0x%x)", detail);
}

const char *tdx_status_text(tdx_status_t status, char text[TDX_STATUS_TEXT_BYTES])
{
	u32 class = class_of(status);
	const char *name = name_in(instruction_texts, ARRAY_SIZE(instruction_texts), status.raw, ~0ull);
	size_t used;

	if (name) {
		format_text(text, TDX_STATUS_TEXT_BYTES, "%s", name);
		return text;
	}
	name = name_in(status_names, ARRAY_SIZE(status_names), status.raw, TDX_STATUS_IDENTITY_MASK);
	if (name) {
		used = (size_t)format_text(text, TDX_STATUS_TEXT_BYTES, "%s", name);
		add_detail(status, text + used, TDX_STATUS_TEXT_BYTES - used);
	} else {
		format_text(text, TDX_STATUS_TEXT_BYTES, "unknown status 0x%016lx (class %s)", status.raw,
			    class < ARRAY_SIZE(class_names) ? class_names[class] : "unknown");
	}
	return text;
}

const char *seamldr_status_text(tdx_status_t status, char text[TDX_STATUS_TEXT_BYTES])
{
	const char *name = name_in(seamldr_texts, ARRAY_SIZE(seamldr_texts), status.raw, ~0ull);

	if (tdx_status_is_no_module(status))
		return tdx_status_text(status, text);
	if (name)
		format_text(text, TDX_STATUS_TEXT_BYTES, "%s", name);
	else
		format_text(text, TDX_STATUS_TEXT_BYTES, "unknown SEAMLDR status 0x%016lx", status.raw);
	return text;
}

const char *tdx_leaf_name(u64 leaf)
{
	const char *name =
		name_in(leaf_names, ARRAY_SIZE(leaf_names), leaf, TDX_LEAF_NUMBER_MASK | TDX_LEAF_SEAMLDR);

	return name ? name : leaf & TDX_LEAF_SEAMLDR ? "SEAMLDR.?" : "TDH.?";
}
