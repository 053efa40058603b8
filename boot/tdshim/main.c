/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tdshim: the first code in a TD, measured from its first byte. The order below is the whole program: check the hand-off,
 * accept memory, measure, load Linux, jump. Whatever the host hands over is hostile until it was checked; whatever cannot be
 * checked is measured. Runs on the BSP alone with interrupts off; other vCPUs wait in reset.S.
 */
#include "boot/tdshim/acpi.h"
#include "boot/tdshim/handoff.h"
#include "boot/tdshim/linux.h"
#include "boot/tdshim/measure.h"
#include "boot/tdshim/memory.h"
#include "boot/tdshim/report.h"
#include "boot/tdshim/tdcall.h"
#include "include/spec/linux_boot.h"
#include "include/spec/tcg.h"
#include "include/spec/tdx/td_params.h"

#define SHIM_GPA_WIDTH 48
#define IDT_VECTORS 32
#define IDT_GATE_INTERRUPT 0x8e
#define IDT_CODE_SELECTOR 0x10
#define STUB_BYTES 16

void shim_main(u64 gpa_width, u64 initial_rcx);
void shim_exception(u64 vector);

/* reset.S */
extern u64 shim_stubs;
extern struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
} shim_idt[IDT_VECTORS];

static struct handoff handoff;

static void install_exception_handlers(void)
{
	for (u32 vector = 0; vector < IDT_VECTORS; vector++) {
		u64 stub = shim_stubs + (u64)vector * STUB_BYTES;

		shim_idt[vector] = (struct idt_gate){
			.offset_low = (u16)stub,
			.selector = IDT_CODE_SELECTOR,
			.type = IDT_GATE_INTERRUPT,
			.offset_middle = (u16)(stub >> 16),
			.offset_high = (u32)(stub >> 32),
		};
	}
}

void shim_exception(u64 vector)
{
	shim_refuse("exception %llu in the shim", (unsigned long long)vector);
}

static void check_td(const struct td_info *td, u64 gpa_width, u64 initial_rcx)
{
	if (td->gpa_width != SHIM_GPA_WIDTH || gpa_width != SHIM_GPA_WIDTH)
		shim_refuse("the TD has a GPA width of %u, tdshim knows 48 only", td->gpa_width);
	if (!(td->attributes & TD_ATTR_SEPT_VE_DISABLE))
		shim_refuse("ATTRIBUTES.SEPT_VE_DISABLE is off");
	if (initial_rcx != TDSHIM_HOB_BASE)
		shim_refuse("the hand-off is not where the image asks for it");
}

void shim_main(u64 gpa_width, u64 initial_rcx)
{
	static struct e820_entry map[E820_MAX];
	struct td_info td;
	const char *wrong;
	u32 map_count;
	u64 accepted, rsdp;

	install_exception_handlers();
	td = tdg_vp_info();
	check_td(&td, gpa_width, initial_rcx);
	wrong = handoff_parse((const u8 *)TDSHIM_HOB_BASE, &handoff);
	if (wrong)
		shim_refuse("%s", wrong);
	if (handoff.payload.vcpus != td.vcpus)
		shim_refuse("the hand-off names %u vCPUs, the TD has %u", handoff.payload.vcpus, td.vcpus);
	accepted = memory_accept(&handoff);
	shim_say("%llu MiB accepted", (unsigned long long)(accepted >> 20));

	measure_start();
	measure(RTMR_CONFIG, TCG_EV_HANDOFF_TABLES2, "TD HOB list", (const void *)TDSHIM_HOB_BASE, handoff.list_bytes);
	map_count = memory_e820(&handoff, map);
	measure(RTMR_CONFIG, TCG_EV_PLATFORM_CONFIG_FLAGS, "e820", map, map_count * sizeof(map[0]));
	rsdp = acpi_build(td.vcpus);
	measure_separator(RTMR_CONFIG);

	linux_load(&handoff);
	acpi_release_aps(td.vcpus);
	shim_say("starting Linux");
	linux_start(rsdp);
}
