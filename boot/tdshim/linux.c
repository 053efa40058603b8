/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything is copied to private memory first, hashed there and only then looked at: the host may change the shared window
 * at any time. Places: boot_params and command line below 512 KiB, the kernel's protected-mode part at 16 MiB, the initrd
 * as high as RAM and the kernel allow. Linux Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".
 */
#include "boot/tdshim/linux.h"

#include "boot/tdshim/measure.h"
#include "boot/tdshim/memory.h"
#include "boot/tdshim/report.h"
#include "include/spec/linux_boot.h"
#include "include/spec/tcg.h"
#include "kernel/lib/string.h"

#define BOOT_PARAMS_BASE 0x40000
#define CMDLINE_BASE 0x41000
#define CMDLINE_MAX 0x800

/* reset.S */
__noreturn void linux_enter(u64 entry, u64 boot_params);

struct kernel_header {
	u32 setup_bytes;
	u32 header_end;
	u64 init_bytes;
	u64 initrd_limit;	/* first address that is too high */
	u32 cmdline_max;
};

static u32 get(const u8 *image, u32 offset, u32 bytes)
{
	u32 value = 0;

	memcpy(&value, image + offset, bytes);
	return value;
}

static void check_kernel(const u8 *image, u64 bytes, u64 ram_end, struct kernel_header *header)
{
	u32 sectors, alignment;

	if (bytes < BOOT_PARAMS_BYTES || get(image, BZIMAGE_HEADER_MAGIC, 4) != BZIMAGE_HEADER_MAGIC_VALUE ||
	    get(image, BZIMAGE_BOOT_FLAG, 2) != BZIMAGE_BOOT_FLAG_VALUE)
		shim_refuse("the kernel file is not a bzImage");
	if (get(image, BZIMAGE_VERSION, 2) < BZIMAGE_VERSION_MIN ||
	    !(get(image, BZIMAGE_XLOADFLAGS, 2) & BZIMAGE_XLF_KERNEL_64) ||
	    !(get(image, BZIMAGE_LOADFLAGS, 1) & BZIMAGE_LOADED_HIGH))
		shim_refuse("the kernel has no 64-bit entry point");
	sectors = get(image, BZIMAGE_SETUP_SECTS, 1);
	header->setup_bytes = ((sectors ? sectors : 4) + 1) * BZIMAGE_SECTOR;
	header->header_end = BZIMAGE_HEADER_MAGIC + get(image, BZIMAGE_HEADER_LENGTH, 1);
	header->init_bytes = get(image, BZIMAGE_INIT_SIZE, 4);
	header->initrd_limit = (u64)get(image, BZIMAGE_INITRD_ADDR_MAX, 4) + 1;
	header->cmdline_max = MIN(get(image, BZIMAGE_CMDLINE_SIZE, 4), CMDLINE_MAX - 1);
	alignment = get(image, BZIMAGE_KERNEL_ALIGNMENT, 4);
	if (header->setup_bytes >= bytes || header->header_end < BZIMAGE_HEADER_END_MIN ||
	    header->header_end > header->setup_bytes || alignment == 0 || !IS_ALIGNED(alignment, alignment & -alignment) ||
	    TDSHIM_KERNEL_BASE % alignment != 0)
		shim_refuse("the kernel's setup header contradicts itself");
	if (header->init_bytes < bytes - header->setup_bytes || header->init_bytes > ram_end - TDSHIM_KERNEL_BASE)
		shim_refuse("the kernel needs %llu MiB from 16 MiB on, the TD has %llu MiB",
			    (unsigned long long)(header->init_bytes >> 20), (unsigned long long)(ram_end >> 20));
}

/* Initrd: as high as possible, page aligned, clear of the kernel's working range. */
static u64 load_initrd(const struct handoff *handoff, const struct kernel_header *header)
{
	u64 bytes = handoff->payload.initrd_bytes;
	u64 limit = MIN(handoff->low_ram_end, header->initrd_limit);
	u64 floor = TDSHIM_KERNEL_BASE + header->init_bytes;
	u64 base;

	if (bytes == 0)
		return 0;
	if (bytes > limit || ALIGN_DOWN(limit - bytes, PAGE_SIZE) < floor)
		shim_refuse("the initrd of %llu MiB does not fit behind the kernel", (unsigned long long)(bytes >> 20));
	base = ALIGN_DOWN(limit - bytes, PAGE_SIZE);
	memcpy((void *)base, (const void *)handoff->payload.initrd_gpa, bytes);
	measure(RTMR_PAYLOAD, TCG_EV_IPL, "initrd", (const void *)base, bytes);
	return base;
}

static void load_cmdline(const struct handoff *handoff, const struct kernel_header *header)
{
	u64 bytes = handoff->payload.cmdline_bytes;
	char *cmdline = (char *)CMDLINE_BASE;

	if (bytes > header->cmdline_max)
		shim_refuse("the command line has %llu characters, the kernel takes %u", (unsigned long long)bytes,
			    header->cmdline_max);
	memset(cmdline, 0, CMDLINE_MAX);
	if (bytes != 0)
		memcpy(cmdline, (const void *)handoff->payload.cmdline_gpa, bytes);
	measure(RTMR_PAYLOAD, TCG_EV_IPL, "command line", cmdline, bytes);
}

void linux_load(const struct handoff *handoff)
{
	u8 *image = (u8 *)TDSHIM_KERNEL_BASE;
	u8 *params = (u8 *)BOOT_PARAMS_BASE;
	u64 bytes = handoff->payload.kernel_bytes;
	struct kernel_header header;
	u64 initrd;
	u32 value;

	if (bytes > handoff->low_ram_end - TDSHIM_KERNEL_BASE)
		shim_refuse("the kernel file does not fit the TD's memory");
	memcpy(image, (const void *)handoff->payload.kernel_gpa, bytes);
	measure_separator(RTMR_KERNEL);
	measure(RTMR_KERNEL, TCG_EV_FIRMWARE_BLOB2, "kernel", image, bytes);
	check_kernel(image, bytes, handoff->low_ram_end, &header);

	memset(params, 0, BOOT_PARAMS_BYTES);
	memcpy(params + BOOT_PARAMS_HEADER, image + BOOT_PARAMS_HEADER, header.header_end - BOOT_PARAMS_HEADER);
	memmove(image, image + header.setup_bytes, bytes - header.setup_bytes);
	load_cmdline(handoff, &header);
	initrd = load_initrd(handoff, &header);

	value = BOOT_PARAMS_VID_MODE_NORMAL;
	memcpy(params + BOOT_PARAMS_VID_MODE, &value, 2);
	params[BOOT_PARAMS_LOADER_TYPE] = BOOT_PARAMS_LOADER_UNKNOWN;
	params[BZIMAGE_LOADFLAGS] = BZIMAGE_LOADED_HIGH;
	value = (u32)initrd;
	memcpy(params + BOOT_PARAMS_INITRD, &value, 4);
	value = (u32)handoff->payload.initrd_bytes;
	memcpy(params + BOOT_PARAMS_INITRD_BYTES, &value, 4);
	value = CMDLINE_BASE;
	memcpy(params + BOOT_PARAMS_CMDLINE, &value, 4);
	params[BOOT_PARAMS_E820_COUNT] =
		(u8)memory_e820(handoff, (struct e820_entry *)(void *)(params + BOOT_PARAMS_E820));
}

__noreturn void linux_start(u64 rsdp)
{
	u8 *params = (u8 *)BOOT_PARAMS_BASE;

	memcpy(params + BOOT_PARAMS_RSDP, &rsdp, sizeof(rsdp));
	linux_enter(TDSHIM_KERNEL_BASE + BZIMAGE_ENTRY_64, BOOT_PARAMS_BASE);
}
