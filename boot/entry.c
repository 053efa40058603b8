/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First C: the boot loader's information is checked and copied, then kernel_main() runs. What Cella cannot start from
 * is refused by a sentence on the serial port. Boot core, boot stack, interrupts off, boot page tables.
 */
#include "boot/multiboot2.h"
#include "include/cella/arch.h"
#include "include/cella/memory_map.h"
#include "include/spec/multiboot2.h"

#define BOOT_MAPPED_BYTES GIB(4)	/* what the boot page tables reach */
#define TAG_INFO_MAX_BYTES MIB(1)

/* Called by multiboot2.S; and kernel/main.c, which lies above. */
void boot_entry(u64 magic, u64 info);
__noreturn void kernel_main(const struct boot_info *boot);

static struct boot_info boot_info;

static void print(const char *text)
{
	for (; *text; text++)
		arch_console_putc(*text);
}

static __noreturn void refuse(const char *why)
{
	arch_early_init(&boot_info);
	print("Cella cannot start: ");
	print(why);
	print("\r\n");
	arch_cpu_stop();
}

void boot_entry(u64 magic, u64 info)
{
	const char *wrong;

	if (magic != MB2_BOOT_MAGIC)
		refuse("it was not loaded by a multiboot2 boot loader such as GRUB");
	wrong = multiboot2_parse(hpa_to_hva(HPA(info)), MIN(TAG_INFO_MAX_BYTES, BOOT_MAPPED_BYTES - info), &boot_info);
	if (wrong)
		refuse(wrong);
	kernel_main(&boot_info);
}
