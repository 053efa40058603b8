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

#define USAGE "tdx [doctor|start|stop|update]"

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

static void show_memory(void)
{
	u32 tdmr_count;
	const struct tdx_tdmr_info *tdmrs = tdx_module_tdmrs(&tdmr_count);

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

static void print_line(const char *text)
{
	console_printf("%s\n", text);
}

static void print_row(enum doctor_verdict verdict, const char *text)
{
	(void)verdict;
	print_line(text);
}

static void show_state(void)
{
	console_printf("TDX is %s (module state %s)\n",
		       tdx_module_state() == TDX_MODULE_READY ? "ready" : "not available", state_names[tdx_module_state()]);
}

static int show_causes(void)
{
	show_state();
	doctor_report(print_row);
	return 0;
}

static void show(void)
{
	if (tdx_module_state() == TDX_MODULE_READY)
		show_state();
	else
		(void)show_causes();
	show_loader();
	if (tdx_sysinfo()->vendor_id)
		tdx_sysinfo_report(print_line);
	show_memory();
	show_counts();
}

static void run(int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(void);	/* the outcome is in the log, which the console shows */
	} words[] = { { "doctor", show_causes }, { "start", tdx_start }, { "stop", tdx_stop }, { "update", tdx_update } };

	if (argc == 1) {
		show();
		return;
	}
	for (u32 i = 0; argc == 2 && i < ARRAY_SIZE(words); i++)
		if (!strcmp(argv[1], words[i].word)) {
			(void)words[i].run();
			return;
		}
	console_printf("usage: " USAGE "\n");
}

static const struct console_command command = {
	.name = "tdx",
	.usage = USAGE,
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
