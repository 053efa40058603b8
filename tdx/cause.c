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

#define OUR_PLAN "Cella's plan does not suit the firmware's memory map: a fault of Cella, or the map has changed"
#define WRONG_MAP "the firmware does not call this memory convertible: its memory map may have changed"

/* clang-format off */
static const struct {
	u64 code;
	const char *meaning, *setting;
} causes[] = {
	{ TDX_RND_NO_ENTROPY, "the CPU's random numbers ran out in all attempts; this may pass: try again", NULL },
	{ TDX_KEY_GENERATION_FAILED, "the memory encryption engine found no entropy for a key: try again", NULL },
	{ TDX_SYS_INIT_NOT_PENDING, "something else has initialised the module: power the machine off and on", NULL },
	{ TDX_SYS_CONFIG_NOT_PENDING, "the firmware counted more cores than did TDH.SYS.LP.INIT: all that were there at boot "
	  "must run", SETTING_ALL_CORES },
	{ TDX_SYS_SHUTDOWN, "the module is shut down: power the machine off and on", NULL },
	{ TDX_SYS_INVALID_HANDOFF, "the older module left nothing that this one can take over", NULL },
	{ TDX_SYS_INCOMPATIBLE_SIGSTRUCT, "module and signature do not match: install it again", SETTING_SEAM_LOADER },
	{ TDX_INCOMPATIBLE_SEAM_CAPABILITIES, "the CPU's SEAM functions are too old or differ by core", SETTING_UPDATE },
	{ TDX_CRYPTO_SELF_TEST_FAILED, "the module's own test of its cryptography failed: defective CPU", NULL },
	{ TDX_UPDATE_COMPATIBILITY_SENSITIVE, "a TD is being built: the update must wait", NULL },
	{ TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED, "the firmware activated more KeyIDs than fit", SETTING_KEY_SPLIT },
	{ TDX_LIMIT_CPUID_MAXVAL_SET, "the firmware cuts CPUID off (IA32_MISC_ENABLE bit 22)", SETTING_CPUID_LIMIT },
	{ TDX_CPUID_LEAF_NOT_SUPPORTED, "CPUID does not have a leaf that TDX needs", SETTING_CPUID_LIMIT },
	{ TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED, "the processor topology in CPUID makes no sense", SETTING_UPDATE },
	{ TDX_ENABLE_MONITOR_FSM_NOT_SET, "MONITOR/MWAIT is off (IA32_MISC_ENABLE bit 18)", SETTING_MONITOR },
	{ TDX_INVALID_WBINVD_SCOPE, "the cores that share an L3 cache are not one package", SETTING_CLUSTERING },
	{ TDX_INVALID_PKG_ID, "packages beyond number 7: the firmware numbers APIC ids wrongly", SETTING_UPDATE },
	{ TDX_SMRR_NOT_SUPPORTED, "the CPU cannot fence SMM memory off (IA32_MTRRCAP bit 11)", SETTING_UPDATE },
	{ TDX_SMRR_LOCK_NOT_SUPPORTED, "the CPU cannot lock the SMM range (IA32_MTRRCAP bit 14)", SETTING_UPDATE },
	{ TDX_SMRR_NOT_LOCKED, "the firmware has not locked its SMM range (0: SMRR, 1: SMRR2)", SETTING_UPDATE },
	{ TDX_INVALID_SMRR_CONFIGURATION, "the SMM range makes no sense (0: SMRR, 1: SMRR2)", SETTING_UPDATE },
	{ TDX_SMRR_OVERLAPS_CMR, "the firmware calls its own SMM memory convertible", SETTING_UPDATE },
	{ TDX_CMR_LIST_INVALID, "the firmware's convertible memory overlaps or is out of order", SETTING_MEMORY_LAYOUT },
	{ TDX_TDMR_OUTSIDE_CMRS, WRONG_MAP, SETTING_MEMORY_LAYOUT },
	{ TDX_PAMT_OUTSIDE_CMRS, WRONG_MAP, SETTING_MEMORY_LAYOUT },
	{ TDX_METADATA_FIELD_ID_INCORRECT, "the module is too old to have the field", SETTING_SEAM_LOADER },
};

/* By MSR: what it is about, what is wrong with a value that the module refuses. */
static const struct {
	u32 first, last;
	const char *subject, *wrong, *setting;
} msrs[] = {
	{ IA32_TSC_ADJUST, IA32_TSC_ADJUST, "the offset of the time stamp counter", "is set", SETTING_UPDATE },
	{ IA32_MKTME_KEYID_PARTITIONING, IA32_MKTME_KEYID_PARTITIONING, "the KeyID split", "is not right", SETTING_KEY_SPLIT },
	{ IA32_WBINVDP, IA32_WBNOINVDP, "the number of cache parts", "is told twice, differently", SETTING_UPDATE },
	{ IA32_MISC_PACKAGE_CTLS, IA32_MISC_PACKAGE_CTLS, "energy filtering of the package", "is off", SETTING_UPDATE },
	{ IA32_XAPIC_DISABLE_STATUS, IA32_XAPIC_DISABLE_STATUS, "the lock on x2APIC mode", "is not set", SETTING_X2APIC },
	{ IA32_CORE_CAPABILITIES, IA32_CORE_CAPABILITIES, "the core capabilities", "lack one", SETTING_UPDATE },
	{ IA32_MTRRCAP, IA32_MTRRCAP, "the memory range registers", "lack what TDX needs", SETTING_UPDATE },
	{ IA32_ARCH_CAPABILITIES, IA32_ARCH_CAPABILITIES, "the mitigations", "lack one: old microcode", SETTING_UPDATE },
	{ IA32_TSX_CTRL, IA32_TSX_CTRL, "the control of TSX", "is not right: old microcode", SETTING_UPDATE },
	{ IA32_MISC_ENABLE, IA32_MISC_ENABLE, "the CPU's feature switches", "are not right", SETTING_CPUID_LIMIT },
	{ IA32_SMRR_PHYSBASE, IA32_SMRR2_PHYSMASK, "the firmware's SMM range", "is not right", SETTING_UPDATE },
	{ IA32_PERF_CAPABILITIES, IA32_PERF_CAPABILITIES, "performance counters", "have no full-width writes", SETTING_UPDATE },
	{ IA32_VMX_BASIC, IA32_VMX_EXIT_CTLS2, "the VMX capabilities", "lack a control that TDX needs", SETTING_VMX },
	{ IA32_TME_CAPABILITY, IA32_TME_CAPABILITY, "the memory encryption engine", "has no AES-XTS", SETTING_TME },
	{ IA32_TME_ACTIVATE, IA32_TME_ACTIVATE, "memory encryption", "is unlocked or has no AES-XTS active", SETTING_TME },
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
	"another core holds what the leaf needs; this may pass: try again",
	"the page is not what the leaf needs: a fault of Cella", "the TD still has pages",
	"the leaf comes too early or too late in the module's life: TDH.SYS.INIT, TDH.SYS.LP.INIT, TDH.SYS.CONFIG, keys",
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
