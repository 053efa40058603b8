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
	CLASS_TDMR = 0x0a,
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
};

static const struct named_code seamldr_names[] = {
#define NAME(name, code) { code, "SEAMLDR_" #name },
	SEAMLDR_STATUS_LIST(NAME)
#undef NAME
};

static const struct named_code seamldr_meanings[] = {
	{ 0x8000000000000000ull, "the loader does not know this leaf or refuses a parameter" },
	{ 0x8000000000000003ull, "not allowed in the loader's present state" },
	{ 0x8000000000000004ull, "the running module's hand-off data does not suit this module" },
	{ 0x8000000000000005ull, "SEAMLDR.CLEANUP must come first" },
	{ 0x8000000000000006ull, "this loader does not support it" },
	{ 0x8000000000010002ull, "the module does not fit the SEAM range" },
	{ 0x8000000000010003ull, "the loader failed and does not say why" },
	{ 0x8000000000010004ull, "this module is not made for this CPU" },
	{ 0x8000000000020000ull, "the module's signature is wrong" },
	{ 0x8000000000020001ull, "the module's pages are not the signed ones" },
	{ 0x8000000000030000ull, "interrupted, to be called again" },
	{ 0x8000000000030001ull, "no entropy, to be called again" },
};

static const struct named_code seamldr_leaf_names[] = {
	{ SEAMLDR_INFO, "SEAMLDR.INFO" },	  { SEAMLDR_INSTALL, "SEAMLDR.INSTALL" },
	{ SEAMLDR_SHUTDOWN, "SEAMLDR.SHUTDOWN" }, { SEAMLDR_SEAMINFO, "SEAMLDR.SEAMINFO" },
	{ SEAMLDR_CLEANUP, "SEAMLDR.CLEANUP" },
};

static const char *const class_names[] = {
	"general", "operand", "busy", "page", "TD association", "system state", "TD state", "vCPU", "key", "platform",
	"TDMR", "EPT", "metadata", "service TD", "migration", "unknown", "attestation", "L2",
};

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

static const char *instruction_text(tdx_status_t status)
{
	switch (status.raw) {
	case SEAMCALL_VMFAIL_INVALID:
		return "VMfailInvalid: no TDX module is loaded";
	case SEAMCALL_GP_FAULT:
		return "#GP: the firmware has not enabled TDX";
	case SEAMCALL_UD_FAULT:
		return "#UD: this core is not in VMX operation";
	default:
		return "SEAMCALL failed in an unknown way";
	}
}

/* Do bits 31:0 name an operand? In the page and EPT classes 0 means that they say nothing. */
static bool carries_operand(tdx_status_t status)
{
	switch (class_of(status)) {
	case CLASS_OPERAND:
		return true;
	case CLASS_BUSY:
		return tdx_status_is(status, TDX_OPERAND_BUSY);
	case CLASS_PAGE:
	case CLASS_EPT:
		return tdx_status_operand(status) != 0;
	default:
		return false;
	}
}

/* What bits 31:0 say, in brackets behind the name; empty when they say nothing. */
static void detail_text(tdx_status_t status, char *to, size_t to_bytes)
{
	u32 detail = tdx_status_operand(status);
	const char *operand = name_in(operand_names, ARRAY_SIZE(operand_names), detail, ~0ull);

	to[0] = 0;
	if (carries_operand(status) && operand)
		format_text(to, to_bytes, " (operand %s)", operand);
	else if (tdx_status_is(status, TDX_INCONSISTENT_MSR) || tdx_status_is(status, TDX_INCORRECT_MSR_VALUE))
		format_text(to, to_bytes, " (MSR 0x%x)", detail);
	else if (tdx_status_is(status, TDX_CPUID_LEAF_NOT_SUPPORTED))
		format_text(to, to_bytes, " (leaf 0x%x)", detail);
	else if (tdx_status_is(status, TDX_INVALID_PKG_ID))
		format_text(to, to_bytes, " (package %u)", detail);
	else if (tdx_status_is(status, TDX_SMRR_OVERLAPS_CMR))
		format_text(to, to_bytes, " (SMRR %u, CMR %u)", detail & 0xff, detail >> 8 & 0xff);
	else if (class_of(status) == CLASS_TDMR)
		format_text(to, to_bytes, " (TDMR %u, area or level %u, other TDMR %u)", detail & 0xff,
			    detail >> 8 & 0xff, detail >> 16 & 0xff);
	else if (class_of(status) == CLASS_GENERAL && detail)
		format_text(to, to_bytes, " (exit reason %u)", detail & 0xffff);
	else if (detail)
		format_text(to, to_bytes, " (detail 0x%x)", detail);
}

const char *tdx_status_text(tdx_status_t status, char text[TDX_STATUS_TEXT_BYTES])
{
	char detail[64];
	const char *name;

	if (tdx_status_is_no_module(status)) {
		format_text(text, TDX_STATUS_TEXT_BYTES, "%s", instruction_text(status));
		return text;
	}
	name = name_in(status_names, ARRAY_SIZE(status_names), status.raw, TDX_STATUS_IDENTITY_MASK);
	if (name) {
		detail_text(status, detail, sizeof(detail));
		format_text(text, TDX_STATUS_TEXT_BYTES, "%s%s", name, detail);
	} else {
		u32 class = class_of(status);

		format_text(text, TDX_STATUS_TEXT_BYTES, "unknown status 0x%016lx (class %s)", status.raw,
			    class < ARRAY_SIZE(class_names) ? class_names[class] : "unknown");
	}
	return text;
}

const char *seamldr_status_text(tdx_status_t status, char text[TDX_STATUS_TEXT_BYTES])
{
	const char *name = name_in(seamldr_names, ARRAY_SIZE(seamldr_names), status.raw, ~0ull);
	const char *meaning = name_in(seamldr_meanings, ARRAY_SIZE(seamldr_meanings), status.raw, ~0ull);

	if (tdx_status_is_no_module(status))
		return tdx_status_text(status, text);
	if (name)
		format_text(text, TDX_STATUS_TEXT_BYTES, "%s%s%s", name, meaning ? ": " : "", meaning ? meaning : "");
	else
		format_text(text, TDX_STATUS_TEXT_BYTES, "unknown SEAMLDR status 0x%016lx", status.raw);
	return text;
}

const char *tdx_leaf_name(u64 leaf)
{
	const char *name;

	if (leaf & TDX_LEAF_SEAMLDR) {
		name = name_in(seamldr_leaf_names, ARRAY_SIZE(seamldr_leaf_names), leaf, TDX_LEAF_NUMBER_MASK);
		return name ? name : "SEAMLDR.?";
	}
	name = name_in(leaf_names, ARRAY_SIZE(leaf_names), leaf, TDX_LEAF_NUMBER_MASK);
	return name ? name : "TDH.?";
}
