/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Causes why TDX is not up. The module's statuses say which MSR or CPUID bit it dislikes; the table below adds what the
 * operator of the machine can do about it.
 *
 * Manual: TDX Module ABI, "TDH.SYS.INIT Leaf" and "TDH.SYS.LP.INIT Leaf"; Intel TDX Enabling Guide, "BIOS Settings".
 */
#include "tdx/doctor.h"

#include <stdarg.h>

#include "include/spec/x86/msr.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"

enum {
	DOCTOR_SENTENCES = 8,
	DOCTOR_TEXT_BYTES = 320,
};

static struct {
	u32 count;
	char text[DOCTOR_SENTENCES][DOCTOR_TEXT_BYTES];
} doctor;

static const struct {
	u32 msr;
	const char *advice;
} msr_advice[] = {
	{ IA32_XAPIC_DISABLE_STATUS, "enable \"x2APIC\" in the firmware set-up and let it lock xAPIC out" },
	{ IA32_MISC_PACKAGE_CTLS, "energy filtering is off: update the firmware" },
	{ IA32_TME_ACTIVATE, "enable \"Total Memory Encryption (TME)\" in the firmware set-up" },
	{ IA32_TME_CAPABILITY, "this CPU's memory encryption engine lacks what the module needs" },
	{ IA32_MKTME_KEYID_PARTITIONING, "the cores disagree about the KeyID split: update the firmware" },
	{ IA32_TSX_CTRL, "update firmware and microcode" },
	{ IA32_TSC_ADJUST, "the cores' time stamp counters are not in step: cold-start, then update the firmware" },
	{ IA32_MISC_ENABLE, "switch \"Limit CPUID Maximum\" off and \"Monitor/MWAIT\" on in the firmware set-up" },
};

void doctor_forget(void)
{
	doctor.count = 0;
}

static void keep(const char *id, enum doctor_verdict verdict, const char *setting, const char *format, va_list args)
{
	char text[DOCTOR_TEXT_BYTES];

	format_text_va(text, sizeof(text), format, args);
	if (verdict == DOCTOR_PASS)
		return;
	log_error("tdx", "%s: %s%s%s", id, text, setting ? "; firmware setting: " : "", setting ? setting : "");
	if (verdict == DOCTOR_FAIL && doctor.count < DOCTOR_SENTENCES)
		format_text(doctor.text[doctor.count++], DOCTOR_TEXT_BYTES, "%s", text);
}

void doctor_row(const char *id, enum doctor_verdict verdict, const char *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(id, verdict, setting, format, args);
	va_end(args);
}

void doctor_complain(const char *id, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(id, DOCTOR_FAIL, NULL, format, args);
	va_end(args);
}

u32 doctor_count(void)
{
	return doctor.count;
}

const char *doctor_sentence(u32 index)
{
	return index < doctor.count ? doctor.text[index] : "";
}

void doctor_log_report(void)
{
	for (u32 i = doctor.count; i-- > 0;)
		log_error("tdx", "cause %u: %s", i + 1, doctor.text[i]);
}

static const char *advice_for(tdx_status_t status)
{
	if (tdx_status_is(status, TDX_INCORRECT_MSR_VALUE) || tdx_status_is(status, TDX_INCONSISTENT_MSR)) {
		for (u32 i = 0; i < ARRAY_SIZE(msr_advice); i++)
			if (msr_advice[i].msr == tdx_status_operand(status))
				return msr_advice[i].advice;
		return "update firmware and microcode";
	}
	if (tdx_status_is(status, TDX_LIMIT_CPUID_MAXVAL_SET))
		return "switch \"Limit CPUID Maximum\" off in the firmware set-up";
	if (status.raw == SEAMCALL_VMFAIL_INVALID)
		return "enable \"SEAM Loader\" in the firmware set-up, and put the TDX module where the firmware looks "
		       "for it";
	if (status.raw == SEAMCALL_GP_FAULT)
		return "enable \"Trust Domain Extensions (TDX)\" and \"SEAM Loader\" in the firmware set-up";
	if (tdx_status_is(status, TDX_SYS_CONFIG_NOT_PENDING))
		return "the firmware counted more cores than Cella could start: all cores in the MADT must be enabled";
	if (tdx_status_is(status, TDX_SYS_INIT_NOT_PENDING))
		return "something else has initialised the module since it was loaded: switch the machine off and on";
	if (tdx_status_is(status, TDX_INVALID_WBINVD_SCOPE))
		return "switch sub-NUMA clustering and CPU partitioning off in the firmware set-up";
	if (tdx_status_is(status, TDX_INCORRECT_CPUID_VALUE) || tdx_status_is(status, TDX_INCONSISTENT_CPUID_FIELD))
		return "enable the feature in the firmware set-up, or update firmware and microcode";
	if (tdx_status_is_busy(status) || tdx_status_is(status, TDX_RND_NO_ENTROPY))
		return "this may pass: try again";
	return "see the log at debug level for the registers";
}

void doctor_explain(const char *what, tdx_status_t status, const struct tdx_cpuid_complaint *cpuid)
{
	char text[TDX_STATUS_TEXT_BYTES];

	tdx_status_text(status, text);
	if (tdx_status_is(status, TDX_INCORRECT_CPUID_VALUE) && cpuid)
		doctor_complain(what, "%s: CPUID 0x%x.0x%x must read eax %08x ebx %08x ecx %08x edx %08x under the masks "
				"%08x %08x %08x %08x; %s", what, cpuid->leaf, cpuid->subleaf, cpuid->expected.eax,
				cpuid->expected.ebx, cpuid->expected.ecx, cpuid->expected.edx, cpuid->mask.eax,
				cpuid->mask.ebx, cpuid->mask.ecx, cpuid->mask.edx, advice_for(status));
	else if (tdx_status_is(status, TDX_INCONSISTENT_CPUID_FIELD) && cpuid)
		doctor_complain(what, "%s: CPUID 0x%x.0x%x differs between cores in eax %08x ebx %08x ecx %08x edx %08x; %s",
				what, cpuid->leaf, cpuid->subleaf, cpuid->mask.eax, cpuid->mask.ebx, cpuid->mask.ecx,
				cpuid->mask.edx, advice_for(status));
	else
		doctor_complain(what, "%s: %s; %s", what, text, advice_for(status));
}
