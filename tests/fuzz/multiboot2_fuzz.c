/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot loader's tags. What is accepted has ascending ranges that do not overlap, and texts that end. */
#include "boot/multiboot2.h"

#include <string.h>

#include "include/cella/arch.h"
#include "include/spec/multiboot2.h"
#include "tests/fuzz/fuzz.h"

__noreturn void kernel_main(const struct boot_info *info);

static struct boot_info boot;

/* What boot_entry() goes on to; not reached from here. */
void arch_early_init(const struct boot_info *info)
{
	(void)info;
}

void arch_console_putc(char c)
{
	(void)c;
}

void arch_cpu_stop(void)
{
	abort();
}

void kernel_main(const struct boot_info *info)
{
	(void)info;
	abort();
}

/* Ascending, not empty, not overlapping, none wraps. */
static void check_ranges(void)
{
	for (u32 i = 0; i < boot.range_count; i++) {
		CLAIM(boot.ranges[i].bytes != 0);
		CLAIM(boot.ranges[i].base + boot.ranges[i].bytes > boot.ranges[i].base);
		if (i > 0)
			CLAIM(boot.ranges[i - 1].base + boot.ranges[i - 1].bytes <= boot.ranges[i].base);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	const char *wrong;

	if (bytes < sizeof(struct mb2_info))
		return 0;
	wrong = multiboot2_parse(data, bytes, &boot);
	if (wrong) {
		CLAIM(strlen(wrong) > 0);
		return 0;
	}
	CLAIM(boot.range_count > 0 && boot.range_count <= BOOT_MAX_RANGES);
	CLAIM(boot.module_count <= BOOT_MAX_MODULES);
	CLAIM(memchr(boot.cmdline, 0, sizeof(boot.cmdline)) != NULL);
	CLAIM(memchr(boot.loader, 0, sizeof(boot.loader)) != NULL);
	CLAIM(boot.rsdp_bytes <= sizeof(boot.rsdp));
	for (u32 i = 0; i < boot.module_count; i++)
		CLAIM(memchr(boot.modules[i].text, 0, sizeof(boot.modules[i].text)) != NULL);
	check_ranges();
	return 0;
}
