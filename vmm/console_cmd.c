/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tds`, `td start|stop|info <name>`, `attach <name>`. They read numbers that other cores change; a line may be a
 * moment old. Console task.
 */
#include "vmm/console_cmd.h"

#include "include/cella/errno.h"
#include "kernel/console.h"
#include "kernel/lib/string.h"
#include "kernel/timer.h"
#include "vmm/build.h"
#include "vmm/counters.h"
#include "vmm/guest.h"

#define TD_USAGE "td start|stop|info <name>"
#define ATTACH_USAGE "attach <name>"

static void list_guest(const struct guest *guest)
{
	struct guest_counters sum;
	bool alive = guest->state == GUEST_RUNNING || guest->state == GUEST_ENDING;

	counters_sum(guest, &sum);
	console_printf("%-20s %-9s %5u %7lu %9lu %8lu %10lu %7lu  %s\n", guest->config->name,
		       guest_state_name(guest->state), guest->vcpu_count, guest->config->memory_bytes / MIB(1),
		       guest->td.pages_private * PAGE_SIZE / MIB(1), guest->memory.shared_pages * PAGE_SIZE / MIB(1),
		       sum.exits, alive ? (time_ns() - guest->launched_ns) / NS_PER_S : 0,
		       guest->end == GUEST_END_NONE ? "" : guest_end_name(guest->end));
}

static void run_tds(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (!guest_count()) {
		console_printf("no TD is configured\n");
		return;
	}
	console_printf("%-20s %-9s %5s %7s %9s %8s %10s %7s  %s\n", "name", "state", "vCPUs", "MiB", "private",
		       "shared", "exits", "seconds", "last end");
	for (u32 i = 0; i < guest_count(); i++)
		list_guest(guest_at(i));
}

/* The guest that the last of @wanted words names, or a sentence and NULL. */
static struct guest *named(int argc, char **argv, int wanted, const char *usage)
{
	struct guest *guest = argc == wanted ? guest_find(argv[wanted - 1]) : NULL;

	if (argc != wanted)
		console_printf("usage: %s\n", usage);
	else if (!guest)
		console_printf("there is no TD \"%s\"; `tds` lists them\n", argv[wanted - 1]);
	return guest;
}

static void print_line(const struct guest *guest, const char *line)
{
	(void)guest;
	console_printf("%s\n", line);
}

static void show_info(const struct guest *guest)
{
	const struct guest_config *config = guest->config;
	char mrtd[MRTD_TEXT_BYTES];

	console_printf("%-12s %s, %s%s%s\n", config->name, guest_state_name(guest->state),
		       td_state_name(guest->td.state), guest->end == GUEST_END_NONE ? "" : ", last end: ",
		       guest->end == GUEST_END_NONE ? "" : guest_end_name(guest->end));
	if (config->uuid[0])
		console_printf("%-12s %s\n", "uuid", config->uuid);
	console_printf("%-12s %lu MiB, private %lu pages, shared %lu pages, control %lu pages\n", "memory",
		       config->memory_bytes / MIB(1), guest->td.pages_private, guest->memory.shared_pages,
		       guest->td.pages_control);
	console_printf("%-12s 0x%lx\n", "attributes", config->attributes);
	console_printf("%-12s %s\n", "firmware", config->firmware->text);
	if (config->kernel)
		console_printf("%-12s %s \"%s\"\n", "kernel", config->kernel->text, config->cmdline);
	if (config->ramdisk)
		console_printf("%-12s %s\n", "ramdisk", config->ramdisk->text);
	for (u32 i = 0; i < guest->vcpu_count; i++)
		console_printf("vCPU %-7u core %u, %lu entries\n", i, guest_vcpu_cpu(guest, i),
			       guest->vcpus[i].vcpu.entries);
	if (guest->td.state == TD_RUNNABLE)
		console_printf("%-12s %s\n", "MRTD", mrtd_text(guest->td.mrtd, mrtd));
	console_printf("%-12s %lu times, the last build took %lu us\n", "built", guest->lives, guest->launch_ns / 1000);
	counters_print(guest, print_line);
}

static void run_td(int argc, char **argv)
{
	struct guest *guest = named(argc, argv, 3, TD_USAGE);
	int error = 0;

	if (!guest)
		return;
	if (!strcmp(argv[1], "start"))
		error = guest_start(guest);
	else if (!strcmp(argv[1], "stop"))
		error = guest_stop(guest);
	else if (!strcmp(argv[1], "info"))
		show_info(guest);
	else
		console_printf("usage: " TD_USAGE "\n");
	if (error == -EBUSY)
		console_printf("%s is %s\n", argv[2], guest_state_name(guest->state));
	else if (error == -ENODEV)
		console_printf("%s cannot be started: TDX is not available; `tdx doctor` says why\n", argv[2]);
	else if (error)
		console_printf("%s could not be started: no memory for its task\n", argv[2]);
}

static void run_attach(int argc, char **argv)
{
	struct guest *guest = named(argc, argv, 2, ATTACH_USAGE);
	int error = guest ? guest_attach(guest) : 0;

	if (error == -ENODEV)
		console_printf("%s has no console; give it a child with compatible \"cella,console\"\n", argv[1]);
	else if (error)
		console_printf("%s is %s\n", argv[1], guest_state_name(guest->state));
}

void vmm_console_register(void)
{
	static const struct console_command commands[] = {
		{ "tds", "tds", "list the trust domains", run_tds },
		{ "td", TD_USAGE, "start, stop or describe a trust domain", run_td },
		{ "attach", ATTACH_USAGE, "give the terminal to a trust domain's console", run_attach },
	};

	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		console_register(&commands[i]);
}
