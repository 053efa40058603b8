/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end: other cores are stopped by NMI, then this one has the console for itself and writes polled, without locks.
 *
 * The first core wins; another that panics meanwhile stops in silence. A panic inside the panic (a broken stack, a
 * fault while logging) stops at once. Also the compiler's stack protector ends here.
 */
#include "kernel/panic.h"

#include <stdarg.h>

#include "include/cella/arch.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"

#define NOBODY 0
#define STOP_WAIT_US 10000	/* the other cores get an NMI and finish the character they are writing */

static struct {
	u32 core;	/* atomic: number of the panicking core + 1, NOBODY before */
	void (*flush)(void);
} panic_state;

/* The compiler compares it at the end of every function with an array; kernel_main() makes it random. */
u64 __stack_chk_guard = 0x00000aff0d0a595bull;

/* Called by compiler-made code only, hence declared here. */
__noreturn void __stack_chk_fail(void);

__noreturn void __stack_chk_fail(void)
{
	panic("stack of a function overwritten, called from %p", __builtin_return_address(0));
}

static void write_polled(const char *text, u64 bytes)
{
	for (u64 i = 0; i < bytes; i++)
		arch_console_putc(text[i]);
}

void panic_set_flush(void (*flush)(void))
{
	panic_state.flush = flush;
}

void panic(const char *format, ...)
{
	struct percpu *cpu = cpu_this_or_null();
	u32 nobody = NOBODY;
	char reason[256];
	va_list args;

	arch_irq_disable();
	if (!__atomic_compare_exchange_n(&panic_state.core, &nobody, (cpu ? cpu->id : 0) + 1, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		arch_cpu_stop();
	if (cpu && cpu_count() > 1) {
		arch_nmi_others();
		time_udelay(STOP_WAIT_US);
	}
	va_start(args, format);
	format_text_va(reason, sizeof(reason), format, args);
	va_end(args);
	if (panic_state.flush)
		panic_state.flush();
	log_to_sink_only(write_polled);
	log_error("panic", "%s", reason);
	log_error("panic", "on core %u; call chain:", cpu ? cpu->id : 0);
	arch_backtrace();
	log_error("panic", "Cella has stopped");
	arch_cpu_stop();
}
