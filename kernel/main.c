/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cella from entry to its prompt: one call per step, in order. The composition root, the one file that may include
 * everything.
 *
 * kernel_main() runs on the boot core's boot stack with interrupts off until the scheduler stands; that context then
 * becomes the core's idle task, and the boot task goes on with what needs interrupts and other cores. It ends as the
 * console's task. Without VMX or TDX it gets there all the same.
 */
#include "arch/x86/vmx.h"
#include "drivers/uart16550.h"
#include "include/cella/arch.h"
#include "include/cella/boot_info.h"
#include "kernel/console.h"
#include "kernel/cpu_call.h"
#include "kernel/irq.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "kernel/timer.h"
#include "kernel/version.h"
#include "tdx/module.h"
#include "tdx/pool.h"
#include "tdx/seamldr.h"
#include "vmm/config.h"
#include "vmm/guest.h"

#define OPTION_DEBUG "loglevel=debug"
#define MAX_STEPS 16

/* Called by boot/multiboot2.c and arch/x86/smp.c, which lie above and below: declared there, too. */
__noreturn void kernel_main(const struct boot_info *boot);
__noreturn void secondary_main(struct percpu *cpu);

extern u64 __stack_chk_guard;

static struct {
	const struct boot_info *boot;
	struct task idle[MAX_CPUS];
	struct task task;	/* boot task, later the console's */
	struct chr *serial;	/* NULL: none found */
	/* how long each step took */
	u64 step_tsc;	/* begin of the step under way */
	u32 step_count;
	struct {
		const char *name;
		u64 tsc;
	} steps[MAX_STEPS];
} boot_state;

/* ---- time per step ---- */

static void step_done(const char *name)
{
	u64 now = arch_tsc();

	if (boot_state.step_count < MAX_STEPS) {
		boot_state.steps[boot_state.step_count].name = name;
		boot_state.steps[boot_state.step_count++].tsc = now - boot_state.step_tsc;
	}
	boot_state.step_tsc = now;
}

static void log_steps(void)
{
	char text[200];
	u64 at = 0;

	text[0] = '\0';
	for (u32 i = 0; i < boot_state.step_count && at < sizeof(text); i++)
		at += (u64)format_text(text + at, sizeof(text) - at, "%s%s %lu", i ? ", " : "", boot_state.steps[i].name,
				       time_tsc_to_ns(boot_state.steps[i].tsc) / NS_PER_MS);
	log_info("boot", "%lu ms since entry; ms per step: %s", time_ns() / NS_PER_MS, text);
}

/* ---- log and terminal ---- */

static void early_sink(const char *text, u64 bytes)
{
	for (u64 i = 0; i < bytes; i++)
		arch_console_putc(text[i]);
}

static void terminal_write(const char *text, u64 bytes)
{
	boot_state.serial->write(boot_state.serial, text, bytes);
}

static void no_terminal_write(const char *text, u64 bytes)
{
	(void)text;
	(void)bytes;
}

static u64 no_terminal_room(void)
{
	return ~0ull;
}

static const struct console_terminal serial_terminal = { terminal_write, uart16550_room };
static const struct console_terminal no_terminal = { no_terminal_write, no_terminal_room };

/* Needs the clock; uart16550_start() needs timers. */
static void terminal_init(void)
{
	boot_state.serial = uart16550_init();
	console_init(boot_state.serial ? &serial_terminal : &no_terminal);
	if (!boot_state.serial) {
		log_warn("console", "no serial port answers: Cella runs without a console");
		log_set_sink(NULL);
		return;
	}
	boot_state.serial->input = console_input;
	panic_set_flush(uart16550_flush);
	log_set_sink(console_log_sink);
}

/* Is @option one of the words of the command line? */
static bool option_given(const char *cmdline, const char *option)
{
	size_t length = strlen(option);

	while (*cmdline) {
		if (strncmp(cmdline, option, length) == 0 && (cmdline[length] == ' ' || !cmdline[length]))
			return true;
		while (*cmdline && *cmdline != ' ')
			cmdline++;
		while (*cmdline == ' ')
			cmdline++;
	}
	return false;
}

static void log_begin(const struct boot_info *boot)
{
	log_set_sink(early_sink);
	if (option_given(boot->cmdline, OPTION_DEBUG))
		log_set_level(LOG_DEBUG);
	log_info("boot", "Cella " CELLA_VERSION ", built with gcc " __VERSION__);
	log_info("boot", "loaded by %s (%s), %u modules, command line \"%s\"", boot->loader,
		 boot->uefi ? "UEFI" : "BIOS", boot->module_count, boot->cmdline);
}

static void log_memory(void)
{
	struct page_books books;
	u64 pages = 0;

	page_books_read(&books);
	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		pages += owner == PAGE_ABSENT ? 0 : books.pages[ZONE_HOST][owner];
	log_info("page", "%lu MiB of RAM up to 0x%lx, %lu MiB free, books %lu KiB", pages * PAGE_SIZE / MIB(1),
		 page_ram_top().raw, books.pages[ZONE_HOST][PAGE_FREE] * PAGE_SIZE / MIB(1),
		 books.pages[ZONE_HOST][PAGE_KERNEL] * PAGE_SIZE / KIB(1));
}

/* ---- the end ---- */

/* Guests first, then the TDX module, then VMX: each needs the one after it. */
static void end_everything(const char *why)
{
	guests_stop_all();
	tdx_shut_down();
	(void)cpu_call_all(vmx_off, NULL, NULL);
	log_info("boot", "%s", why);
	uart16550_flush();
}

static void run_poweroff(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	end_everything("power off");
	arch_power_off();
	console_printf("This machine offers no way to switch it off: it can be switched off by hand now.\n");
}

static void run_reboot(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	end_everything("reboot");
	arch_reboot();
	console_printf("This machine offers no way to reset it: it can be reset by hand now.\n");
}

static const struct console_command end_commands[] = {
	{ "poweroff", "poweroff", "End all guests and switch the machine off.", run_poweroff },
	{ "reboot", "reboot", "End all guests and reset the machine.", run_reboot },
};

/* ---- VMX ---- */

static bool same_reason(u32 a, u32 b)
{
	const char *reason = cpu_at(a)->vmx_reason, *other = cpu_at(b)->vmx_reason;

	return cpu_at(b)->vmx != VMX_ON && reason && other && strcmp(reason, other) == 0;
}

/* One line per reason, however many cores share it. */
static void log_vmx_reasons(void)
{
	for (u32 id = 0; id < cpu_count(); id++) {
		u32 before = 0, cores = 1;

		if (cpu_at(id)->vmx == VMX_ON || !cpu_at(id)->vmx_reason)
			continue;
		for (u32 other = 0; other < id; other++)
			before += same_reason(id, other);
		for (u32 other = id + 1; other < cpu_count(); other++)
			cores += same_reason(id, other);
		if (before == 0)
			log_error("vmx", "no VMX on %u cores, core %u the first: %s", cores, id, cpu_at(id)->vmx_reason);
	}
}

static void vmx_init(void)
{
	u32 on = 0;

	(void)cpu_call_all(vmx_on, NULL, NULL);	/* the outcome is in each core's data */
	for (u32 id = 0; id < cpu_count(); id++)
		on += cpu_at(id)->vmx == VMX_ON;
	log_vmx_reasons();
	log_info("vmx", "VMX on %u of %u cores", on, cpu_count());
}

/* ---- TDX and guests ---- */

static void start_guests(const struct boot_info *boot)
{
	const struct config *config = config_load(boot);

	for (u32 i = 0; i < boot->module_count; i++)
		if (!strcmp(boot->modules[i].text, SEAMLDR_FILE_TEXT))
			seamldr_offer(&boot->modules[i]);
	guests_create(boot);
	pool_set_nodes(config ? config->td_pool_nodes : 0);
	if (tdx_bring_up(config ? config->td_pool_bytes : 0)) {
		log_error("boot", "no TD can run on this machine as it is; the command \"tdx doctor\" lists the causes");
		step_done("tdx");
		return;
	}
	step_done("tdx");
	guests_start();
	step_done("guests");
}

/* ---- in order ---- */

static void boot_task(void *arg)
{
	const struct boot_info *boot = boot_state.boot;
	u32 cores;

	(void)arg;
	if (boot_state.serial)
		uart16550_start();
	cores = arch_smp_init();
	log_info("smp", "%u cores", cores);
	step_done("cores");
	vmx_init();
	step_done("vmx");
	console_register(&end_commands[0]);
	console_register(&end_commands[1]);
	start_guests(boot);
	log_steps();
	console_run(NULL);
}

/* Vectors of the kernel's own files; nothing else is registered yet, so none can be taken. */
static void register_vectors(void)
{
	int taken = irq_register(VECTOR_TIMER, timer_interrupt, NULL);

	panic_if(taken, "timer vector taken");
	cpu_call_init();
	sched_init();
}

/* Not protected itself: it would find another guard at its end than at its begin. */
__attribute__((no_stack_protector)) static void randomise_stack_guard(void)
{
	u64 random;

	if (arch_random(&random))
		__stack_chk_guard = random & ~0xffull;	/* the lowest byte stays 0: it ends an overrunning text */
	else
		log_warn("boot", "the processor gives no random numbers: the stack guard is the built-in one");
}

__attribute__((no_stack_protector)) void kernel_main(const struct boot_info *boot)
{
	u64 entry_tsc = arch_tsc();
	int result;

	boot_state.boot = boot;
	boot_state.step_tsc = entry_tsc;
	arch_early_init(boot);
	log_begin(boot);
	step_done("log");
	arch_cpu_init(cpu_at(0));
	cpu_boot_core_ready();
	randomise_stack_guard();
	step_done("cpu");
	page_init(boot);
	log_memory();
	step_done("pages");
	arch_paging_init(boot);
	step_done("paging");
	arch_acpi_init(boot);
	step_done("acpi");
	register_vectors();
	arch_time_init();
	time_start(entry_tsc);
	step_done("time");
	terminal_init();
	step_done("console");
	sched_init_cpu(&boot_state.idle[0]);
	result = task_start(&boot_state.task, "console", 0, boot_task, NULL);
	panic_if(result, "no memory for the boot task's stack");
	sched_idle_loop();
}

void secondary_main(struct percpu *cpu)
{
	arch_secondary_init(cpu);
	sched_init_cpu(&boot_state.idle[cpu->id]);
	sched_idle_loop();
}
