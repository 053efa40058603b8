/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the doctor, and the sentence for every refusal of the module. */
#include "tdx/doctor.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/status_table.h"
#include "tests/unit/test.h"

#define UNKNOWN "Cella knows no more"

static char report[256][480];
static u32 lines;

static void take_line(enum doctor_verdict verdict, const char *text)
{
	(void)verdict;
	if (lines < 256)
		snprintf(report[lines++], sizeof(report[0]), "%s", text);
}

static void take_report(void)
{
	lines = 0;
	doctor_report(take_line);
}

/* The only row's sentence after one explanation, "" when there is more than one. */
static const char *explained(const char *what, u64 status, const struct tdx_cpuid_complaint *cpuid)
{
	doctor_forget();
	doctor_explain(what, (tdx_status_t){ status }, cpuid);
	return doctor_count() == 1 ? doctor_sentence(0) : "";
}

TEST(doctor_reports_rows_in_order_and_the_first_failure_last)
{
	doctor_forget();
	doctor_row("alpha", DOCTOR_PASS, "\"Alpha\"", "reads %u", 1);
	doctor_row("beta", DOCTOR_WARN, NULL, "reads %u", 2);
	doctor_row("gamma", DOCTOR_FAIL, "\"Gamma\": Enabled", "reads %u", 3);
	doctor_row("delta", DOCTOR_NOT_REACHED, "\"Delta\"", "needs gamma");
	doctor_complain("epsilon", "reads %u", 5);
	take_report();
	CHECK_EQ(lines, 6);
	CHECK_STR(report[0], "ok          alpha: reads 1; firmware setting: \"Alpha\"");
	CHECK_STR(report[1], "warn        beta: reads 2");
	CHECK_STR(report[2], "FAIL        gamma: reads 3; firmware setting: \"Gamma\": Enabled");
	CHECK_STR(report[3], "not reached delta: needs gamma");
	CHECK_STR(report[4], "FAIL        epsilon: reads 5");
	CHECK_STR(report[5], "first cause: gamma: reads 3; firmware setting: \"Gamma\": Enabled");
	CHECK_EQ(doctor_count(), 2);
	CHECK_STR(doctor_sentence(0), "gamma: reads 3");
	CHECK_STR(doctor_sentence(1), "epsilon: reads 5");
	CHECK_STR(doctor_sentence(2), "");
	doctor_forget();
	CHECK_EQ(doctor_count(), 0);
	CHECK_STR(doctor_sentence(0), "");
}

TEST(doctor_keeps_the_first_rows_when_there_are_too_many)
{
	doctor_forget();
	doctor_complain("first", "the cause");
	for (u32 i = 0; i < 200; i++)
		doctor_row("many", DOCTOR_PASS, NULL, "%-200s", "long");
	take_report();
	CHECK(lines > 64);
	CHECK(strstr(report[lines - 2], "found no room") != NULL);
	CHECK_STR(report[lines - 1], "first cause: first: the cause");
	doctor_forget();
}

TEST(doctor_takes_the_leaf_as_id)
{
	CHECK(strncmp(explained("TDH.SYS.INIT", TDX_INCORRECT_MSR_VALUE | 0xbc, NULL),
		      "TDH.SYS.INIT: TDX_INCORRECT_MSR_VALUE (MSR 0xbc): energy filtering", 66) == 0);
	CHECK(strncmp(explained("TDH.SYS.LP.INIT on core 1 (APIC id 0x2)", TDX_INCONSISTENT_MSR | 0x3b, NULL),
		      "TDH.SYS.LP.INIT: on core 1 (APIC id 0x2): TDX_INCONSISTENT_MSR (MSR 0x3b): cores disagree", 88) == 0);
	/* a module that is not there is a cause of its own, whichever leaf found out */
	CHECK(strncmp(explained("TDH.SYS.INIT", SEAMCALL_VMFAIL_INVALID, NULL), "module: TDH.SYS.INIT: VMfail", 28) == 0);
	CHECK(strncmp(explained("TDH.SYS.INIT", SEAMCALL_GP_FAULT, NULL), "TDH.SYS.INIT: #GP", 17) == 0);
	CHECK(strncmp(explained("TDH.SYS.INIT", SEAMCALL_UD_FAULT, NULL), "TDH.SYS.INIT: #UD", 17) == 0);
}

TEST(doctor_explains_every_row_of_the_status_table)
{
	char head[160];

	for (size_t i = 0; i < ARRAY_SIZE(host_statuses); i++) {
		const struct status_row *row = &host_statuses[i];
		const char *text = explained("TDH.SYS.CONFIG", row->value | row->low_bits, NULL);

		snprintf(head, sizeof(head), "TDH.SYS.CONFIG: %s%s%s%s: ", row->name, row->detail[0] ? " (" : "", row->detail,
			 row->detail[0] ? ")" : "");
		test_check(strncmp(text, head, strlen(head)) == 0, text, row->name, (int)i);
		test_check(strlen(text) > strlen(head) + 10, text, row->name, (int)i);
		test_check(strstr(text, UNKNOWN) == NULL, text, row->name, (int)i);
		take_report();
		test_check(strlen(report[lines - 1]) < 310, report[lines - 1], row->name, (int)i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(other_statuses); i++)
		CHECK(strstr(explained("TDH.X", other_statuses[i].value, NULL), other_statuses[i].name) != NULL);
	CHECK(strstr(explained("TDH.X", 0xc000ee0000000000ull, NULL), UNKNOWN) != NULL);
	doctor_forget();
}

static const struct {
	u32 msr;
	const char *subject, *setting;
} msr_rows[] = {
	{ 0xbd, "x2APIC", "x2APIC" }, { 0xbc, "energy", "none" }, { 0x10a, "mitigation", "none" },
	{ 0x345, "full-width", "none" }, { 0x122, "TSX", "none" }, { 0x98, "cache parts", "none" },
	{ 0x99, "cache parts", "none" }, { 0x480, "VMX", "VT-x" }, { 0x48c, "VMX", "VT-x" }, { 0x492, "VMX", "VT-x" },
	{ 0x981, "encryption", "TME" }, { 0x982, "encryption", "TME" }, { 0x87, "KeyID", "key split" },
	{ 0x3b, "time stamp", "none" }, { 0xfe, "range", "none" }, { 0x1f2, "SMM", "none" }, { 0x1f7, "SMM", "none" },
	{ 0x1a0, "switches", "none" }, { 0xcf, "core", "none" }, { 0xabcd, "register", "none" },
};

TEST(doctor_knows_every_register_that_bring_up_judges)
{
	for (size_t i = 0; i < ARRAY_SIZE(msr_rows); i++) {
		const char *text = explained("TDH.SYS.INIT", TDX_INCORRECT_MSR_VALUE | msr_rows[i].msr, NULL);

		test_check(strstr(text, msr_rows[i].subject) != NULL, text, __FILE__, __LINE__);
		take_report();
		test_check(strstr(report[lines - 1], msr_rows[i].setting) != NULL, report[lines - 1], __FILE__, __LINE__);
		text = explained("TDH.SYS.LP.INIT", TDX_INCONSISTENT_MSR | msr_rows[i].msr, NULL);
		CHECK(strstr(text, "cores disagree") != NULL);
	}
}

TEST(doctor_shows_the_cpuid_bits)
{
	struct tdx_cpuid_complaint complaint = {
		.leaf = 7, .subleaf = 0, .mask = { 0, 0x80, 0x1, 0x400 }, .expected = { 0, 0x80, 0x1, 0 },
		.reads = { ~0u, 0x7f, 0x1, 0x401 },
	};

	/* ECX is as it should be */
	CHECK(strstr(explained("TDH.SYS.INIT", TDX_INCORRECT_CPUID_VALUE, &complaint),
		     "CPUID 0x7.0x0 (extended features) reads ebx 0000007f (& 00000080 must be 00000080) "
		     "edx 00000401 (& 00000400 must be 00000000)"));
	CHECK(strstr(explained("TDH.SYS.LP.INIT", TDX_INCONSISTENT_CPUID_FIELD, &complaint),
		     "CPUID 0x7.0x0 (extended features) differs between cores, here ebx 0000007f & 00000080 "
		     "ecx 00000001 & 00000001 edx 00000401 & 00000400"));
	/* a rule that mask and value do not tell */
	complaint = (struct tdx_cpuid_complaint){ .leaf = 0xa, .mask = { 0xff00 }, .expected = { 0x800 }, .reads = { 0x804 } };
	CHECK(strstr(explained("TDH.SYS.INIT", TDX_INCORRECT_CPUID_VALUE, &complaint),
		     "eax 00000804 (& 0000ff00 must be 00000800)"));
	complaint = (struct tdx_cpuid_complaint){ .leaf = 0x80000008, .subleaf = TDX_CPUID_NO_SUBLEAF,
						  .mask = { 0xff }, .expected = { 0x34 }, .reads = { 0x392e } };
	CHECK(strstr(explained("TDH.SYS.INIT", TDX_INCORRECT_CPUID_VALUE, &complaint), "CPUID 0x80000008 (address width)"));
	take_report();
	CHECK(strstr(report[lines - 1], "46 bits") != NULL);
	doctor_forget();
}
