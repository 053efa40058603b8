/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/build.h"

#include <string.h>

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/cella/tdshim.h"
#include "include/spec/hob.h"
#include "include/spec/linux_boot.h"
#include "include/spec/tdvf.h"
#include "kernel/percpu.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/hob_check.h"
#include "tests/unit/test.h"
#include "vmm/hob.h"
#include "vmm/payload.h"

#define SHIM_BYTES 0x3000
#define SHIM_BASE (0x100000000ull - SHIM_BYTES)
#define KERNEL_BYTES (PAGE_SIZE_2M + 0x1234)
#define INITRD_BYTES 0x800

static struct guest *guest;
static struct guest_config *config;
static struct boot_module firmware, kernel, ramdisk;
static _Alignas(PAGE_SIZE) u8 shim[SHIM_BYTES];
static _Alignas(PAGE_SIZE) u8 initrd[PAGE_SIZE];
static _Alignas(PAGE_SIZE_2M) u8 bzimage[KERNEL_BYTES + PAGE_SIZE];

/* Three pages of code and metadata, then a CFV page with 100 bytes, the hand-off and one page of work memory. */
static void make_shim(void)
{
	static const u8 footer[] = TDVF_TABLE_FOOTER_GUID, offset[] = TDVF_METADATA_OFFSET_GUID;
	static const u8 magic[] = TDVF_DESCRIPTOR_GUID;
	struct tdvf_section sections[] = {
		{ 0, SHIM_BYTES, SHIM_BASE, SHIM_BYTES, TDVF_SECTION_BFV, TDVF_ATTR_MR_EXTEND },
		{ 8, 100, SHIM_BASE - PAGE_SIZE, PAGE_SIZE, TDVF_SECTION_CFV, 0 },
		{ 0, 0, TDSHIM_HOB_BASE, TDSHIM_HOB_BYTES, TDVF_SECTION_TD_HOB, 0 },
		{ 0, 0, TDSHIM_TEMP_BASE, PAGE_SIZE, TDVF_SECTION_TEMP_MEM, 0 },
	};
	struct tdvf_descriptor descriptor = { TDVF_SIGNATURE, 16 + sizeof(sections), 1, ARRAY_SIZE(sections) };
	u32 distance = 0x800;
	u16 entry = 22, table = 40;
	u8 *end = shim + SHIM_BYTES;

	memset(shim, 0x90, sizeof(shim));
	shim[0] = 0xa0;
	shim[0x1000] = 0xa1;
	shim[0x2000] = 0xa2;
	shim[8] = 0xcf;
	memcpy(end - 0x30, footer, 16);
	memcpy(end - 0x32, &table, 2);
	memcpy(end - 0x42, offset, 16);
	memcpy(end - 0x44, &entry, 2);
	memcpy(end - 0x48, &distance, 4);
	memcpy(end - distance - 16, magic, 16);
	memcpy(end - distance, &descriptor, sizeof(descriptor));
	memcpy(end - distance + 16, sections, sizeof(sections));
}

static void make_kernel(void)
{
	memset(bzimage, 0x11, sizeof(bzimage));
	memset(bzimage, 0, 0x400);
	bzimage[BZIMAGE_SETUP_SECTS] = 4;
	bzimage[BZIMAGE_BOOT_FLAG] = 0x55;
	bzimage[BZIMAGE_BOOT_FLAG + 1] = 0xaa;
	memcpy(bzimage + BZIMAGE_HEADER_MAGIC, "HdrS", 4);
	bzimage[BZIMAGE_VERSION] = 0x0f;
	bzimage[BZIMAGE_VERSION + 1] = 2;
	bzimage[BZIMAGE_XLOADFLAGS] = 0x7f;
}

static void reset(void)
{
	fake_host_reset();
	guest = fake_guest(MIB(64), 2);
	memset(guest->vcpus, 0, sizeof(guest->vcpus));
	for (u32 i = 0; i < 2; i++)
		guest->vcpus[i].guest = guest;
	guest->td.state = TD_NONE;
	make_shim();
	make_kernel();
	firmware = (struct boot_module){ hva_to_hpa(shim), SHIM_BYTES, "tdshim" };
	kernel = (struct boot_module){ hva_to_hpa(bzimage), KERNEL_BYTES, "kernel" };
	ramdisk = (struct boot_module){ hva_to_hpa(initrd), INITRD_BYTES, "initrd" };
	memset(initrd, 0x22, sizeof(initrd));
	/* The configuration belongs to the test that made the guest. */
	config = container_of(&guest->config->cpus, struct guest_config, cpus);
	config->firmware = &firmware;
	config->kernel = &kernel;
	config->ramdisk = &ramdisk;
	strcpy(config->cmdline, "console=hvc0");
}

TEST(build_adds_and_measures_in_the_documented_order)
{
	static const u64 expected[] = {
		SHIM_BASE,	    SHIM_BASE | 1,	    SHIM_BASE + 0x1000,	      (SHIM_BASE + 0x1000) | 1,
		SHIM_BASE + 0x2000, (SHIM_BASE + 0x2000) | 1, SHIM_BASE - PAGE_SIZE,    TDSHIM_HOB_BASE,
		TDSHIM_HOB_BASE + 0x1000, TDSHIM_HOB_BASE + 0x2000, TDSHIM_HOB_BASE + 0x3000, TDSHIM_TEMP_BASE,
	};

	reset();
	CHECK_EQ(build_guest(guest), 0);
	CHECK_EQ(fake.added_count, ARRAY_SIZE(expected));
	for (u32 i = 0; i < ARRAY_SIZE(expected); i++)
		CHECK_EQ(fake.added[i], expected[i]);
	CHECK_EQ(fake.first_byte[0], 0xa0);
	CHECK_EQ(fake.first_byte[4], 0xa2);
	CHECK_EQ(fake.first_byte[6], 0xcf);	/* CFV data from file offset 8 */
	CHECK_EQ(fake.first_byte[11], 0);
	CHECK_EQ(fake.vcpus_created, 2);
	build_undo(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST), 0);
}

TEST(build_hands_over_a_valid_list_with_the_payload)
{
	const struct hob_handoff *handoff = (const struct hob_handoff *)(const void *)fake.hob;
	const struct tdshim_payload *block;
	char error[REFUSAL_BYTES];

	reset();
	block = &guest->payload.block;
	CHECK_EQ(build_guest(guest), 0);
	CHECK_EQ(hob_validate(fake.hob, handoff->end_of_list - TDSHIM_HOB_BASE, TDSHIM_HOB_BASE, error), 0);
	CHECK_EQ(block->version, TDSHIM_PAYLOAD_VERSION);
	CHECK_EQ(block->vcpus, 2);
	CHECK_EQ(block->kernel_bytes, KERNEL_BYTES);
	CHECK_EQ(block->initrd_bytes, INITRD_BYTES);
	CHECK_EQ(block->cmdline_bytes, 12);
	build_undo(guest);
}

static const u8 *window(u64 gpa)
{
	hpa_t hpa;

	return shared_ept_lookup(&guest->shared_ept, GPA(gpa), &hpa) ? hpa_to_hva(hpa) : NULL;
}

TEST(build_shows_the_guest_the_files_and_nothing_behind_them)
{
	struct tdshim_payload *block;
	const u8 *tail;

	reset();
	CHECK_EQ(build_guest(guest), 0);
	block = &guest->payload.block;
	CHECK(window(block->kernel_gpa) == bzimage);
	CHECK(window(block->kernel_gpa + PAGE_SIZE_2M) == bzimage + PAGE_SIZE_2M);
	tail = window(block->kernel_gpa + PAGE_SIZE_2M + 0x1000);
	CHECK(tail && tail != bzimage + PAGE_SIZE_2M + 0x1000);
	CHECK_EQ(tail[0x233], 0x11);
	CHECK_EQ(tail[0x234], 0);
	CHECK_EQ(tail[0xfff], 0);
	CHECK(!window(block->kernel_gpa + PAGE_SIZE_2M + 0x2000));
	CHECK_EQ(window(block->initrd_gpa)[INITRD_BYTES - 1], 0x22);
	CHECK_EQ(window(block->initrd_gpa)[INITRD_BYTES], 0);
	CHECK_MEM(window(block->cmdline_gpa), "console=hvc0\0", 13);
	for (u32 i = 0; i < fake.shared_count; i++)
		CHECK(!fake.shared_writable[i]);
	CHECK_EQ(fake.mmio_start, GUEST_LOW_RAM_MAX);
	CHECK_EQ(fake.mmio_bytes, GUEST_LOW_RAM_MAX);
	build_undo(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST), 0);
}

static void check_not_built(const char *sentence)
{
	CHECK(build_guest(guest) != 0);
	CHECK_STR(fake.log, sentence);
	build_undo(guest);
	CHECK_EQ(fake_pages_of(PAGE_GUEST), 0);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
}

TEST(build_failures_name_their_cause_and_lose_nothing)
{
	reset();
	firmware.bytes = 0x1000;
	check_not_built("test is not started: its firmware, boot module \"tdshim\", cannot be used: it has no GUID "
			"table at "
			"its end, so it is no TDVF image");
	reset();
	bzimage[BZIMAGE_HEADER_MAGIC] = 'X';
	check_not_built("test is not started: its kernel, boot module \"kernel\", cannot be used: it has no Linux "
			"setup "
			"header (HdrS), so it is no bzImage");
	reset();
	fake.pool_bytes = MIB(32);
	check_not_built("test is not started: it needs 65 MiB, but of the TD pool's 32 MiB the other TDs take 0 MiB: "
			"raise "
			"td-pool, or give the TD less memory");
	reset();
	config->attributes = BIT(4);
	check_not_built("test is not started: property \"cella,td-attributes\": bits 0x10 are not served by Cella");
	reset();
	config->has_expected_mrtd = true;
	check_not_built("test is not started: MRTD is not what \"cella,expected-mrtd\" demands");
}

TEST(build_survives_running_out_of_host_pages_anywhere)
{
	reset();
	CHECK_EQ(build_guest(guest), 0);
	build_undo(guest);
	for (u64 pages = 0;; pages++) {
		reset();
		fake.free_pages = pages;
		if (!build_guest(guest))
			break;
		build_undo(guest);
		CHECK_EQ(fake_pages_of(PAGE_GUEST), 0);
		CHECK(pages < 100);
	}
	build_undo(guest);
}

TEST(payload_kernel_checks)
{
	char error[REFUSAL_BYTES];

	reset();
	CHECK_EQ(payload_check_kernel(bzimage, KERNEL_BYTES, error), 0);
	CHECK_EQ(payload_check_kernel(bzimage, 100, error), -EINVAL);
	CHECK_STR(error, "it has only 100 bytes and is no bzImage");
	bzimage[BZIMAGE_VERSION] = 0x0b;
	CHECK_EQ(payload_check_kernel(bzimage, KERNEL_BYTES, error), -EINVAL);
	CHECK_STR(error, "its boot protocol 2.11 is older than 2.12");
	bzimage[BZIMAGE_VERSION] = 0x0f;
	bzimage[BZIMAGE_XLOADFLAGS] = 0x7e;
	CHECK_EQ(payload_check_kernel(bzimage, KERNEL_BYTES, error), -EINVAL);
	CHECK_STR(error, "it has no 64-bit entry point");
	bzimage[BZIMAGE_XLOADFLAGS] = 1;
	CHECK_EQ(payload_check_kernel(bzimage, 5 * 512, error), -EINVAL);
	CHECK_STR(error, "it ends within its setup part of 5 sectors");
}
