/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See cause.h. Three tables: by status, by MSR for the statuses that name one, by CPUID leaf for those that name one; a
 * status that no row names has the sentence of its class.
 *
 * Manual: TDX Module ABI, "Function Completion Status Codes", "TDH.SYS.INIT Leaf", "TDH.SYS.LP.INIT Leaf",
 * "TDH.SYS.CONFIG Leaf".
 */
#include "tdx/cause.h"

#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "tdx/firmware_setting.h"

#define OUR_PLAN "Cella's plan and the memory map of the firmware do not agree: a fault of Cella, or the map has changed"

struct cause {
	u64 code;
	const char *meaning;
	const char *setting;
};

/* clang-format off */
static const struct cause causes[] = {
	{ TDX_SYS_BUSY, "another core is inside the module; this may pass: try again", NULL },
	{ TDX_RND_NO_ENTROPY, "the CPU's random number generator gave nothing in all attempts; this may pass: try again",
	  NULL },
	{ TDX_KEY_GENERATION_FAILED, "the memory encryption engine found no entropy for a key; this may pass: try again",
	  NULL },
	{ TDX_OPERAND_BUSY, "another core holds what the leaf needs; this may pass: try again", NULL },
	{ TDX_INTERRUPTED_RESUMABLE, "an interrupt stopped the leaf, which was not called again often enough", NULL },
	{ TDX_INTERRUPTED_RESTARTABLE, "an interrupt stopped the leaf, which was not called again often enough", NULL },
	{ TDX_OPERAND_ADDR_RANGE_ERROR, "the address lies in no TDMR that is initialised", NULL },
	{ TDX_SYS_INIT_NOT_PENDING, "something else has initialised the module since it was loaded: power the machine off "
	  "and on", NULL },
	{ TDX_SYS_LP_INIT_NOT_PENDING, "the module is not waiting for cores: TDH.SYS.INIT must succeed first", NULL },
	{ TDX_SYS_LP_INIT_NOT_DONE, "this core has not done TDH.SYS.LP.INIT", NULL },
	{ TDX_SYS_LP_INIT_DONE, "this core has done TDH.SYS.LP.INIT before", NULL },
	{ TDX_SYS_CONFIG_NOT_PENDING, "the firmware counted more cores than did TDH.SYS.LP.INIT: every core that was there "
	  "at boot must run", SETTING_ALL_CORES },
	{ TDX_SYS_KEY_CONFIG_NOT_PENDING, "TDH.SYS.CONFIG must succeed first, and keys are made once", NULL },
	{ TDX_SYS_NOT_READY, "the module's bring-up is not finished", NULL },
	{ TDX_SYS_SHUTDOWN, "the module is shut down: power the machine off and on", NULL },
	{ TDX_SYS_STATE_INCORRECT, "the module is not in the state in which it takes over from an older one", NULL },
	{ TDX_SYS_INVALID_HANDOFF, "the older module left nothing that this one can take over", NULL },
	{ TDX_SYS_INCOMPATIBLE_SIGSTRUCT, "the module's file and its signature do not belong together: install the module "
	  "again", SETTING_SEAM_LOADER },
	{ TDX_INCOMPATIBLE_SEAM_CAPABILITIES, "the CPU's SEAM functions are too old for this module, or differ between "
	  "cores: update the microcode", SETTING_UPDATE },
	{ TDX_CRYPTO_SELF_TEST_FAILED, "the module's self-test of its cryptography failed: defective CPU or module", NULL },
	{ TDX_UPDATE_COMPATIBILITY_SENSITIVE, "a TD is being built: the update must wait", NULL },
	{ TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED, "the firmware has activated more KeyIDs than the module can manage",
	  SETTING_KEY_SPLIT },
	{ TDX_LIMIT_CPUID_MAXVAL_SET, "the firmware cuts CPUID off at an early leaf (IA32_MISC_ENABLE bit 22)",
	  SETTING_CPUID_LIMIT },
	{ TDX_CPUID_LEAF_NOT_SUPPORTED, "CPUID does not have a leaf that TDX needs", SETTING_CPUID_LIMIT },
	{ TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED, "the module does not understand the processor topology in CPUID 0x1f",
	  SETTING_UPDATE },
	{ TDX_CPUID_MAX_SUBLEAVES_UNRECOGNIZED, "a CPUID leaf has more parts than this module knows: install a newer module",
	  SETTING_SEAM_LOADER },
	{ TDX_ENABLE_MONITOR_FSM_NOT_SET, "MONITOR/MWAIT is off (IA32_MISC_ENABLE bit 18)", SETTING_MONITOR },
	{ TDX_INVALID_WBINVD_SCOPE, "the cores that share the L3 cache are not exactly those of the package",
	  SETTING_CLUSTERING },
	{ TDX_INVALID_PKG_ID, "the package has a number beyond 7, the last that TDX knows: the firmware numbers APIC ids "
	  "wrongly", SETTING_UPDATE },
	{ TDX_SMRR_NOT_SUPPORTED, "the CPU does not protect the firmware's SMM memory (IA32_MTRRCAP bit 11, SMRR)",
	  SETTING_UPDATE },
	{ TDX_SMRR_LOCK_NOT_SUPPORTED, "the CPU cannot lock the SMM range (IA32_MTRRCAP bit 14, SMRR lock)",
	  SETTING_UPDATE },
	{ TDX_SMRR_NOT_LOCKED, "the firmware has not locked its SMM range (0: SMRR, 1: SMRR2)", SETTING_UPDATE },
	{ TDX_INVALID_SMRR_CONFIGURATION, "base or size of the firmware's SMM range make no sense (0: SMRR, 1: SMRR2)",
	  SETTING_UPDATE },
	{ TDX_SMRR_OVERLAPS_CMR, "the firmware calls its own SMM memory convertible", SETTING_UPDATE },
	{ TDX_CMR_LIST_INVALID, "the firmware's list of convertible memory overlaps or is out of order",
	  SETTING_MEMORY_LAYOUT },
	{ TDX_INVALID_TDMR, OUR_PLAN, NULL },
	{ TDX_NON_ORDERED_TDMR, OUR_PLAN, NULL },
	{ TDX_TDMR_OUTSIDE_CMRS, "the TD pool has memory that the firmware does not call convertible: its memory map may have "
	  "changed",
	  SETTING_MEMORY_LAYOUT },
	{ TDX_TDMR_ALREADY_INITIALIZED, "this TDMR was complete before", NULL },
	{ TDX_INVALID_PAMT, OUR_PLAN, NULL },
	{ TDX_PAMT_OUTSIDE_CMRS, "a PAMT lies in memory that the firmware does not call convertible: its memory map may have "
	  "changed",
	  SETTING_MEMORY_LAYOUT },
	{ TDX_PAMT_OVERLAP, OUR_PLAN, NULL },
	{ TDX_INVALID_RESERVED_IN_TDMR, OUR_PLAN, NULL },
	{ TDX_NON_ORDERED_RESERVED_IN_TDMR, OUR_PLAN, NULL },
	{ TDX_METADATA_FIELD_ID_INCORRECT, "this module does not have the field: install a newer one", SETTING_SEAM_LOADER },
	{ TDX_METADATA_FIELD_NOT_READABLE, "this module does not show the field to its host", NULL },
};

/* By MSR: what it is about, what is wrong with a value that the module refuses. */
static const struct {
	u32 first, last;
	const char *subject, *wrong;
	const char *setting;
} msrs[] = {
	{ IA32_TSC_ADJUST, IA32_TSC_ADJUST, "the offset of the time stamp counter", "is set: cold-start the machine",
	  SETTING_UPDATE },
	{ IA32_MKTME_KEYID_PARTITIONING, IA32_MKTME_KEYID_PARTITIONING, "the KeyID split", "does not suit the module",
	  SETTING_KEY_SPLIT },
	{ IA32_WBINVDP, IA32_WBNOINVDP, "the number of cache parts to write back", "differs between the two registers that "
	  "give it", SETTING_UPDATE },
	{ IA32_MISC_PACKAGE_CTLS, IA32_MISC_PACKAGE_CTLS, "energy filtering of the package", "is off", SETTING_UPDATE },
	{ IA32_XAPIC_DISABLE_STATUS, IA32_XAPIC_DISABLE_STATUS, "the lock on x2APIC mode", "is not set", SETTING_X2APIC },
	{ IA32_CORE_CAPABILITIES, IA32_CORE_CAPABILITIES, "the core capabilities", "lack what TDX needs", SETTING_UPDATE },
	{ IA32_MTRRCAP, IA32_MTRRCAP, "the memory range registers", "lack what TDX needs", SETTING_UPDATE },
	{ IA32_ARCH_CAPABILITIES, IA32_ARCH_CAPABILITIES, "the list of immunities and mitigations",
	  "lacks one that TDX needs: old microcode", SETTING_UPDATE },
	{ IA32_TSX_CTRL, IA32_TSX_CTRL, "the control of TSX", "is not right: wrong microcode or firmware", SETTING_UPDATE },
	{ IA32_MISC_ENABLE, IA32_MISC_ENABLE, "the CPU's feature switches", "are not as TDX needs them",
	  SETTING_CPUID_LIMIT "; " SETTING_MONITOR },
	{ IA32_SMRR_PHYSBASE, IA32_SMRR2_PHYSMASK, "the firmware's SMM range", "is not right", SETTING_UPDATE },
	{ IA32_PERF_CAPABILITIES, IA32_PERF_CAPABILITIES, "the performance counters", "have no full-width writes",
	  SETTING_UPDATE },
	{ IA32_VMX_BASIC, IA32_VMX_EXIT_CTLS2, "the VMX capabilities", "lack a control that TDX needs", SETTING_VMX },
	{ IA32_TME_CAPABILITY, IA32_TME_CAPABILITY, "the ciphers of the memory encryption engine", "lack AES-XTS",
	  SETTING_TME },
	{ IA32_TME_ACTIVATE, IA32_TME_ACTIVATE, "the memory encryption settings", "are unlocked or without AES-XTS",
	  SETTING_TME },
	{ 0, ~0u, "a register of the CPU", "does not hold what TDX needs", SETTING_UPDATE },	/* last: any other */
};

static const struct {
	u32 leaf;
	const char *subject, *setting;
} leaves[] = {
	{ CPUID_VENDOR, "the vendor", NULL },
	{ CPUID_FEATURES, "basic features: AES, SMX, VMX, x2APIC and others", SETTING_VMX },
	{ CPUID_CACHE, "cache parameters", SETTING_UPDATE },
	{ CPUID_EXTENDED, "extended features", SETTING_UPDATE },
	{ CPUID_PERFMON, "performance counters", SETTING_UPDATE },
	{ CPUID_XSAVE, "XSAVE components", SETTING_UPDATE },
	{ CPUID_TOPOLOGY_V2, "topology", SETTING_CLUSTERING },
	{ CPUID_EXT_ADDRESS, "address width", SETTING_ADDRESS_LIMIT },
};
static const char *const class_meanings[] = {
	"the TD or its vCPU cannot go on", "Cella passed something that the module refuses",
	"this may pass: try again", "the page is not what the leaf needs: a fault of Cella",
	"the TD still has pages", "the module is not in the state that the leaf needs",
	"the TD is not in the state that the leaf needs", "the vCPU is not in the state that the leaf needs",
	"the KeyID is not in the state that the leaf needs", "the platform lacks something that the leaf needs",
	OUR_PLAN, "the TD's private memory is not mapped as the leaf needs it",
	"the module refuses a metadata field", "the binding of a service TD is refused", "migration is refused", NULL,
	"what was to be attested is refused", "an exit of a nested guest",
};
/* clang-format on */

static const char *msr_cause(tdx_status_t status, char *meaning)
{
	u32 msr = tdx_status_operand(status);
	u32 i = 0;

	while (msr < msrs[i].first || msr > msrs[i].last)
		i++;
	if (tdx_status_is(status, TDX_INCONSISTENT_MSR))
		format_text(meaning, CAUSE_TEXT_BYTES,
			    "cores disagree: %s is not that of the core that ran TDH.SYS.INIT", msrs[i].subject);
	else
		format_text(meaning, CAUSE_TEXT_BYTES, "%s %s", msrs[i].subject, msrs[i].wrong);
	return msrs[i].setting;
}

/* Bits of one register, behind what stands in @meaning. */
static void add_bits(char *meaning, char reg, u32 mask, const u32 *wanted)
{
	u64 used = strlen(meaning);

	if (mask && wanted)
		format_text(meaning + used, CAUSE_TEXT_BYTES - used, " e%cx & %08x = %08x", reg, mask, *wanted);
	else if (mask)
		format_text(meaning + used, CAUSE_TEXT_BYTES - used, " e%cx & %08x", reg, mask);
}

static const char *cpuid_cause(tdx_status_t status, const struct tdx_cpuid_complaint *cpuid, char *meaning)
{
	bool same = tdx_status_is(status, TDX_INCONSISTENT_CPUID_FIELD);
	const struct td_cpuid_value *mask = &cpuid->mask, *wanted = &cpuid->expected;
	const char *subject = "other features", *setting = SETTING_UPDATE;
	char subleaf[16] = "";

	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++) {
		if (leaves[i].leaf == cpuid->leaf) {
			subject = leaves[i].subject;
			setting = leaves[i].setting;
		}
	}
	if (cpuid->subleaf != TDX_CPUID_NO_SUBLEAF)
		format_text(subleaf, sizeof(subleaf), ".0x%x", cpuid->subleaf);
	format_text(meaning, CAUSE_TEXT_BYTES, "CPUID 0x%x%s (%s) %s", cpuid->leaf, subleaf, subject,
		    same ? "differs between cores in" : "must have");
	add_bits(meaning, 'a', mask->eax, same ? NULL : &wanted->eax);
	add_bits(meaning, 'b', mask->ebx, same ? NULL : &wanted->ebx);
	add_bits(meaning, 'c', mask->ecx, same ? NULL : &wanted->ecx);
	add_bits(meaning, 'd', mask->edx, same ? NULL : &wanted->edx);
	return setting;
}

/* The instruction itself failed; the status text has said how. */
static const char *instruction_cause(tdx_status_t status, char *meaning)
{
	const char *how = CAUSE_UNKNOWN, *setting = NULL;

	if (status.raw == SEAMCALL_VMFAIL_INVALID) {
		how = "the firmware's SEAM loader found no module to load, or was not asked to";
		setting = SETTING_SEAM_LOADER;
	} else if (status.raw == SEAMCALL_GP_FAULT) {
		how = "the firmware began to set TDX up and left it off";
		setting = SETTING_TDX;
	} else if (status.raw == SEAMCALL_UD_FAULT) {
		how = "VMX was switched off behind Cella's back";
	}
	format_text(meaning, CAUSE_TEXT_BYTES, "%s", how);
	return setting;
}

const char *cause_of(tdx_status_t status, const struct tdx_cpuid_complaint *cpuid, char meaning[CAUSE_TEXT_BYTES])
{
	u32 class = (u32)(status.raw >> TDX_STATUS_CLASS_SHIFT) & 0xff;

	if (tdx_status_is_no_module(status))
		return instruction_cause(status, meaning);
	if (tdx_status_is(status, TDX_INCORRECT_MSR_VALUE) || tdx_status_is(status, TDX_INCONSISTENT_MSR))
		return msr_cause(status, meaning);
	if (cpuid && (tdx_status_is(status, TDX_INCORRECT_CPUID_VALUE) ||
		      tdx_status_is(status, TDX_INCONSISTENT_CPUID_FIELD)))
		return cpuid_cause(status, cpuid, meaning);
	for (u32 i = 0; i < ARRAY_SIZE(causes); i++) {
		if (tdx_status_is(status, causes[i].code)) {
			format_text(meaning, CAUSE_TEXT_BYTES, "%s", causes[i].meaning);
			return causes[i].setting;
		}
	}
	format_text(meaning, CAUSE_TEXT_BYTES, "%s",
		    class < ARRAY_SIZE(class_meanings) && class_meanings[class] ? class_meanings[class] : CAUSE_UNKNOWN);
	return NULL;
}
