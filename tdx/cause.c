/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a refusal of the TDX module means to the operator, and which firmware setting is behind it: doctor_explain(). One
 * table by status, in which the statuses that name an MSR or a CPUID leaf have a row for each; a status that no row
 * names has the sentence of its class. Pure but for the doctor's row, any context.
 *
 * Manual: TDX Module ABI, "Function Completion Status Codes", "TDH.SYS.INIT Leaf", "TDH.SYS.LP.INIT Leaf",
 * "TDH.SYS.CONFIG Leaf".
 */
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "tdx/doctor.h"
#include "tdx/firmware_setting.h"

#define MEANING_BYTES 256
#define WRONG_MAP "the firmware does not call this memory convertible: its memory map may have changed"
#define UNKNOWN "Cella knows no more about it; the log at debug level has the registers"

#define DETAILS(status, from, to) .code = status, .first = from, .last = to
#define STATUS(name) DETAILS(TDX_##name, 0, ~0u)
#define INSTRUCTION(status) DETAILS(status, (u32)(status), (u32)(status))
#define MSRS(from, to) DETAILS(TDX_INCORRECT_MSR_VALUE, from, to)
#define MSR(msr) MSRS(msr, msr)
#define LEAF(leaf) DETAILS(TDX_INCORRECT_CPUID_VALUE, leaf, leaf)

/* clang-format off */
/* The first row that fits counts. */
static const struct cause {
	u64 code;
	u32 first, last;	/* bits 31:0, or the CPUID leaf */
	const char *meaning;	/* of MSRs and CPUID leaves: what they are about */
	const char *setting;
	const char *wrong;	/* MSRs only: what is wrong with a value that the module refuses */
} causes[] = {
	{ STATUS(RND_NO_ENTROPY), "the CPU's random numbers ran out in all attempts; this may pass: try again" },
	{ STATUS(KEY_GENERATION_FAILED), "the memory encryption engine found no entropy for a key: try again" },
	{ STATUS(SYS_INIT_NOT_PENDING), "something else has initialised the module: power the machine off and on" },
	{ STATUS(SYS_CONFIG_NOT_PENDING), "the firmware counted more cores than did TDH.SYS.LP.INIT: all that were there at "
	  "boot must run", SETTING_ALL_CORES },
	{ STATUS(SYS_SHUTDOWN), "the module is shut down: power the machine off and on" },
	{ STATUS(SYS_INVALID_HANDOFF), "the older module left nothing that this one can take over" },
	{ STATUS(SYS_INCOMPATIBLE_SIGSTRUCT), "module and signature do not match: install it again", SETTING_SEAM_LOADER },
	{ STATUS(INCOMPATIBLE_SEAM_CAPABILITIES), "the CPU's SEAM functions are too old or differ by core", SETTING_UPDATE },
	{ STATUS(CRYPTO_SELF_TEST_FAILED), "the module's own test of its cryptography failed: defective CPU" },
	{ STATUS(UPDATE_COMPATIBILITY_SENSITIVE), "a TD is being built: the update must wait" },
	{ STATUS(NUM_ACTIVATED_HKIDS_NOT_SUPPORTED), "the firmware activated more KeyIDs than fit", SETTING_KEY_SPLIT },
	{ STATUS(LIMIT_CPUID_MAXVAL_SET), "the firmware cuts CPUID off (IA32_MISC_ENABLE bit 22)", SETTING_CPUID_LIMIT },
	{ STATUS(CPUID_LEAF_NOT_SUPPORTED), "CPUID does not have a leaf that TDX needs", SETTING_CPUID_LIMIT },
	{ STATUS(CPUID_LEAF_1F_FORMAT_UNRECOGNIZED), "the processor topology in CPUID makes no sense", SETTING_UPDATE },
	{ STATUS(ENABLE_MONITOR_FSM_NOT_SET), "MONITOR/MWAIT is off (IA32_MISC_ENABLE bit 18)", SETTING_MONITOR },
	{ STATUS(INVALID_WBINVD_SCOPE), "the cores that share an L3 cache are not one package", SETTING_CLUSTERING },
	{ STATUS(INVALID_PKG_ID), "packages beyond number 7: the firmware numbers APIC ids wrongly", SETTING_UPDATE },
	{ STATUS(SMRR_NOT_SUPPORTED), "the CPU cannot fence SMM memory off (IA32_MTRRCAP bit 11)", SETTING_UPDATE },
	{ STATUS(SMRR_LOCK_NOT_SUPPORTED), "the CPU cannot lock the SMM range (IA32_MTRRCAP bit 14)", SETTING_UPDATE },
	{ STATUS(SMRR_NOT_LOCKED), "the firmware has not locked its SMM range (0: SMRR, 1: SMRR2)", SETTING_UPDATE },
	{ STATUS(INVALID_SMRR_CONFIGURATION), "the SMM range makes no sense (0: SMRR, 1: SMRR2)", SETTING_UPDATE },
	{ STATUS(SMRR_OVERLAPS_CMR), "the firmware calls its own SMM memory convertible", SETTING_UPDATE },
	{ STATUS(CMR_LIST_INVALID), "the firmware's convertible memory overlaps or is out of order", SETTING_MEMORY_LAYOUT },
	{ STATUS(TDMR_OUTSIDE_CMRS), WRONG_MAP, SETTING_MEMORY_LAYOUT },
	{ STATUS(PAMT_OUTSIDE_CMRS), WRONG_MAP, SETTING_MEMORY_LAYOUT },
	{ STATUS(METADATA_FIELD_ID_INCORRECT), "the module is too old to have the field", SETTING_SEAM_LOADER },
	{ MSR(IA32_TSC_ADJUST), "the offset of the time stamp counter", SETTING_UPDATE, "is set" },
	{ MSR(IA32_MKTME_KEYID_PARTITIONING), "the KeyID split", SETTING_KEY_SPLIT, "is not right" },
	{ MSRS(IA32_WBINVDP, IA32_WBNOINVDP), "the number of cache parts", SETTING_UPDATE, "is told twice, differently" },
	{ MSR(IA32_MISC_PACKAGE_CTLS), "energy filtering of the package", SETTING_UPDATE, "is off" },
	{ MSR(IA32_XAPIC_DISABLE_STATUS), "the lock on x2APIC mode", SETTING_X2APIC, "is not set" },
	{ MSR(IA32_CORE_CAPABILITIES), "the core capabilities", SETTING_UPDATE, "lack one" },
	{ MSR(IA32_MTRRCAP), "the memory range registers", SETTING_UPDATE, "lack what TDX needs" },
	{ MSR(IA32_ARCH_CAPABILITIES), "the mitigations", SETTING_UPDATE, "lack one: old microcode" },
	{ MSR(IA32_TSX_CTRL), "the control of TSX", SETTING_UPDATE, "is not right: old microcode" },
	{ MSR(IA32_MISC_ENABLE), "the CPU's feature switches", SETTING_UPDATE,
	  "lack performance monitoring (bit 7) or branch traces (bit 11)" },
	{ MSRS(IA32_SMRR_PHYSBASE, IA32_SMRR2_PHYSMASK), "the firmware's SMM range", SETTING_UPDATE, "is not right" },
	{ MSR(IA32_PERF_CAPABILITIES), "performance counters", SETTING_UPDATE, "have no full-width writes" },
	{ MSRS(IA32_VMX_BASIC, IA32_VMX_EXIT_CTLS2), "the VMX capabilities", SETTING_VMX, "lack a control that TDX needs" },
	{ MSR(IA32_TME_CAPABILITY), "the memory encryption engine", SETTING_INTEGRITY,
	  "has no AES-XTS, or none with the integrity that is set" },
	{ MSR(IA32_TME_ACTIVATE), "memory encryption", SETTING_INTEGRITY,
	  "is unlocked, or has no AES-XTS with the integrity that is set" },
	{ STATUS(INCORRECT_MSR_VALUE), "a register of the CPU", SETTING_UPDATE, "does not hold what TDX needs" },
	{ LEAF(CPUID_VENDOR), "the vendor" },
	{ LEAF(CPUID_FEATURES), "basic features: AES, SMX, VMX, x2APIC and others", SETTING_VMX },
	{ LEAF(CPUID_CACHE), "cache parameters", SETTING_UPDATE },
	{ LEAF(CPUID_EXTENDED), "extended features", SETTING_UPDATE },
	{ LEAF(CPUID_PERFMON), "performance counters", SETTING_UPDATE },
	{ LEAF(CPUID_XSAVE), "XSAVE components", SETTING_UPDATE },
	{ LEAF(CPUID_TOPOLOGY_V2), "topology", SETTING_CLUSTERING },
	{ LEAF(CPUID_EXT_ADDRESS), "address width", SETTING_ADDRESS_LIMIT },
	{ STATUS(INCORRECT_CPUID_VALUE), "other features", SETTING_UPDATE },
	{ INSTRUCTION(SEAMCALL_VMFAIL_INVALID), "the firmware's SEAM loader found no module to load, or was not asked to",
	  SETTING_SEAM_LOADER },
	{ INSTRUCTION(SEAMCALL_GP_FAULT), "the firmware began to set TDX up and left it off", SETTING_TDX },
	{ INSTRUCTION(SEAMCALL_UD_FAULT), "VMX was switched off behind Cella's back" },
};

static const char *const class_meanings[] = {
	"the TD or its vCPU cannot go on", "Cella passed something that the module refuses",
	"another core holds what the leaf needs; this may pass: try again",
	"the page is not what the leaf needs: a fault of Cella", "the TD still has pages",
	"the leaf comes too early or too late in the module's life: TDH.SYS.INIT, TDH.SYS.LP.INIT, TDH.SYS.CONFIG, keys",
	"the TD is not in the state that the leaf needs", "the vCPU is not in the state that the leaf needs",
	"the KeyID is not in the state that the leaf needs", "the platform lacks something that the leaf needs",
	"Cella's plan does not suit the firmware's memory map: a fault of Cella, or the map has changed",
	"the TD's private memory is not mapped as the leaf needs it",
	"the module refuses a metadata field", "the binding of a service TD is refused", "migration is refused", NULL,
	"what was to be attested is refused", "an exit of a nested guest",
};
/* clang-format on */

static const struct cause no_cause;

static const struct cause *cause_of(u64 code, u32 detail)
{
	for (u32 i = 0; i < ARRAY_SIZE(causes); i++)
		if (tdx_status_is((tdx_status_t){ code }, causes[i].code) && detail >= causes[i].first &&
		    detail <= causes[i].last)
			return &causes[i];
	return &no_cause;
}

/* The sentence of an MSR that is wrong, or not the same on all cores. */
static const char *explain_msr(tdx_status_t status, char *meaning)
{
	const struct cause *cause = cause_of(TDX_INCORRECT_MSR_VALUE, tdx_status_operand(status));

	if (tdx_status_is(status, TDX_INCONSISTENT_MSR))
		format_text(meaning, MEANING_BYTES, "cores disagree: %s is not that of the core that ran TDH.SYS.INIT",
			    cause->meaning);
	else
		format_text(meaning, MEANING_BYTES, "%s %s", cause->meaning, cause->wrong);
	return cause->setting;
}

/* The same of a CPUID leaf, with each register that has bits in @cpuid's mask and, if any is, is wrong. */
static const char *explain_cpuid(tdx_status_t status, const struct tdx_cpuid_complaint *cpuid, char *meaning)
{
	const struct cause *cause = cause_of(TDX_INCORRECT_CPUID_VALUE, cpuid->leaf);
	bool differs = tdx_status_is(status, TDX_INCONSISTENT_CPUID_FIELD), any_wrong = false;
	char subleaf[16] = "";
	u64 used;

	if (cpuid->subleaf != TDX_CPUID_NO_SUBLEAF)
		format_text(subleaf, sizeof(subleaf), ".0x%x", cpuid->subleaf);
	format_text(meaning, MEANING_BYTES, "CPUID 0x%x%s (%s) %s", cpuid->leaf, subleaf, cause->meaning,
		    differs ? "differs between cores, here" : "reads");
	for (u32 i = 0; i < TDX_CPUID_REGISTERS; i++)
		any_wrong |= (cpuid->reads[i] & cpuid->mask[i]) != cpuid->expected[i];
	for (u32 i = 0; i < TDX_CPUID_REGISTERS; i++) {
		used = strlen(meaning);
		if (differs && cpuid->mask[i])
			format_text(meaning + used, MEANING_BYTES - used, " e%cx %08x & %08x", 'a' + i, cpuid->reads[i],
				    cpuid->mask[i]);
		else if (cpuid->mask[i] && (!any_wrong || (cpuid->reads[i] & cpuid->mask[i]) != cpuid->expected[i]))
			format_text(meaning + used, MEANING_BYTES - used, " e%cx %08x (& %08x must be %08x)", 'a' + i,
				    cpuid->reads[i], cpuid->mask[i], cpuid->expected[i]);
	}
	return cause->setting;
}

/* Writes the sentence behind @status, without a full stop; returns the firmware setting, NULL: none governs it. */
static const char *explain(tdx_status_t status, const struct tdx_cpuid_complaint *cpuid, char *meaning)
{
	u32 class = (u32)(status.raw >> TDX_STATUS_CLASS_SHIFT) & 0xff;
	bool about_cpuid = tdx_status_is(status, TDX_INCORRECT_CPUID_VALUE) ||
			   tdx_status_is(status, TDX_INCONSISTENT_CPUID_FIELD);
	const struct cause *cause;

	if (tdx_status_is(status, TDX_INCORRECT_MSR_VALUE) || tdx_status_is(status, TDX_INCONSISTENT_MSR))
		return explain_msr(status, meaning);
	if (about_cpuid && cpuid)
		return explain_cpuid(status, cpuid, meaning);
	cause = about_cpuid ? &no_cause : cause_of(status.raw, tdx_status_operand(status));
	format_text(meaning, MEANING_BYTES, "%s",
		    cause->meaning ? cause->meaning :
		    class < ARRAY_SIZE(class_meanings) && class_meanings[class] ? class_meanings[class] : UNKNOWN);
	return cause->setting;
}

void doctor_explain(const char *what, tdx_status_t status, const struct tdx_cpuid_complaint *cpuid)
{
	char id[32], name[TDX_STATUS_TEXT_BYTES], meaning[MEANING_BYTES];
	const char *setting = explain(status, cpuid, meaning);
	const char *where = strchr(what, ' ');

	tdx_status_text(status, name);
	if (status.raw == SEAMCALL_VMFAIL_INVALID && memcmp(what, "TDH.", 4) == 0) {
		doctor_row("module", DOCTOR_FAIL, setting, "%s: %s: %s", what, name, meaning);
		return;
	}
	format_text(id, sizeof(id), "%.*s", where ? (int)(where - what) : (int)strlen(what), what);
	doctor_row(id, DOCTOR_FAIL, setting, "%s%s%s: %s", where ? where + 1 : "", where ? ": " : "", name, meaning);
}
