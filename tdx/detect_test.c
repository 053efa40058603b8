/* SPDX-License-Identifier: BSD-2-Clause */
/* A good machine's facts, changed one at a time: the first row that fails is the changed one's. */
#include "tdx/detect.h"

#include <stdio.h>
#include <string.h>

#include "include/cella/errno.h"
#include "include/spec/x86/msr.h"
#include "tdx/doctor.h"
#include "tests/unit/test.h"

static struct platform_facts facts;
static struct tdx_platform platform;
static char last_line[400];
static u32 lines, warnings;

static struct {
	u64 value;
	bool readable;
} msrs[0x1500];

static void set(u32 msr, u64 value)
{
	msrs[msr].value = value;
	msrs[msr].readable = true;
}

static void hide(u32 msr)
{
	msrs[msr].value = 0;
	msrs[msr].readable = false;
}

static bool read_msr(u32 msr, u64 *value)
{
	*value = msrs[msr].value;
	return msrs[msr].readable;
}

static void good_machine(void)
{
	memset(&facts, 0, sizeof(facts));
	facts.read_msr = read_msr;
	facts.vendor = "GenuineIntel";
	facts.features.eax = 0xa06d0;
	facts.features.ecx = 1u << 26 | 1u << 5;
	facts.features.edx = 1u << 27;
	facts.extended.ecx = 1u << 28 | 1u << 13;
	facts.address_bits = 52;
	set(IA32_MISC_ENABLE, 0x850089);
	set(IA32_TME_CAPABILITY, 0x5);
	set(IA32_TME_ACTIVATE, 0x0001000600000003);
	set(IA32_MKTME_KEYID_PARTITIONING, 0x0000001f00000020);
	set(IA32_MTRRCAP, 0xd90a);
	set(IA32_SEAMRR_BASE, 0x3ffe000008);
	set(IA32_SEAMRR_MASK, 0x3fffe000c00);
	set(IA32_XAPIC_DISABLE_STATUS, 1);
	set(IA32_VMX_BASIC, 1ull << 60);
	facts.cores_listed = 4;
	facts.cores_started = 4;
}

static void take_line(enum doctor_verdict verdict, const char *text)
{
	lines++;
	warnings += verdict == DOCTOR_WARN;
	snprintf(last_line, sizeof(last_line), "%s", text);
}

static int judge(void)
{
	lines = warnings = 0;
	doctor_forget();
	memset(&platform, 0, sizeof(platform));
	int result = detect_judge(&facts, &platform);
	doctor_report(take_line);
	return result;
}

/* The judgement fails, and the report's last line names @id first and has @text in it. */
static void check_cause(const char *id, const char *text, const char *file, int line)
{
	char head[64];

	snprintf(head, sizeof(head), "first cause: %s: ", id);
	test_check(judge() == -ENODEV, id, file, line);
	test_check(strncmp(last_line, head, strlen(head)) == 0, last_line, file, line);
	test_check(strstr(last_line, text) != NULL, last_line, file, line);
	test_check(strlen(last_line) < 318, "not cut off", file, line);
	test_check(platform.private_keyids == 0, "platform left alone", file, line);
	good_machine();
}
#define CHECK_CAUSE(id, text) check_cause(id, text, __FILE__, __LINE__)

TEST(good_machine_has_no_cause)
{
	good_machine();
	CHECK_EQ(judge(), 0);
	CHECK_EQ(doctor_count(), 0);
	CHECK_EQ(warnings, 0);
	CHECK_EQ(lines, 27);	/* 26 preconditions, and that there is no cause */
	CHECK(strstr(last_line, "no cause") != NULL);
	CHECK_EQ(platform.first_private_keyid, 33);
	CHECK_EQ(platform.private_keyids, 31);
	CHECK_EQ(platform.keyid_address_bit, 46);
}

TEST(missing_cpu_feature_is_the_first_cause)
{
	good_machine();
	facts.vmx_reason = "the processor has no VMX (CPUID.1:ECX.VMX is 0)";
	CHECK_CAUSE("vmx", "no VMX");
	facts.vmx_reason = "firmware has locked VMX off";
	facts.vmx_core = 1;
	CHECK_CAUSE("vmx", "core 1");
	facts.vmx_reason = "firmware has locked VMX off";
	CHECK_CAUSE("vmx", "VT-x");
	facts.vendor = "AuthenticAMD";
	CHECK_CAUSE("cpu-vendor", "GenuineIntel");
	facts.extended.ecx = 1u << 13;
	CHECK_CAUSE("movdir64b", "MOVDIR64B");
	facts.features.edx = 0;
	CHECK_CAUSE("self-snoop", "self-snoop");
	facts.features.ecx = 1u << 5;
	CHECK_CAUSE("xsave", "XSAVE");
	set(IA32_MISC_ENABLE, 1u << 22);
	facts.extended.ecx = 0;	/* what the limit does */
	CHECK_CAUSE("cpuid-limit", "CPUID");
}

TEST(memory_encryption_fault_is_the_first_cause)
{
	good_machine();
	hide(IA32_TME_ACTIVATE);
	CHECK_CAUSE("tme-present", "0x982");
	set(IA32_TME_ACTIVATE, 0);
	facts.extended.ecx = 1u << 28;	/* a machine that answers every MSR */
	CHECK_CAUSE("tme-present", "Total Memory Encryption");
	set(IA32_TME_ACTIVATE, 0x0001000600000001);
	CHECK_CAUSE("tme-enabled", "TME");
	set(IA32_TME_ACTIVATE, 0x0001000600000002);
	CHECK_CAUSE("tme-locked", "lock");
	set(IA32_TME_ACTIVATE, 0x0001000000000003);
	CHECK_CAUSE("tme-mt", "TME-MT");
	set(IA32_TME_CAPABILITY, 1u << 31);
	CHECK_CAUSE("tme-algorithm", "AES-XTS");
	set(IA32_TME_ACTIVATE, 0x0000000600000003);
	CHECK_CAUSE("tme-algorithm", "AES-XTS");
	set(IA32_TME_CAPABILITY, 0x4);	/* activates what is not there */
	CHECK_CAUSE("tme-algorithm", "AES-XTS");
	hide(IA32_MKTME_KEYID_PARTITIONING);
	CHECK_CAUSE("keyid-msr", "0x87");
	set(IA32_MKTME_KEYID_PARTITIONING, 0x20);
	CHECK_CAUSE("keyid-count", "TDX");
	set(IA32_MKTME_KEYID_PARTITIONING, 0x100000020);
	CHECK_CAUSE("keyid-count", "KeyID");
	set(IA32_MKTME_KEYID_PARTITIONING, 0x2000000020);
	CHECK_CAUSE("keyid-range", "KeyID");
	set(IA32_MKTME_KEYID_PARTITIONING, 0xffffffffffffffff);
	CHECK_CAUSE("keyid-range", "KeyID");
	facts.address_bits = 6;
	CHECK_CAUSE("keyid-range", "6-bit addresses");
}

TEST(more_keyids_than_the_books_hold_are_left_to_the_module)
{
	good_machine();
	set(IA32_TME_ACTIVATE, 0x0001000c00000003);
	set(IA32_MKTME_KEYID_PARTITIONING, 0x000007f000000010);
	CHECK_EQ(judge(), 0);
	CHECK_EQ(platform.first_private_keyid, 17);
	CHECK_EQ(platform.private_keyids, 2031);
	set(IA32_TME_ACTIVATE, 0x0001000f00000003);
	set(IA32_MKTME_KEYID_PARTITIONING, 0x00000010000007fe);
	CHECK_CAUSE("keyid-range", "KeyID");
}

TEST(range_register_fault_is_the_first_cause)
{
	good_machine();
	set(IA32_MTRRCAP, 0x590a);
	CHECK_CAUSE("seamrr-capability", "SEAMRR");
	set(IA32_SEAMRR_BASE, 0);
	CHECK_CAUSE("seamrr-base", "SEAMRR");
	set(IA32_SEAMRR_MASK, 0x3fffe000800);
	CHECK_CAUSE("seamrr-locked", "SEAMRR");
	set(IA32_SEAMRR_MASK, 0x3fffe000400);
	CHECK_CAUSE("seamrr-valid", "SEAMRR");
	set(IA32_MTRRCAP, 0xd10a);
	CHECK_CAUSE("smrr", "SMRR");
	set(IA32_MTRRCAP, 0x990a);
	CHECK_CAUSE("smrr", "SMRR");
	set(IA32_XAPIC_DISABLE_STATUS, 0);
	CHECK_CAUSE("xapic-lock", "x2APIC");
}

TEST(further_bits_of_the_x2apic_lock_are_for_the_module_to_judge)
{
	good_machine();
	set(IA32_XAPIC_DISABLE_STATUS, 3);
	CHECK_EQ(judge(), 0);
	CHECK_EQ(warnings, 0);
}

TEST(what_acpi_says_is_the_first_cause)
{
	good_machine();
	facts.x2apic_opt_out = true;
	set(IA32_XAPIC_DISABLE_STATUS, 0);
	CHECK_CAUSE("x2apic-opt-out", "DMAR");
	facts.cores_started = 3;
	facts.absent_apic_id = 0x12;
	CHECK_CAUSE("cores", "APIC id 0x12");
	facts.cores_listed = 7;
	facts.cores_beyond_limit = 3;
	CHECK_CAUSE("cores", "3 more than Cella takes");
	facts.hotplug_cores = 1;
	CHECK_CAUSE("hotplug-cpu", "MADT");
	facts.hotplug_bytes = GIB(4);
	CHECK_CAUSE("hotplug-memory", "SRAT");
}

TEST(a_wish_against_x2apic_does_not_count_where_it_is_locked)
{
	good_machine();
	facts.x2apic_opt_out = true;
	CHECK_EQ(judge(), 0);
	CHECK_EQ(warnings, 1);
}

TEST(some_hot_pluggable_memory_is_a_warning)
{
	good_machine();
	facts.hotplug_bytes = GIB(4);
	facts.fixed_memory = true;
	CHECK_EQ(judge(), 0);
	CHECK_EQ(warnings, 1);
}

TEST(range_register_that_cannot_be_read_is_no_cause)
{
	good_machine();
	hide(IA32_SEAMRR_BASE);
	hide(IA32_SEAMRR_MASK);
	hide(IA32_XAPIC_DISABLE_STATUS);
	CHECK_EQ(judge(), 0);
}

TEST(erratum_of_the_cpu_model_is_a_warning)
{
	good_machine();
	facts.features.eax = 0x806f8;
	CHECK_EQ(judge(), 0);
	CHECK_EQ(warnings, 1);
	facts.features.eax = 0xc06f2;
	CHECK_EQ(judge(), 0);
	CHECK_EQ(warnings, 1);
}

static u32 not_reached;

static void count_not_reached(enum doctor_verdict verdict, const char *text)
{
	not_reached += verdict == DOCTOR_NOT_REACHED && strncmp(text, "not reached ", 12) == 0;
}

TEST(what_needs_a_missing_one_is_not_reached)
{
	good_machine();
	not_reached = 0;
	hide(IA32_TME_ACTIVATE);
	set(IA32_MTRRCAP, 0x590a);
	CHECK_EQ(judge(), -ENODEV);
	doctor_report(count_not_reached);
	CHECK_EQ(not_reached, 10);	/* 4 of TME, 3 of KeyIDs, 3 of SEAMRR */
	CHECK_EQ(doctor_count(), 2);
}
