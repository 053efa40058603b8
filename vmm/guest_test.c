/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/guest.h"

#include <libfdt.h>
#include <string.h>

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/cella/tdshim.h"
#include "include/spec/tdvf.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/test.h"

#define SHIM_BYTES 0x1000

static struct boot_info boot;
static _Alignas(PAGE_SIZE) u8 shim[SHIM_BYTES];
static _Alignas(8) u8 blob[4096];
static u32 lives_wanted;
static struct guest *guest;

/* The smallest image: one measured page, one page of hand-off. */
static void make_shim(void)
{
	static const u8 footer[] = TDVF_TABLE_FOOTER_GUID, offset[] = TDVF_METADATA_OFFSET_GUID;
	static const u8 magic[] = TDVF_DESCRIPTOR_GUID;
	struct tdvf_section sections[] = {
		{ 0, SHIM_BYTES, 0x100000000ull - SHIM_BYTES, SHIM_BYTES, TDVF_SECTION_BFV, TDVF_ATTR_MR_EXTEND },
		{ 0, 0, TDSHIM_HOB_BASE, PAGE_SIZE, TDVF_SECTION_TD_HOB, 0 },
	};
	struct tdvf_descriptor descriptor = { TDVF_SIGNATURE, 16 + sizeof(sections), 1, ARRAY_SIZE(sections) };
	u32 distance = 0x800;
	u16 entry = 22, table = 40;
	u8 *end = shim + SHIM_BYTES;

	memcpy(end - 0x30, footer, 16);
	memcpy(end - 0x32, &table, 2);
	memcpy(end - 0x42, offset, 16);
	memcpy(end - 0x44, &entry, 2);
	memcpy(end - 0x48, &distance, 4);
	memcpy(end - distance - 16, magic, 16);
	memcpy(end - distance, &descriptor, sizeof(descriptor));
	memcpy(end - distance + 16, sections, sizeof(sections));
}

static void make_config(void)
{
	fdt_create(blob, sizeof(blob));
	fdt_finish_reservemap(blob);
	fdt_begin_node(blob, "");
	fdt_begin_node(blob, "chosen");
	fdt_begin_node(blob, "hypervisor");
	fdt_property_string(blob, "compatible", "hypervisor,cella");
	fdt_begin_node(blob, "one");
	fdt_property_string(blob, "compatible", "cella,td");
	fdt_property_string(blob, "cella,on-exit", "restart");
	fdt_property_u32(blob, "memory", 65536);
	fdt_property_u32(blob, "cpus", 2);
	fdt_begin_node(blob, "firmware");
	fdt_property_string(blob, "compatible", "module,firmware");
	fdt_property_u32(blob, "mb-index", 1);
	fdt_end_node(blob);
	fdt_begin_node(blob, "console");
	fdt_property_string(blob, "compatible", "cella,console");
	fdt_end_node(blob);
	for (u32 i = 0; i < 4; i++)
		fdt_end_node(blob);
	fdt_finish(blob);
	boot.module_count = 2;
	boot.modules[0] = (struct boot_module){ hva_to_hpa(blob), fdt_totalsize(blob), "config" };
	boot.modules[1] = (struct boot_module){ hva_to_hpa(shim), SHIM_BYTES, "shim" };
}

/* The guest shares a page, then switches itself off; in the last life wanted the operator ends it. */
static void share_and_power_off(struct vcpu *vcpu, struct td_exit *exit)
{
	u64 done;

	guest = guest_find("one");
	CHECK_EQ(guest->state, GUEST_RUNNING);
	CHECK(fake.attached == &guest->console);
	CHECK_EQ(gmem_convert(guest, GPA(0x5000), PAGE_SIZE, GMEM_SHARED, &done), 0);
	if (guest->lives < lives_wanted)
		guest_request_end(guest, GUEST_END_POWER_OFF);
	else
		CHECK_EQ(guest_stop(guest), 0);
	guest_request_end(guest, GUEST_END_CRASH);	/* the first reason wins */
}

static void begin(u32 lives)
{
	fake_host_reset();
	fake.on_enter = share_and_power_off;
	lives_wanted = lives;
}

/* struct guest is allocated once for all tests: the configuration is read once. */
TEST(guest_lives_until_the_operator_ends_it)
{
	begin(3);
	make_shim();
	make_config();
	guests_create(&boot);
	CHECK_EQ(guest_count(), 1);
	CHECK_EQ(guest_at(0)->state, GUEST_STOPPED);
	fake.tdx_off = true;
	CHECK_EQ(guest_start(guest_at(0)), -ENODEV);
	fake.tdx_off = false;
	guests_start();
	CHECK_EQ(guest_count(), 1);
	CHECK(guest_at(0) == guest && !guest_at(1) && !guest_find("two"));
	CHECK_EQ(guest->state, GUEST_STOPPED);
	CHECK_EQ(guest->end, GUEST_END_OPERATOR);
	CHECK_EQ(guest->lives, 3);
	CHECK_EQ(fake.tasks_started, 1 + 3 * 2);
	CHECK_EQ(fake.tasks_joined, 3 * 2);
	CHECK(!fake.attached);
	CHECK(strstr(fake.all_log, "one: powered off after 0 s\n"));
	CHECK(strstr(fake.all_log, "one: stopped by the operator after 0 s\n"));
	CHECK(strstr(fake.all_log, "pages given back, books equal\n"));
	CHECK(!strstr(fake.all_log, "differ"));
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);

	/* Started again by the operator, who is then faster than the restart. */
	lives_wanted = 4;
	CHECK_EQ(guest_start(guest), 0);
	CHECK_EQ(guest->lives, 4);
	CHECK_EQ(guest_stop(guest), -EBUSY);
	CHECK_EQ(guest_attach(guest), -EBUSY);

	/* A vCPU without a stack ends the life, and nothing starts it again. */
	fake.task_failures = 2;
	lives_wanted = 100;
	CHECK_EQ(guest_start(guest), 0);
	CHECK_EQ(guest->lives, 5);
	CHECK_EQ(guest->state, GUEST_STOPPED);

	/* Firmware that is none: one sentence, no restart, no page lost. */
	shim[SHIM_BYTES - 0x30] ^= 1;
	CHECK_EQ(guest_start(guest), 0);
	CHECK_EQ(guest->end, GUEST_END_BUILD_FAILED);
	CHECK_EQ(guest->lives, 6);
	CHECK(strstr(fake.log, "books equal"));
	shim[SHIM_BYTES - 0x30] ^= 1;
	guests_stop_all();
}
