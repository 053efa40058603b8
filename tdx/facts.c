/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the machine into struct platform_facts: CPUID and MSRs of the boot core, what ACPI says, how the cores fared.
 * The one file of the detection with instructions; the judgement is tdx/detect.c. What it finds about KeyIDs goes to the
 * machine check handler as well, which must tell them from addresses. Boot core, during bring-up.
 */
#include "tdx/detect.h"

#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/extable.h"
#include "arch/x86/machine_check.h"
#include "include/spec/x86/cpuid.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "tdx/witness.h"

static void read_cpuid(struct platform_facts *facts)
{
	facts->vendor = cpu_features()->vendor;
	facts->features = cpuid(CPUID_FEATURES, 0);
	if (cpuid(CPUID_VENDOR, 0).eax >= CPUID_EXTENDED)
		facts->extended = cpuid(CPUID_EXTENDED, 0);
	if (cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_EXT_ADDRESS)
		facts->address_bits = cpuid(CPUID_EXT_ADDRESS, 0).eax & CPUID_EXT_ADDRESS_PA_MASK;
}

static bool has_started(u32 apic_id)
{
	for (u32 cpu = 0; cpu < cpu_count(); cpu++)
		if (cpu_at(cpu)->apic_id == apic_id)
			return true;
	return false;
}

static void read_cores(struct platform_facts *facts, const struct acpi_info *acpi)
{
	facts->cores_listed = acpi->core_count + acpi->cores_ignored;
	facts->cores_started = cpu_count();
	facts->cores_beyond_limit = acpi->cores_ignored;
	facts->hotplug_cores = acpi_hotplug_cores(acpi, cpu_package_of);
	for (u32 i = 0; i < acpi->core_count; i++)
		if (!has_started(acpi->core_apic_ids[i]))
			facts->absent_apic_id = acpi->core_apic_ids[i];
	for (u32 cpu = 0; cpu < cpu_count() && !facts->vmx_reason; cpu++) {
		if (cpu_at(cpu)->vmx == VMX_ON)
			continue;
		facts->vmx_reason = cpu_at(cpu)->vmx_reason ? cpu_at(cpu)->vmx_reason : "VMX was not tried";
		facts->vmx_core = cpu;
		facts->vmx_apic_id = cpu_at(cpu)->apic_id;
	}
}

static void look_for_fixed(hpa_t start, u64 bytes, void *arg)
{
	struct platform_facts *facts = arg;

	for (u64 end = start.raw + bytes; start.raw < end && !facts->fixed_memory; start.raw += MIB(2))
		facts->fixed_memory = !acpi_is_hotplug_memory(start, MIN(MIB(2), end - start.raw));
}

int tdx_detect(struct tdx_platform *platform)
{
	const struct acpi_info *acpi = acpi_info();
	struct platform_facts facts = { .read_msr = rdmsr_safe };
	int result;

	read_cpuid(&facts);
	read_cores(&facts, acpi);
	facts.x2apic_opt_out = acpi->dmar_x2apic_opt_out;
	for (u32 i = 0; i < acpi->hotplug_range_count; i++)
		facts.hotplug_bytes += acpi->hotplug_ranges[i].bytes;
	if (facts.hotplug_bytes)
		page_for_each_free_range(ZONE_HOST, MIB(2), look_for_fixed, &facts);
	result = detect_judge(&facts, platform);
	if (!result)
		machine_check_ask(witness_page, platform->keyid_address_bit);
	return result;
}
