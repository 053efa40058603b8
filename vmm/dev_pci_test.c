/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the PCI bus: configuration space, BARs, MSI-X. The function under test is the virtio-console's. */
#include "include/cella/errno.h"
#include "include/cella/tdshim.h"
#include "include/spec/pci.h"
#include "include/spec/virtio.h"
#include "tests/unit/fake_driver.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"
#include "vmm/dev_pci.h"

#define SLOT 2
#define MASK_ENTRY(n) (DRIVER_MSIX + (n) * 16ull + 12)

static struct pci_function extra;

static u64 extra_read(void *device, u64 offset, u32 bytes)
{
	return 0x77;
}

static void extra_write(void *device, u64 offset, u32 bytes, u64 value)
{
}

static const struct bus_ops extra_ops = { extra_read, extra_write };

static void begin(void)
{
	fake_reset();
	CHECK_EQ(platform_create(&fake.guest), 0);
}

static void end(void)
{
	platform_destroy(&fake.guest);
	CHECK_EQ(fake.pages, 0);
	CHECK_EQ(fake.locks_held, 0);
}

/* A second function with three vectors and a small BAR. */
static void add_extra(void)
{
	static const struct pci_identity identity = { .vendor = 0x1234, .device = 0x5678, .class_code = 0xff0000 };

	extra = (struct pci_function){ 0 };
	pci_prepare(&extra, &identity);
	pci_set_bar(&extra, 0x1000, &extra_ops, NULL);
	pci_msix_prepare(&extra, 64, 0, 0x800);
	CHECK_EQ(pci_add(&fake.guest, 5, &extra), 0);
}

TEST(bus_0_has_a_host_bridge_and_a_console_and_nothing_else)
{
	begin();
	CHECK_EQ(ecam_read(0, PCI_VENDOR_ID, 4), 0x29c08086);
	CHECK_EQ(ecam_read(0, PCI_REVISION_ID, 4), 0x06000000);
	CHECK_EQ(ecam_read(SLOT, PCI_VENDOR_ID, 4), 0x10431af4);
	CHECK_EQ(ecam_read(SLOT, PCI_REVISION_ID, 4), 0x07800001);
	CHECK_EQ(ecam_read(SLOT, PCI_HEADER_TYPE, 1), 0);
	CHECK_EQ(ecam_read(SLOT, PCI_INTERRUPT_PIN, 1), 0);
	CHECK_EQ(ecam_read(SLOT, PCI_STATUS, 2), PCI_STATUS_CAPABILITIES);
	for (u32 slot = 0; slot < PCI_MAX_FUNCTIONS; slot++)
		if (slot != 0 && slot != SLOT)
			CHECK_EQ(ecam_read(slot, PCI_VENDOR_ID, 4), 0xffffffff);
	end();
}

TEST(absent_functions_and_extended_registers_read_all_ones)
{
	begin();
	CHECK_EQ(mmio_read(GUEST_ECAM_BASE + (SLOT << 15) + (1 << 12), 4), 0xffffffff);
	CHECK_EQ(ecam_read(SLOT, 0x100, 4), 0xffffffff);
	CHECK_EQ(ecam_read(SLOT, 0xffc, 4), 0xffffffff);
	CHECK_EQ(mmio_read(GUEST_ECAM_BASE + GUEST_ECAM_BYTES, 4), 0xffffffff);
	mmio_write(GUEST_ECAM_BASE + (SLOT << 15) + (1 << 12), 4, 0);
	ecam_write(SLOT, 0xffc, 4, 0);
	end();
}

TEST(configuration_is_read_in_bytes_words_and_dwords)
{
	begin();
	CHECK_EQ(ecam_read(SLOT, 0, 1), 0xf4);
	CHECK_EQ(ecam_read(SLOT, 1, 1), 0x1a);
	CHECK_EQ(ecam_read(SLOT, 2, 2), 0x1043);
	CHECK_EQ(mmio_read(GUEST_ECAM_BASE + (SLOT << 15), 8), 0x0010000010431af4);
	CHECK_EQ(ecam_read(SLOT, 0xfc, 4), 0);
	end();
}

TEST(only_writable_bits_change)
{
	begin();
	ecam_write(SLOT, PCI_VENDOR_ID, 4, 0);
	CHECK_EQ(ecam_read(SLOT, PCI_VENDOR_ID, 4), 0x10431af4);
	ecam_write(SLOT, PCI_COMMAND, 4, 0xffffffff);
	CHECK_EQ(ecam_read(SLOT, PCI_COMMAND, 4), 0x00100406);
	ecam_write(SLOT, PCI_COMMAND, 2, 0);
	CHECK_EQ(ecam_read(SLOT, PCI_COMMAND, 2), 0);
	ecam_write(SLOT, PCI_INTERRUPT_LINE, 1, 11);
	CHECK_EQ(ecam_read(SLOT, PCI_INTERRUPT_LINE, 2), 11);
	/* The Q35 register that firmware uses to place the ECAM. */
	ecam_write(0, 0x60, 4, 0xe0000001);
	CHECK_EQ(ecam_read(0, 0x60, 4), 0);
	end();
}

TEST(the_bar_tells_its_size_and_the_other_bars_do_not_exist)
{
	begin();
	for (u32 bar = 0; bar < 6; bar++) {
		ecam_write(SLOT, PCI_BAR0 + 4 * bar, 4, 0xffffffff);
		CHECK_EQ(ecam_read(SLOT, PCI_BAR0 + 4 * bar, 4), bar == 0 ? 0xffff8000 : 0);
	}
	ecam_write(SLOT, 0x30, 4, 0xfffff800);
	CHECK_EQ(ecam_read(SLOT, 0x30, 4), 0);
	end();
}

TEST(the_bar_decodes_while_enabled_and_inside_the_window)
{
	begin();
	ecam_write(SLOT, PCI_BAR0, 4, 0xc0000000);
	CHECK_EQ(mmio_read(0xc0000000 + VIRTIO_COMMON_QUEUE_COUNT, 2), 0xffff);
	ecam_write(SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_EQ(mmio_read(0xc0000000 + VIRTIO_COMMON_QUEUE_COUNT, 2), 2);
	ecam_write(SLOT, PCI_BAR0, 4, 0xdfff8000);
	CHECK_EQ(mmio_read(0xc0000000 + VIRTIO_COMMON_QUEUE_COUNT, 2), 0xffff);
	CHECK_EQ(mmio_read(0xdfff8000 + VIRTIO_COMMON_QUEUE_COUNT, 2), 2);
	/* Outside: RAM, the ECAM, the local APIC. */
	for (u32 i = 0; i < 4; i++) {
		static const u32 bad[] = { 0x00000000, 0xbfff8000, 0xe0000000, 0xfee00000 };

		ecam_write(SLOT, PCI_BAR0, 4, bad[i]);
		CHECK_EQ(mmio_read(0xdfff8000 + VIRTIO_COMMON_QUEUE_COUNT, 2), 0xffff);
		CHECK(mmio_read(bad[i] + VIRTIO_COMMON_QUEUE_COUNT, 2) != 2);
	}
	CHECK_EQ(ecam_read(0, PCI_VENDOR_ID, 4), 0x29c08086);
	ecam_write(SLOT, PCI_BAR0, 4, 0xc0008000);
	CHECK_EQ(mmio_read(0xc0008000 + VIRTIO_COMMON_QUEUE_COUNT, 2), 2);
	ecam_write(SLOT, PCI_COMMAND, 2, 0);
	CHECK_EQ(mmio_read(0xc0008000 + VIRTIO_COMMON_QUEUE_COUNT, 2), 0xffff);
	end();
}

TEST(of_two_overlapping_bars_the_first_decodes_until_it_makes_room)
{
	begin();
	add_extra();
	driver_find(SLOT);
	ecam_write(5, PCI_BAR0, 4, 0xc0002000);
	ecam_write(5, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_EQ(mmio_read(0xc0002000, 1), 0);	/* the console's ISR */
	ecam_write(SLOT, PCI_BAR0, 4, 0xc0010000);
	CHECK_EQ(mmio_read(0xc0002000, 1), 0x77);
	CHECK_EQ(mmio_read(0xc0012000, 1), 0);
	end();
}

TEST(slots_are_taken_once)
{
	begin();
	CHECK_EQ(pci_add(&fake.guest, SLOT, &extra), (u64)-EEXIST);
	CHECK_EQ(pci_add(&fake.guest, 32, &extra), (u64)-EINVAL);
	end();
}

TEST(mechanism_1_reaches_the_same_registers)
{
	begin();
	CHECK_EQ(port_read(0xcf8, 4), 0);
	port_write(0xcf8, 4, 0x80001000);
	CHECK_EQ(port_read(0xcf8, 4), 0x80001000);
	CHECK_EQ(port_read(0xcfc, 4), 0x10431af4);
	CHECK_EQ(port_read(0xcfe, 2), 0x1043);
	CHECK_EQ(port_read(0xcfd, 1), 0x1a);
	port_write(0xcf8, 4, 0x8000103c);
	port_write(0xcfc, 1, 9);
	CHECK_EQ(ecam_read(SLOT, PCI_INTERRUPT_LINE, 1), 9);
	/* Disabled, another bus, another function, beyond the end of the data port. */
	port_write(0xcf8, 4, 0x00001000);
	CHECK_EQ(port_read(0xcfc, 4), 0xffffffff);
	port_write(0xcf8, 4, 0x80011000);
	CHECK_EQ(port_read(0xcfc, 4), 0xffffffff);
	port_write(0xcf8, 4, 0x80001100);
	CHECK_EQ(port_read(0xcfc, 4), 0xffffffff);
	port_write(0xcf8, 4, 0x80001000);
	CHECK_EQ(port_read(0xcfd, 4), 0xffffffff);
	end();
}

TEST(the_presence_test_of_linux_finds_mechanism_1)
{
	begin();
	port_write(0xcfb, 1, 1);
	CHECK_EQ(port_read(0xcf8, 4), 0);
	port_write(0xcf8, 4, 0x80000000);
	CHECK_EQ(port_read(0xcf8, 4), 0x80000000);
	/* Bytes of the address register belong to others: mechanism 2 must not be found. */
	port_write(0xcf8, 1, 0);
	port_write(0xcfa, 1, 0);
	CHECK_EQ(port_read(0xcf8, 1), 0xff);
	CHECK_EQ(port_read(0xcf8, 4), 0x80000000);
	end();
}

TEST(the_capability_list_has_the_four_structures_and_msix)
{
	static const struct {
		u8 id, type;
		u32 offset, bytes;
	} expected[] = {
		{ PCI_CAPABILITY_VENDOR, VIRTIO_CAP_COMMON, 0x0000, 56 },
		{ PCI_CAPABILITY_VENDOR, VIRTIO_CAP_NOTIFY, 0x1000, 8 },
		{ PCI_CAPABILITY_VENDOR, VIRTIO_CAP_ISR, 0x2000, 1 },
		{ PCI_CAPABILITY_VENDOR, VIRTIO_CAP_DEVICE, 0x3000, 12 },
		{ PCI_CAPABILITY_MSIX, 0, 0, 0 },
	};
	u32 at;

	begin();
	at = ecam_read(SLOT, PCI_CAPABILITIES, 1);
	for (u32 i = 0; i < ARRAY_SIZE(expected); i++) {
		CHECK(at >= 0x40 && IS_ALIGNED(at, 4));
		CHECK_EQ(ecam_read(SLOT, at, 1), expected[i].id);
		if (expected[i].id == PCI_CAPABILITY_VENDOR) {
			CHECK_EQ(ecam_read(SLOT, at + 2, 1), expected[i].type == VIRTIO_CAP_NOTIFY ? 20 : 16);
			CHECK_EQ(ecam_read(SLOT, at + 3, 1), expected[i].type);
			CHECK_EQ(ecam_read(SLOT, at + 4, 1), 0);
			CHECK_EQ(ecam_read(SLOT, at + 8, 4), expected[i].offset);
			CHECK_EQ(ecam_read(SLOT, at + 12, 4), expected[i].bytes);
			if (expected[i].type == VIRTIO_CAP_NOTIFY)
				CHECK_EQ(ecam_read(SLOT, at + 16, 4), 4);
		} else {
			CHECK_EQ(ecam_read(SLOT, at + 2, 2), 2);	/* three entries */
			CHECK_EQ(ecam_read(SLOT, at + 4, 4), 0x4000);
			CHECK_EQ(ecam_read(SLOT, at + 8, 4), 0x5000);
		}
		at = ecam_read(SLOT, at + 1, 1);
	}
	CHECK_EQ(at, 0);
	end();
}

/* ---- MSI-X ---- */

static struct pci_function *console_function(void)
{
	/* The bus finds it by what the BAR range carries: its first member is the function. */
	for (u32 i = 0; i < fake.guest.bus.count; i++)
		if (fake.guest.bus.ranges[i].base == DRIVER_BAR)
			return fake.guest.bus.ranges[i].device;
	return NULL;
}

static u32 msix_control(void)
{
	u32 at = ecam_read(SLOT, PCI_CAPABILITIES, 1);

	while (ecam_read(SLOT, at, 1) != PCI_CAPABILITY_MSIX)
		at = ecam_read(SLOT, at + 1, 1);
	return at + PCI_MSIX_CONTROL;
}

TEST(a_message_carries_address_and_data_of_its_entry)
{
	begin();
	driver_find(SLOT);
	driver_msix(SLOT, 3);
	mmio_write(DRIVER_MSIX + 0x10, 4, 0xfee01003);
	mmio_write(DRIVER_MSIX + 0x14, 4, 0x1);
	pci_msix_send(console_function(), 1);
	CHECK_EQ(fake.message_count, 1);
	CHECK_EQ(fake.messages[0].address, 0x1fee01000);	/* bits 1:0 do not exist */
	CHECK_EQ(fake.messages[0].data, DRIVER_VECTOR + 1);
	end();
}

TEST(entries_begin_masked_and_keep_one_pending_bit)
{
	begin();
	driver_find(SLOT);
	CHECK_EQ(mmio_read(MASK_ENTRY(0), 4), 1);
	CHECK_EQ(mmio_read(MASK_ENTRY(2), 4), 1);
	ecam_write(SLOT, msix_control(), 2, PCI_MSIX_CONTROL_ENABLE);
	pci_msix_send(console_function(), 2);
	pci_msix_send(console_function(), 2);
	CHECK_EQ(fake.message_count, 0);
	CHECK_EQ(mmio_read(DRIVER_PBA, 4), 4);
	CHECK_EQ(mmio_read(DRIVER_PBA, 8), 4);
	mmio_write(DRIVER_MSIX + 0x28, 4, 0x55);
	mmio_write(MASK_ENTRY(2), 4, 0);
	CHECK_EQ(fake.message_count, 1);
	CHECK_EQ(fake.messages[0].data, 0x55);
	CHECK_EQ(mmio_read(DRIVER_PBA, 4), 0);
	end();
}

TEST(the_function_mask_holds_all_entries_back)
{
	begin();
	driver_find(SLOT);
	driver_msix(SLOT, 3);
	ecam_write(SLOT, msix_control(), 2, PCI_MSIX_CONTROL_ENABLE | PCI_MSIX_CONTROL_FUNCTION_MASK);
	pci_msix_send(console_function(), 0);
	pci_msix_send(console_function(), 1);
	CHECK_EQ(fake.message_count, 0);
	CHECK_EQ(mmio_read(DRIVER_PBA, 4), 3);
	ecam_write(SLOT, msix_control(), 2, PCI_MSIX_CONTROL_ENABLE);
	CHECK_EQ(fake.message_count, 2);
	CHECK_EQ(mmio_read(DRIVER_PBA, 4), 0);
	end();
}

TEST(without_bus_mastering_a_message_waits_and_without_msix_it_is_lost)
{
	begin();
	driver_find(SLOT);
	driver_msix(SLOT, 3);
	ecam_write(SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pci_msix_send(console_function(), 0);
	CHECK_EQ(fake.message_count, 0);
	ecam_write(SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	CHECK_EQ(fake.message_count, 1);
	ecam_write(SLOT, msix_control(), 2, 0);
	pci_msix_send(console_function(), 0);
	ecam_write(SLOT, msix_control(), 2, PCI_MSIX_CONTROL_ENABLE);
	CHECK_EQ(fake.message_count, 1);
	end();
}

TEST(the_vector_table_takes_dwords_and_qwords_and_ends)
{
	begin();
	driver_find(SLOT);
	mmio_write(DRIVER_MSIX, 8, 0x00000002fee00004);
	CHECK_EQ(mmio_read(DRIVER_MSIX, 8), 0x00000002fee00004);
	CHECK_EQ(mmio_read(DRIVER_MSIX + 4, 4), 2);
	mmio_write(MASK_ENTRY(0), 4, 0xffffffff);
	CHECK_EQ(mmio_read(MASK_ENTRY(0), 4), 1);
	mmio_write(DRIVER_MSIX, 2, 0);
	CHECK_EQ(mmio_read(DRIVER_MSIX, 2), 0xffff);
	CHECK_EQ(mmio_read(DRIVER_MSIX + 3 * 16, 4), 0xffffffff);
	mmio_write(DRIVER_MSIX + 3 * 16, 4, 0);
	mmio_write(DRIVER_MSIX + 0xffc, 4, 0);
	mmio_write(DRIVER_PBA, 4, 7);
	CHECK_EQ(mmio_read(DRIVER_PBA, 4), 0);
	CHECK_EQ(mmio_read(DRIVER_PBA + 8, 4), 0xffffffff);
	pci_msix_send(console_function(), 3);	/* no such entry */
	CHECK_EQ(fake.message_count, 0);
	end();
}

TEST(all_64_entries_work)
{
	begin();
	add_extra();
	ecam_write(5, PCI_COMMAND, 2, PCI_COMMAND_BUS_MASTER);
	ecam_write(5, extra.msix_capability + PCI_MSIX_CONTROL, 2, PCI_MSIX_CONTROL_ENABLE);
	for (u32 i = 0; i < 64; i++)
		pci_msix_send(&extra, i);
	CHECK_EQ(pci_msix_pba_read(&extra, 0, 8), ~0ull);
	CHECK_EQ(pci_msix_pba_read(&extra, 4, 4), 0xffffffff);
	for (u32 i = 0; i < 64; i++)
		pci_msix_table_write(&extra, i * 16 + 12, 4, 0);
	CHECK_EQ(fake.message_count, 64);
	CHECK_EQ(pci_msix_table_read(&extra, 64 * 16, 4), ~0ull);
	end();
}
