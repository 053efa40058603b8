/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The payload window.
 *
 * Boot modules stay where the boot loader put them; their pages are mapped into the guest's shared EPT, so that
 * handing over a kernel costs no copy. A guest must not see what lies behind a module in its last page, so that page
 * is copied into a zeroed page of our own. GPAs are chosen congruent to the HPAs modulo 2 MiB, which lets most of a
 * file be mapped by large pages. Owner of the tail pages: struct payload.
 *
 * Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"; include/cella/tdshim.h.
 */
#include "vmm/payload.h"

#include "include/cella/memory_map.h"
#include "include/spec/linux_boot.h"
#include "kernel/lib/string.h"
#include "kernel/page.h"
#include "vmm/guest.h"

static u32 read_u16(const u8 *at)
{
	return (u32)at[0] | (u32)at[1] << 8;
}

int payload_check_kernel(const void *file, u64 bytes, char error[REFUSAL_BYTES])
{
	const u8 *at = file;
	u32 version, sectors;

	if (bytes < BZIMAGE_HEADER_END_MIN)
		return refuse(error, "it has only %lu bytes and is no bzImage", bytes);
	if (read_u16(at + BZIMAGE_BOOT_FLAG) != BZIMAGE_BOOT_FLAG_VALUE || memcmp(at + BZIMAGE_HEADER_MAGIC, "HdrS", 4))
		return refuse(error, "it has no Linux setup header (HdrS), so it is no bzImage");
	version = read_u16(at + BZIMAGE_VERSION);
	if (version < BZIMAGE_VERSION_MIN)
		return refuse(error, "its boot protocol %u.%02u is older than 2.12", version >> 8, version & 0xff);
	if (!(read_u16(at + BZIMAGE_XLOADFLAGS) & BZIMAGE_XLF_KERNEL_64))
		return refuse(error, "it has no 64-bit entry point");
	sectors = at[BZIMAGE_SETUP_SECTS] ? at[BZIMAGE_SETUP_SECTS] : 4u;
	if ((u64)(sectors + 1) * BZIMAGE_SECTOR >= bytes)
		return refuse(error, "it ends within its setup part of %u sectors", sectors + 1);
	return 0;
}

/* Map @bytes (a 4 KiB multiple) from @hpa on at @gpa, both congruent modulo 2 MiB. */
static int map_pages(struct guest *guest, gpa_t gpa, hpa_t hpa, u64 bytes)
{
	while (bytes) {
		bool large = IS_ALIGNED(gpa.raw, PAGE_SIZE_2M) && bytes >= PAGE_SIZE_2M;
		u64 step = large ? PAGE_SIZE_2M : PAGE_SIZE;
		enum tdx_level level = large ? TDX_LEVEL_2M : TDX_LEVEL_4K;
		int error = shared_ept_map(&guest->shared_ept, gpa, hpa, level, SHARED_READ_ONLY);

		if (error)
			return error;
		gpa = gpa_add(gpa, step);
		hpa = hpa_add(hpa, step);
		bytes -= step;
	}
	return 0;
}

/* A copy of @bytes < 4 KiB in a page of its own, mapped at @gpa. */
static int map_tail(struct guest *guest, enum payload_file which, gpa_t gpa, const void *data, u64 bytes)
{
	void *page = page_zalloc(1, PAGE_GUEST);

	if (!page)
		return -ENOMEM;
	guest->payload.tails[which] = page;
	memcpy(page, data, bytes);
	return map_pages(guest, gpa, hva_to_hpa(page), PAGE_SIZE);
}

/* One module: *@next is the first free GPA of the window and moves behind it. */
static int map_module(struct guest *guest, enum payload_file which, const struct boot_module *module, u64 *next,
		      u64 *gpa)
{
	u64 whole = ALIGN_DOWN(module->bytes, PAGE_SIZE), tail = module->bytes - whole;
	int error;

	*gpa = ALIGN_UP(*next, PAGE_SIZE_2M) + (module->start.raw & (PAGE_SIZE_2M - 1));
	*next = *gpa + ALIGN_UP(module->bytes, PAGE_SIZE);
	error = map_pages(guest, GPA(*gpa), module->start, whole);
	if (error || !tail)
		return error;
	return map_tail(guest, which, GPA(*gpa + whole), (const u8 *)hpa_to_hva(module->start) + whole, tail);
}

/* Refuse what cannot fit before anything is mapped: each file may lose 2 MiB to alignment twice. */
static int check_fit(const struct guest_config *config, char *error)
{
	const struct boot_module *modules[] = { config->kernel, config->ramdisk };
	u64 total = PAGE_SIZE_2M;

	for (u32 i = 0; i < ARRAY_SIZE(modules); i++) {
		if (!modules[i])
			continue;
		if (!IS_ALIGNED(modules[i]->start.raw, PAGE_SIZE))
			return refuse(error, "boot module \"%s\" is not page aligned", modules[i]->text);
		if (modules[i]->bytes > GUEST_PAYLOAD_MAX)
			return refuse(error, "boot module \"%s\" has %lu MiB, the payload window has %lu MiB",
				      modules[i]->text, modules[i]->bytes / MIB(1), GUEST_PAYLOAD_MAX / MIB(1));
		total += modules[i]->bytes + 2 * PAGE_SIZE_2M;
	}
	if (total > GUEST_PAYLOAD_MAX)
		return refuse(error, "kernel and ramdisk together do not fit the payload window of %lu MiB",
			      GUEST_PAYLOAD_MAX / MIB(1));
	return 0;
}

int payload_map(struct guest *guest, char error[REFUSAL_BYTES])
{
	const struct boot_module *kernel = guest->config->kernel, *ramdisk = guest->config->ramdisk;
	const char *cmdline = guest->config->cmdline;
	struct tdshim_payload *block = &guest->payload.block;
	u64 next = GUEST_PAYLOAD_WINDOW;
	int result;

	if (!kernel)
		return 0;
	if (check_fit(guest->config, error))
		return -EINVAL;
	block->vcpus = guest->config->cpus;
	block->kernel_bytes = kernel->bytes;
	block->initrd_bytes = ramdisk ? ramdisk->bytes : 0;
	block->cmdline_bytes = strlen(cmdline);
	result = map_module(guest, PAYLOAD_KERNEL, kernel, &next, &block->kernel_gpa);
	if (!result && ramdisk)
		result = map_module(guest, PAYLOAD_INITRD, ramdisk, &next, &block->initrd_gpa);
	if (!result && cmdline[0]) {
		block->cmdline_gpa = ALIGN_UP(next, PAGE_SIZE_2M);
		result = map_tail(guest, PAYLOAD_CMDLINE, GPA(block->cmdline_gpa), cmdline, block->cmdline_bytes);
	}
	if (result)
		refuse(error, "no host memory is left to map the payload");
	else
		block->version = TDSHIM_PAYLOAD_VERSION;
	return result;
}

void payload_release(struct guest *guest)
{
	for (u32 i = 0; i < PAYLOAD_FILES; i++)
		if (guest->payload.tails[i])
			page_zfree(guest->payload.tails[i], 1, PAGE_GUEST);
	memset(&guest->payload, 0, sizeof(guest->payload));
}
