/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The software TDX machine: what happens from GRUB to the host's first instruction, one call per step.
 *
 * Command line: trace=none|errors|all  fault=LEAF:CALL:STATUS,...  plans=SEED  chaos=SEED  platform=WORD,...
 * packages=N  boot=DRIVE
 * The host is the first boot module, or what the firmware boots from the drive (boot=hd0: bios_boot.c).
 * On a machine without VMX a boot module is started all the same, without TDX.
 */
#include "arch/x86/insn.h"
#include "include/spec/acpi.h"
#include "include/spec/multiboot2.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/acpi.h"
#include "tests/tdxemu/acpi_tables.h"
#include "tests/tdxemu/bios_boot.h"
#include "tests/tdxemu/boot_tags.h"
#include "tests/tdxemu/clock.h"
#include "tests/tdxemu/desc.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/loader.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/options.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/port.h"
#include "tests/tdxemu/serial.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/trace.h"
#include "tests/tdxemu/verdict.h"

#define BOCHS_OEM "BOCHS "

__noreturn void emu_main(u32 magic, u32 information);
__noreturn void native_start(u32 entry, u32 information);

/* NULL: this core can take VMX. Firmware that left the control open is finished here. */
static const char *vmx_missing(void)
{
	u64 needed = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_OUTSIDE_SMX;
	u64 control;

	if ((cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_VMX) == 0)
		return "CPUID does not show it";
	control = rdmsr(IA32_FEATURE_CONTROL);
	if ((control & FEATURE_CONTROL_LOCKED) == 0) {
		wrmsr(IA32_FEATURE_CONTROL, control | needed);
		return NULL;
	}
	return (control & needed) == needed ? NULL : "firmware locked it off in IA32_FEATURE_CONTROL";
}

__noreturn static void start_without_tdx(struct loaded_host host, const char *reason)
{
	char text[128];

	format_text(text, sizeof(text), "this machine has no VMX (%s); starting the host without TDX", reason);
	verdict_note("%s", text);
	serial_line("tdxemu: ", text);
	native_start(host.entry, host.information);
}

/* QEMU shows the same ACPI maker, but a hypervisor bit as well. */
static bool on_bochs(void)
{
	const struct acpi_rsdp *rsdp = boot_tags_rsdp();

	return rsdp != NULL && memcmp(rsdp->oem_id, BOCHS_OEM, sizeof(rsdp->oem_id)) == 0 &&
	       (cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR) == 0;
}

/* XSETBV of the host is executed by us, and CET of the host must not be forced on us. */
static void set_own_cr4(void)
{
	u64 cr4 = read_cr4();

	if (cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE)
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4);
}

static u64 host_ram_mib(void)
{
	u32 count;
	const struct memory_range *ranges = memory_ranges(&count);
	u64 bytes = 0;

	for (u32 i = 0; i < count; i++)
		if (ranges[i].type == MB2_MEMORY_RAM)
			bytes += ranges[i].bytes;
	return (bytes - EMU_BYTES) >> 20;
}

static void name_platform_words(void)
{
	char text[OPTION_BYTES + 16] = "platform:";

	for (u32 i = 0; i < PLATFORM_WORD_COUNT; i++)
		if (fault_platform((enum platform_word)i))
			format_text(text + strlen(text), sizeof(text) - strlen(text), " %s",
				    fault_platform_name((enum platform_word)i));
	if (strchr(text, ' ') == NULL)
		return;
	verdict_note("%s", text);
	serial_line("tdxemu: ", text);
}

static void greet(void)
{
	char text[128];

	format_text(text, sizeof(text), "software TDX machine on %u core%s, %lu MiB, module %u.%u.%02u",
		    emu_cpu_count(), emu_cpu_count() == 1 ? "" : "s", host_ram_mib(), module_image.record.major,
		    module_image.record.minor, module_image.record.update);
	verdict_note("%s", text);
	serial_line("tdxemu: ", text);
	name_platform_words();
}

static void prepare_module(void)
{
	u32 count;
	const struct memory_range *ranges = memory_ranges(&count);

	for (u32 i = 0; i < count; i++)
		if (ranges[i].type == MB2_MEMORY_RAM)
			module_add_ram(ranges[i].base, ranges[i].bytes);
	module_load();
}

void emu_main(u32 magic, u32 information)
{
	struct emu_cpu *cpu;
	struct loaded_host host = { 0 };
	const char *missing;
	bool from_drive;

	boot_tags_read(magic, information);
	if (!memory_is_ram(EMU_BASE, EMU_BYTES))
		verdict_stop("the machine has no RAM from 0x%x to 0x%x, where the SEAM range belongs", EMU_BASE,
			     EMU_BASE + EMU_BYTES);
	fault_configure(boot_tags_cmdline());
	from_drive = bios_boot_wanted(boot_tags_cmdline());
	if (!from_drive)
		host = loader_load_host();
	else if (acpi_tables_bytes(boot_tags_rsdp()) != 0)
		verdict_stop("boot=: what platform= asks for needs other ACPI tables than the firmware's, which a "
			     "system booted from a drive finds by itself");
	missing = vmx_missing();
	if (missing != NULL && from_drive)
		verdict_stop("boot=: this machine has no VMX (%s)", missing);
	if (missing != NULL)
		start_without_tdx(host, missing);

	trace_configure(boot_tags_cmdline());
	smp_enable_x2apic();
	smp_init(boot_tags_rsdp());
	platform_prepare(boot_tags_cmdline());
	cpu = emu_cpu_at(0);
	desc_init(cpu);
	set_own_cr4();
	clock_init();
	if (!trace_counter_works() && on_bochs())
		verdict_stop("this Bochs lacks the project's patch (RDPMC does not count); see tests/bochs");
	memory_map_all(memory_ram_top());
	prepare_module();
	host_view_build(memory_ram_top());
	l1_prepare();
	port_prepare(acpi_pm1a_control_port(boot_tags_rsdp()));
	l1_core_on(cpu);
	cpu->online = true;
	smp_start_others();
	if (from_drive)
		bios_boot_enter(cpu);
	else
		l1_enter_at_multiboot2(cpu, host.entry, host.information);
	greet();
	l1_measure_way(cpu);
	l1_run(cpu);
}

void secondary_main(struct emu_cpu *cpu)
{
	const char *missing;

	desc_init(cpu);
	set_own_cr4();
	smp_enable_x2apic();
	missing = vmx_missing();
	if (missing != NULL)
		verdict_stop("core %u has no VMX: %s", cpu->index, missing);
	l1_core_on(cpu);
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	l1_run(cpu);
}
