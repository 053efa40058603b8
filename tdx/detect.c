/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preconditions of TDX that show without a SEAMCALL, as a table in the order in which they depend on each other: most
 * are bits of a register, the rest have a function. All of them are judged, so that one visit to the firmware set-up is
 * enough; one whose predecessor fails is "not reached". Passing them proves nothing yet: buggy firmware reports KeyIDs
 * although TDX cannot work, and only TDH.SYS.INIT finds out.
 *
 * Manual: TDX Module Base, "Intel TDX Enumeration and Configuration"; Intel Architecture Memory Encryption
 * Technologies, "IA32_TME_ACTIVATE", "IA32_MKTME_KEYID_PARTITIONING"; SDM volume 4 for the other MSRs.
 */
#include "tdx/detect.h"

#include "include/cella/errno.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "tdx/doctor.h"
#include "tdx/firmware_setting.h"
#include "tdx/keyid.h"

enum {
	LEAST_PRIVATE_KEYIDS = 2,	/* one for the module, one for a TD */
	JUDGEMENT_BYTES = 224,
	CPU_FAMILY_MODEL_MASK = 0x0fff0ff0,	/* of CPUID.1:EAX */
	SAPPHIRE_RAPIDS = 0x000806f0,
	EMERALD_RAPIDS = 0x000c06f0,
};

/* clang-format off */
enum check_index {
	CHECK_NONE, CHECK_VENDOR, CHECK_CPUID_LIMIT, CHECK_VMX, CHECK_XSAVE, CHECK_MOVDIR64B, CHECK_SELF_SNOOP,
	CHECK_TME_PRESENT, CHECK_TME_ENABLED, CHECK_TME_LOCKED, CHECK_TME_MT, CHECK_TME_ALGORITHM, CHECK_KEYID_MSR,
	CHECK_KEYID_COUNT, CHECK_KEYID_RANGE, CHECK_SEAMRR_CAPABILITY, CHECK_SEAMRR_BASE, CHECK_SEAMRR_LOCKED,
	CHECK_SEAMRR_VALID, CHECK_SMRR, CHECK_X2APIC_OPT_OUT, CHECK_XAPIC_LOCK, CHECK_CORES, CHECK_HOTPLUG_CPU,
	CHECK_HOTPLUG_MEMORY, CHECK_ERRATUM_PARTIAL_WRITE, CHECK_ERRATUM_SEAMRET, CHECK_COUNT,
};
/* clang-format on */

struct check {
	const char *id;
	enum check_index needs;	/* must hold, or this one is not reached */
	const char *setting;
	/* with a function */
	enum doctor_verdict (*judge)(const struct platform_facts *facts, char *text);
	/* without: bits @mask of a register must be @wanted, or must not be */
	const char *name;
	u32 msr;	/* 0: the CPUID register at @cpuid of struct platform_facts */
	u32 cpuid;
	enum { IS, IS_NOT } test;
	u64 mask, wanted;
	const char *good, *bad;
	enum doctor_verdict otherwise;	/* when they are not so */
	const char *unreadable;	/* what it means when the register cannot be read; NULL: a failure */
};

#define say(text, ...) format_text(text, JUDGEMENT_BYTES, __VA_ARGS__)

static u64 msr(const struct platform_facts *facts, u32 number)
{
	u64 value = 0;

	(void)facts->read_msr(number, &value);
	return value;
}

static enum doctor_verdict judge_vendor(const struct platform_facts *facts, char *text)
{
	bool intel = strcmp(facts->vendor, "GenuineIntel") == 0;

	say(text, "CPUID 0 reads %s%s", facts->vendor, intel ? "" : ", TDX needs a CPU by Intel (GenuineIntel)");
	return intel ? DOCTOR_PASS : DOCTOR_FAIL;
}

static enum doctor_verdict judge_vmx(const struct platform_facts *facts, char *text)
{
	if (!facts->vmx_reason) {
		say(text, "all %u cores are in VMX operation", facts->cores_started);
		return DOCTOR_PASS;
	}
	say(text, "core %u (APIC id 0x%x) is not in VMX operation: %s", facts->vmx_core, facts->vmx_apic_id,
	    facts->vmx_reason);
	return DOCTOR_FAIL;
}

static u32 keyid_bits(const struct platform_facts *facts)
{
	return (u32)(msr(facts, IA32_TME_ACTIVATE) >> TME_ACTIVATE_KEYID_BITS_SHIFT) &
	       TME_ACTIVATE_KEYID_BITS_MASK;
}

/* Whether the module wants integrity only the firmware's table for it tells, so any AES-XTS will do here. */
static enum doctor_verdict judge_algorithm(const struct platform_facts *facts, char *text)
{
	u64 offered = msr(facts, IA32_TME_CAPABILITY) & TME_AES_XTS_MASK;
	u64 active = msr(facts, IA32_TME_ACTIVATE) >> TME_ACTIVATE_AES_XTS_SHIFT & TME_AES_XTS_MASK;

	say(text, "IA32_TME_CAPABILITY (MSR 0x%x) offers ciphers 0x%lx, IA32_TME_ACTIVATE (MSR 0x%x) activates 0x%lx: %s",
	    IA32_TME_CAPABILITY, offered, IA32_TME_ACTIVATE, active,
	    !offered ? "the engine has no AES-XTS, which TDX needs" :
	    !(offered & active) ? "the firmware activated no AES-XTS for KeyIDs" : "AES-XTS for KeyIDs");
	return offered & active ? DOCTOR_PASS : DOCTOR_FAIL;
}

static enum doctor_verdict judge_keyid_count(const struct platform_facts *facts, char *text)
{
	u64 partitioning = msr(facts, IA32_MKTME_KEYID_PARTITIONING);
	bool enough = partitioning >> 32 >= LEAST_PRIVATE_KEYIDS;

	say(text, "IA32_MKTME_KEYID_PARTITIONING (MSR 0x%x) splits the KeyIDs into %u shared ones and %u for TDX%s",
	    IA32_MKTME_KEYID_PARTITIONING, (u32)partitioning, (u32)(partitioning >> 32),
	    enough ? "" : ": TDX needs two KeyIDs at least, one for the module and one for a TD");
	return enough ? DOCTOR_PASS : DOCTOR_FAIL;
}

static enum doctor_verdict judge_keyid_range(const struct platform_facts *facts, char *text)
{
	u64 partitioning = msr(facts, IA32_MKTME_KEYID_PARTITIONING);
	u64 last = (partitioning & ~0u) + (partitioning >> 32);
	u32 bits = keyid_bits(facts);
	/* more than the module manages is for the module to refuse, as long as Cella's books hold the first ones */
	bool fits = (partitioning & ~0u) + LEAST_PRIVATE_KEYIDS < KEYID_LIMIT && last < BIT(bits) &&
		    bits < facts->address_bits;

	say(text, "KeyIDs up to %lu in %u bits of %u-bit addresses: %s", last, bits, facts->address_bits,
	    fits ? "they fit" : "the firmware's KeyID split makes no sense");
	return fits ? DOCTOR_PASS : DOCTOR_FAIL;
}

/* A wish of the firmware's; what counts is whether it has locked the mode that it does not wish for. */
static enum doctor_verdict judge_x2apic_opt_out(const struct platform_facts *facts, char *text)
{
	bool locked = msr(facts, IA32_XAPIC_DISABLE_STATUS) & XAPIC_DISABLED;

	if (!facts->x2apic_opt_out) {
		say(text, "no ACPI DMAR asks to stay out of x2APIC mode");
		return DOCTOR_PASS;
	}
	say(text, "the ACPI DMAR asks to stay out of x2APIC mode, which TDX needs%s",
	    locked ? "; the firmware has locked it all the same, so TDX works" : "");
	return locked ? DOCTOR_WARN : DOCTOR_FAIL;
}

static enum doctor_verdict judge_cores(const struct platform_facts *facts, char *text)
{
	if (facts->cores_started >= facts->cores_listed) {
		say(text, "%u cores in the ACPI MADT, all of them run", facts->cores_listed);
		return DOCTOR_PASS;
	}
	if (facts->cores_beyond_limit)
		say(text, "the ACPI MADT lists %u cores, %u more than Cella takes: TDX needs every one of them",
		    facts->cores_listed, facts->cores_beyond_limit);
	else
		say(text, "the ACPI MADT lists %u cores, %u run, the core with APIC id 0x%x does not: TDX needs every one of "
		    "them", facts->cores_listed, facts->cores_started, facts->absent_apic_id);
	return DOCTOR_FAIL;
}

static enum doctor_verdict judge_hotplug_cpu(const struct platform_facts *facts, char *text)
{
	say(text, "the ACPI MADT lets %u cores come later in packages that are empty now%s", facts->hotplug_cores,
	    facts->hotplug_cores ? ": TDX needs a fixed set of cores" : "");
	return facts->hotplug_cores ? DOCTOR_FAIL : DOCTOR_PASS;
}

static enum doctor_verdict judge_hotplug_memory(const struct platform_facts *facts, char *text)
{
	u64 mib = facts->hotplug_bytes >> 20;

	if (!mib) {
		say(text, "the ACPI SRAT names no hot-pluggable memory");
		return DOCTOR_PASS;
	}
	if (facts->fixed_memory) {
		say(text, "the ACPI SRAT calls %lu MiB hot-pluggable or non-volatile: they stay out of the TD pool", mib);
		return DOCTOR_WARN;
	}
	say(text, "the ACPI SRAT calls all memory hot-pluggable or non-volatile: none is left for the TD pool");
	return DOCTOR_FAIL;
}

static enum doctor_verdict judge_partial_write(const struct platform_facts *facts, char *text)
{
	u64 signature = facts->features.eax, model = signature & CPU_FAMILY_MODEL_MASK;
	bool known = model == SAPPHIRE_RAPIDS || model == EMERALD_RAPIDS;

	say(text, "CPUID.1:EAX reads 0x%lx: %s", signature,
	    known ? "on this CPU a stray write to TDX memory poisons it; Cella does not map such memory, clears it with "
		    "MOVDIR64B and names its owner at a machine check" :
		    "this CPU is not known for poisoned lines after stray writes to TDX memory");
	return known ? DOCTOR_WARN : DOCTOR_PASS;
}

/* clang-format off */
#define MSR(number, is, bits, value) .name = #number, .msr = number, .test = is, .mask = (bits), .wanted = (value)
#define CPUID(title, reg, bits) \
	.name = title, .cpuid = offsetof(struct platform_facts, reg), .test = IS, .mask = (bits), .wanted = (bits)
static const struct check checks[CHECK_COUNT] = {
	[CHECK_VENDOR] = { "cpu-vendor", .judge = judge_vendor },
	[CHECK_CPUID_LIMIT] = { "cpuid-limit", CHECK_VENDOR, SETTING_CPUID_LIMIT,
		MSR(IA32_MISC_ENABLE, IS, MISC_ENABLE_LIMIT_CPUID, 0),
		.good = "CPUID is complete", .bad = "the firmware cuts CPUID off at an early leaf" },
	[CHECK_VMX] = { "vmx", CHECK_NONE, SETTING_VMX, .judge = judge_vmx },
	[CHECK_XSAVE] = { "xsave", CPUID("CPUID.1:ECX", features.ecx, CPUID_1_ECX_XSAVE),
		.good = "the CPU has XSAVE", .bad = "the CPU has no XSAVE (bit 26), in which TDX keeps a TD's registers" },
	[CHECK_MOVDIR64B] = { "movdir64b", CHECK_CPUID_LIMIT,
		CPUID("CPUID.7:ECX", extended.ecx, CPUID_7_ECX_MOVDIR64B),
		.good = "the CPU has MOVDIR64B",
		.bad = "the CPU has no MOVDIR64B (bit 28), which clears memory that comes back from TDX: it is no TDX CPU" },
	[CHECK_SELF_SNOOP] = { "self-snoop", CPUID("CPUID.1:EDX", features.edx, CPUID_1_EDX_SELF_SNOOP),
		.good = "the CPU has self-snoop", .bad = "the CPU has no self-snoop (bit 27), which TDX needs" },
	[CHECK_TME_PRESENT] = { "tme-present", CHECK_NONE, SETTING_TME,
		MSR(IA32_TME_ACTIVATE, IS_NOT, ~0ull, 0),	/* machines that answer every MSR show 0 */
		.good = "the memory encryption engine is there",
		.bad = "no Total Memory Encryption: the CPU has no engine for it, or the firmware hides it" },
	[CHECK_TME_ENABLED] = { "tme-enabled", CHECK_TME_PRESENT, SETTING_TME,
		MSR(IA32_TME_ACTIVATE, IS, TME_ACTIVATE_ENABLED, TME_ACTIVATE_ENABLED),
		.good = "memory encryption is on", .bad = "Total Memory Encryption (TME) is off" },
	[CHECK_TME_LOCKED] = { "tme-locked", CHECK_TME_ENABLED, SETTING_UPDATE,
		MSR(IA32_TME_ACTIVATE, IS, TME_ACTIVATE_LOCKED, TME_ACTIVATE_LOCKED),
		.good = "its settings are locked", .bad = "the firmware did not lock the memory encryption settings" },
	[CHECK_TME_MT] = { "tme-mt", CHECK_TME_ENABLED, SETTING_TME_MT,
		MSR(IA32_TME_ACTIVATE, IS_NOT, (u64)TME_ACTIVATE_KEYID_BITS_MASK << TME_ACTIVATE_KEYID_BITS_SHIFT, 0),
		.good = "KeyIDs have address bits",
		.bad = "KeyIDs have no address bits (35:32): memory encryption has only one key, TME-MT is off" },
	[CHECK_TME_ALGORITHM] = { "tme-algorithm", CHECK_TME_MT, SETTING_TME_MT, .judge = judge_algorithm },
	[CHECK_KEYID_MSR] = { "keyid-msr", CHECK_TME_MT, SETTING_KEY_SPLIT, MSR(IA32_MKTME_KEYID_PARTITIONING, IS, 0, 0),
		.good = "the CPU can split KeyIDs", .bad = "the CPU has no KeyIDs for TDX, or the firmware hides them" },
	[CHECK_KEYID_COUNT] = { "keyid-count", CHECK_KEYID_MSR, SETTING_KEY_SPLIT, .judge = judge_keyid_count },
	[CHECK_KEYID_RANGE] = { "keyid-range", CHECK_KEYID_COUNT, SETTING_KEY_SPLIT, .judge = judge_keyid_range },
	[CHECK_SEAMRR_CAPABILITY] = { "seamrr-capability", MSR(IA32_MTRRCAP, IS, MTRRCAP_SEAMRR, MTRRCAP_SEAMRR),
		.good = "the CPU can fence memory off for SEAM (SEAMRR)",
		.bad = "the CPU has no SEAMRR, the range in which the TDX module lives: it is no TDX CPU" },
	[CHECK_SEAMRR_BASE] = { "seamrr-base", CHECK_SEAMRR_CAPABILITY, SETTING_TDX,
		MSR(IA32_SEAMRR_BASE, IS, SEAMRR_BASE_CONFIGURED, SEAMRR_BASE_CONFIGURED),
		.good = "SEAMRR has a base", .bad = "the firmware set no SEAMRR up",
		.unreadable = "SEAMRR is there, says IA32_MTRRCAP; its base stays unknown" },
	[CHECK_SEAMRR_LOCKED] = { "seamrr-locked", CHECK_SEAMRR_BASE, SETTING_UPDATE,
		MSR(IA32_SEAMRR_MASK, IS, SEAMRR_MASK_LOCKED, SEAMRR_MASK_LOCKED),
		.good = "SEAMRR is locked", .bad = "the firmware did not lock SEAMRR",
		.unreadable = "SEAMRR is there, says IA32_MTRRCAP; its lock stays unknown" },
	[CHECK_SEAMRR_VALID] = { "seamrr-valid", CHECK_SEAMRR_BASE, SETTING_TDX,
		MSR(IA32_SEAMRR_MASK, IS, SEAMRR_MASK_VALID, SEAMRR_MASK_VALID),
		.good = "SEAMRR is on", .bad = "the firmware set SEAMRR up and did not switch it on",
		.unreadable = "SEAMRR is there, says IA32_MTRRCAP; whether it is on stays unknown" },
	[CHECK_SMRR] = { "smrr", CHECK_NONE, SETTING_UPDATE,
		MSR(IA32_MTRRCAP, IS, MTRRCAP_SMRR | MTRRCAP_SMRR_LOCK, MTRRCAP_SMRR | MTRRCAP_SMRR_LOCK),
		.good = "SMM memory can be fenced off and locked",
		.bad = "SMRR (bit 11) or its lock (bit 14) is missing: the module trusts no SMM memory without them" },
	[CHECK_X2APIC_OPT_OUT] = { "x2apic-opt-out", CHECK_NONE, SETTING_X2APIC, .judge = judge_x2apic_opt_out },
	[CHECK_XAPIC_LOCK] = { "xapic-lock", CHECK_NONE, SETTING_X2APIC,
		MSR(IA32_XAPIC_DISABLE_STATUS, IS, XAPIC_DISABLED, XAPIC_DISABLED),
		.good = "x2APIC mode is locked", .bad = "the firmware did not lock x2APIC mode (bit 0)",
		.unreadable = "whether x2APIC mode is locked TDH.SYS.INIT will tell" },
	[CHECK_CORES] = { "cores", CHECK_NONE, SETTING_ALL_CORES, .judge = judge_cores },
	[CHECK_HOTPLUG_CPU] = { "hotplug-cpu", CHECK_NONE, SETTING_CPU_HOT_PLUG, .judge = judge_hotplug_cpu },
	[CHECK_HOTPLUG_MEMORY] = { "hotplug-memory", CHECK_NONE, SETTING_MEMORY_HOT_PLUG, .judge = judge_hotplug_memory },
	[CHECK_ERRATUM_PARTIAL_WRITE] = { "erratum-partial-write", .judge = judge_partial_write },
	[CHECK_ERRATUM_SEAMRET] = { "erratum-seamret", CHECK_VMX,
		MSR(IA32_VMX_BASIC, IS, BIT(VMX_BASIC_SEAMRET_KEEPS_VMCS_BIT), BIT(VMX_BASIC_SEAMRET_KEEPS_VMCS_BIT)),
		.good = "calls of the SEAM loader keep the current VMCS (bit 60)", .otherwise = DOCTOR_PASS,
		.bad = "calls of the SEAM loader lose the current VMCS (bit 60); harmless, Cella keeps none" },
};
/* clang-format on */

static enum doctor_verdict judge_bits(const struct check *check, const struct platform_facts *facts, char *text)
{
	u64 value = *(const u32 *)(const void *)((const u8 *)facts + check->cpuid);
	char number[24] = "";
	bool good;

	if (check->msr)
		format_text(number, sizeof(number), " (MSR 0x%x)", check->msr);
	if (check->msr && !facts->read_msr(check->msr, &value)) {
		say(text, "%s%s cannot be read: %s", check->name, number, check->unreadable ? check->unreadable : check->bad);
		return check->unreadable ? DOCTOR_PASS : DOCTOR_FAIL;
	}
	good = ((value & check->mask) == check->wanted) == (check->test == IS);
	say(text, "%s%s reads 0x%lx: %s", check->name, number, value, good ? check->good : check->bad);
	return good ? DOCTOR_PASS : check->otherwise;
}

int detect_judge(const struct platform_facts *facts, struct tdx_platform *platform)
{
	enum doctor_verdict verdicts[CHECK_COUNT] = { DOCTOR_PASS };
	u64 partitioning = msr(facts, IA32_MKTME_KEYID_PARTITIONING);
	char text[JUDGEMENT_BYTES];
	int result = 0;

	for (u32 i = CHECK_NONE + 1; i < CHECK_COUNT; i++) {
		const struct check *check = &checks[i];

		if (verdicts[check->needs] == DOCTOR_FAIL || verdicts[check->needs] == DOCTOR_NOT_REACHED) {
			say(text, "makes no sense before %s holds", checks[check->needs].id);
			verdicts[i] = DOCTOR_NOT_REACHED;
		} else {
			verdicts[i] = check->judge ? check->judge(facts, text) : judge_bits(check, facts, text);
		}
		doctor_row(check->id, verdicts[i], check->setting, "%s", text);
		if (verdicts[i] == DOCTOR_FAIL)
			result = -ENODEV;
	}
	if (result)
		return result;
	platform->first_private_keyid = (u16)(partitioning + 1);
	platform->private_keyids = (u16)MIN(partitioning >> 32, (u64)KEYID_LIMIT - platform->first_private_keyid);
	platform->keyid_address_bit = facts->address_bits - keyid_bits(facts);
	return 0;
}
