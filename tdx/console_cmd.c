/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console command `tdx`: what the module says about itself, what Cella gave it, how often it was called; `tdx
 * doctor`: every precondition, and why TDX is not up. Reads only what other files of tdx/ offer. Console task.
 */
#include "tdx/console_cmd.h"

#include "include/cella/types.h"
#include "include/spec/tdx/metadata.h"
#include "kernel/console.h"
#include "kernel/lib/string.h"
#include "tdx/doctor.h"
#include "tdx/keyid.h"
#include "tdx/module.h"
#include "tdx/pamt.h"
#include "tdx/seamcall.h"
#include "tdx/seamldr.h"
#include "tdx/sysinfo.h"
#include "tdx/update.h"

static const struct {
	const char *name;
	u64 bit;
} features[] = {
#define NAME(name, bit) { #name, BIT(bit) },
	TDX_FEATURE_LIST(NAME)
#undef NAME
};

static const char *const state_names[] = {
	[TDX_MODULE_NONE] = "NONE",
	[TDX_MODULE_INIT_PENDING] = "SYSINIT_PENDING",
	[TDX_MODULE_INIT_DONE] = "SYSINIT_DONE",
	[TDX_MODULE_CONFIG_DONE] = "SYSCONFIG_DONE",
	[TDX_MODULE_READY] = "SYS_READY",
	[TDX_MODULE_SHUT_DOWN] = "SYS_SHUTDOWN",
};

static u64 mib(u64 bytes)
{
	return bytes >> 20;
}

static void show_loader(void)
{
	const struct seamldr_info *info = seamldr_info();

	if (info)
		console_printf("P-SEAMLDR %u.%u.%02u build %u of %u, %u updates remain, "
			       "firmware counted %u cores in %u packages\n",
			       info->major, info->minor, info->update, info->build_num, info->build_date,
			       info->remaining_updates, seamldr_seaminfo()->lp_count, seamldr_seaminfo()->socket_count);
	else
		console_printf("P-SEAMLDR does not answer\n");
}

static void show_module(const struct tdx_sysinfo *sysinfo)
{
	console_printf("module    %u.%u.%02u build %u of %u, state %s\n", sysinfo->major, sysinfo->minor,
		       sysinfo->update, sysinfo->build_num, sysinfo->build_date, state_names[tdx_module_state()]);
	console_printf("limits    %u TDMRs with %u reserved areas, PAMT entries of %u, %u and %u bytes, %u vCPUs per TD\n",
		       sysinfo->max_tdmrs, sysinfo->max_reserved_per_tdmr, sysinfo->pamt_4k_entry_bytes,
		       sysinfo->pamt_2m_entry_bytes, sysinfo->pamt_1g_entry_bytes, sysinfo->max_vcpus_per_td);
	console_printf("masks     system attributes 0x%x, ATTRIBUTES 0x%lx to 0x%lx, XFAM 0x%lx to 0x%lx\n",
		       sysinfo->sys_attributes, sysinfo->attributes_fixed1, sysinfo->attributes_fixed0,
		       sysinfo->xfam_fixed1, sysinfo->xfam_fixed0);
	for (u32 i = 0; i < sysinfo->cpuid_config_count; i++) {
		const struct tdx_cpuid_config *cpuid = &sysinfo->cpuid_config[i];

		console_printf("CPUID     0x%08x.%x configurable eax %08x ebx %08x ecx %08x edx %08x\n", cpuid->leaf,
			       cpuid->subleaf, cpuid->configurable.eax, cpuid->configurable.ebx,
			       cpuid->configurable.ecx, cpuid->configurable.edx);
	}
	console_printf("features ");
	for (u32 i = 0; i < ARRAY_SIZE(features); i++)
		if (sysinfo->features0 & features[i].bit)
			console_printf(" %s", features[i].name);
	console_printf("\n");
}

static void show_memory(const struct tdx_sysinfo *sysinfo)
{
	u32 tdmr_count;
	const struct tdx_tdmr_info *tdmrs = tdx_module_tdmrs(&tdmr_count);

	for (u32 i = 0; i < sysinfo->cmr_count; i++)
		console_printf("CMR %-2u    0x%012lx %lu MiB\n", i, sysinfo->cmrs[i].base, mib(sysinfo->cmrs[i].bytes));
	for (u32 i = 0; i < tdmr_count; i++) {
		u32 areas = 0;

		while (areas < TDX_MAX_RESERVED_AREAS && tdmrs[i].reserved[areas].bytes)
			areas++;
		console_printf("TDMR %-2u   0x%012lx %lu MiB, %u reserved areas\n", i,
			       tdmrs[i].base, mib(tdmrs[i].bytes), areas);
	}
	console_printf("PAMT      %lu KiB\n", pamt_bytes() >> 10);
	console_printf("TD pool   %lu MiB, %lu MiB free\n", mib(tdx_pool_bytes()), mib(tdx_pool_free_bytes()));
}

static void show_counts(void)
{
	console_printf("KeyIDs    %u for TDs, %u in use, %u lost\n", keyid_total(), keyid_in_use(), keyid_leaked());
	console_printf("SEAMCALLs %lu\n", seamcall_total());
#define SHOW(symbol, number, name) \
	if (seamcall_count(number)) \
		console_printf("          %-26s %lu\n", name, seamcall_count(number));
	TDH_LEAF_LIST(SHOW)
#undef SHOW
}

static void print_row(enum doctor_verdict verdict, const char *text)
{
	(void)verdict;
	console_printf("%s\n", text);
}

static void show_causes(void)
{
	const char *is = tdx_module_state() == TDX_MODULE_READY ? "ready" : "not available";

	console_printf("TDX is %s (module state %s):\n", is, state_names[tdx_module_state()]);
	doctor_report(print_row);
}

static void show(void)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();

	if (tdx_module_state() != TDX_MODULE_READY)
		show_causes();
	show_loader();
	if (sysinfo->vendor_id)
		show_module(sysinfo);
	show_memory(sysinfo);
	show_counts();
}

/* The outcome of these is in the log, which the console shows. */
static void start(void)
{
	(void)tdx_start();
}

static void stop(void)
{
	(void)tdx_stop();
}

static void update(void)
{
	(void)tdx_update();
}

static void run(int argc, char **argv)
{
	static const struct {
		const char *word;
		void (*run)(void);
	} words[] = { { "doctor", show_causes }, { "start", start }, { "stop", stop }, { "update", update } };

	if (argc == 1) {
		show();
		return;
	}
	for (u32 i = 0; argc == 2 && i < ARRAY_SIZE(words); i++)
		if (!strcmp(argv[1], words[i].word)) {
			words[i].run();
			return;
		}
	console_printf("usage: tdx [doctor|start|stop|update]\n");
}

static const struct console_command command = {
	.name = "tdx",
	.usage = "tdx [doctor|start|stop|update]",
	.help = "the TDX module: version, features, memory, KeyIDs, SEAMCALLs; why it is not up; start, stop, update",
	.run = run,
};

void tdx_console_register(void)
{
	static bool registered;

	if (!registered)
		console_register(&command);
	registered = true;
}
