/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration blob, libfdt included. What is accepted is inside the limits that the rest of vmm/ relies on. */
#include "vmm/config.h"

#include <stdarg.h>
#include <string.h>

#include "include/cella/tdshim.h"
#include "kernel/log.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/guest.h"

#define MODULES 4

static struct boot_info boot;
static struct config config;
static char error[CONFIG_ERROR_BYTES];

void log_write(enum log_level level, const char *subject, const char *format, ...)
{
	(void)level;
	(void)subject;
	(void)format;
}

static void check_sentence(const char *sentence)
{
	CLAIM(strlen(sentence) > 0 && strlen(sentence) < CONFIG_ERROR_BYTES);
	for (; *sentence; sentence++)
		CLAIM(*sentence >= ' ' && *sentence <= '~');
}

static bool is_module(const struct boot_module *module)
{
	return module >= boot.modules && module < boot.modules + MODULES && module->bytes != 0;
}

static void check_guest(const struct guest_config *guest)
{
	CLAIM(guest->name[0] && memchr(guest->name, 0, sizeof(guest->name)));
	for (const char *c = guest->name; *c; c++)
		CLAIM(strchr("-_.", *c) || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'));
	CLAIM(memchr(guest->uuid, 0, sizeof(guest->uuid)) && memchr(guest->cmdline, 0, sizeof(guest->cmdline)));
	CLAIM(guest->cpus >= 1 && guest->cpus <= GUEST_MAX_VCPUS);
	CLAIM(guest->memory_bytes >= GUEST_RAM_MIN && IS_ALIGNED(guest->memory_bytes, PAGE_SIZE_2M));
	CLAIM(guest->memory_bytes < GUEST_PAYLOAD_WINDOW);
	CLAIM(is_module(guest->firmware));
	CLAIM(!guest->kernel || is_module(guest->kernel));
	CLAIM(!guest->ramdisk || is_module(guest->ramdisk));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	u8 *blob = malloc(bytes ? bytes : 1);	/* aligned, as boot modules are; libFuzzer's copy may not be */

	memcpy(blob, data, bytes);
	boot.module_count = MODULES;
	for (u32 i = 1; i < MODULES; i++)
		boot.modules[i].bytes = PAGE_SIZE;
	if (config_parse(blob, bytes, &boot, &config, error, check_sentence)) {
		check_sentence(error);
	} else {
		CLAIM(config.guest_count <= CONFIG_MAX_GUESTS);
		for (u32 i = 0; i < config.guest_count; i++)
			check_guest(&config.guests[i]);
	}
	free(blob);
	return 0;
}
