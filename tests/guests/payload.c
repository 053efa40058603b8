/* SPDX-License-Identifier: BSD-2-Clause */
/* See payload.h. Exceptions are reported by number; the hand-off is trusted: this is a test, not a shim. */
#include "tests/guests/payload.h"

#include "boot/tdshim/report.h"
#include "include/spec/hob.h"
#include "include/spec/tdx/ghci.h"
#include "include/spec/tdx/sept.h"
#include "kernel/lib/string.h"

#define MODE_BYTES 32
#define IDT_VECTORS 32
#define IDT_GATE_INTERRUPT 0x8e
#define STUB_BYTES 16
#define CODE_SELECTOR 0x10
#define PTE_PRESENT_WRITE 3ull
#define PTE_LARGE BIT(7)
#define EXPOSE_R10_R15 0xfc00ull

void shim_main(u64 gpa_width, u64 initial_rcx);
void shim_exception(u64 vector);

/* reset.S */
extern u64 shim_stubs;
extern u64 page_pd[];
extern struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
} shim_idt[IDT_VECTORS];

static u32 passed, failed;
static char mode[MODE_BYTES];

void expect_equal(const char *what, u64 got, u64 wanted)
{
	if (got == wanted) {
		passed++;
		shim_say("payload: ok %s", what);
	} else {
		failed++;
		shim_say("payload: FAILED %s: got %#llx, wanted %#llx", what, (unsigned long long)got,
			 (unsigned long long)wanted);
	}
}

void payload_note(const char *what, u64 value)
{
	shim_say("payload: note %s %#llx", what, (unsigned long long)value);
}

const char *payload_mode(void)
{
	return mode;
}

u64 tdvmcall(u64 function, struct tdcall_regs *regs)
{
	regs->rcx = EXPOSE_R10_R15;
	regs->r10 = 0;
	regs->r11 = function;
	(void)tdcall(TDG_VP_VMCALL, regs);
	return regs->r10;
}

static void set_mapping(u64 gpa, u64 alias)
{
	page_pd[gpa / PAGE_SIZE_2M] = gpa | alias | PTE_PRESENT_WRITE | PTE_LARGE;
	__asm__ volatile("invlpg (%0)" : : "r"(gpa) : "memory");
}

void map_shared(u64 gpa)
{
	set_mapping(gpa, TDX_SHARED_BIT_GPAW48);
}

void map_private(u64 gpa)
{
	set_mapping(gpa, 0);
}

static void read_mode(void)
{
	static const u8 guid[16] = TDSHIM_PAYLOAD_GUID;
	const u8 *block = (const u8 *)TDSHIM_HOB_BASE;
	struct tdshim_payload payload = { 0 };

	for (;;) {
		const struct hob_header *header = (const struct hob_header *)(const void *)block;

		if (header->type == HOB_TYPE_END)
			break;
		if (header->type == HOB_TYPE_GUID_EXTENSION &&
		    memcmp(block + sizeof(*header), guid, sizeof(guid)) == 0)
			memcpy(&payload, block + sizeof(struct hob_guid), sizeof(payload));
		block += header->bytes;
	}
	if (payload.cmdline_bytes != 0 && payload.cmdline_bytes < MODE_BYTES)
		memcpy(mode, (const void *)payload.cmdline_gpa, payload.cmdline_bytes);
}

static __noreturn void power_off(void)
{
	for (;;)
		tdvmcall_port_write(GUEST_PORT_SLEEP_CONTROL, GUEST_S5_TYPE << 2 | 0x20);
}

void shim_exception(u64 vector)
{
	shim_say("payload: FAILED exception %llu", (unsigned long long)vector);
	shim_say("payload: %u ok, %u failed", passed, failed + 1);
	power_off();
}

void shim_main(u64 gpa_width, u64 initial_rcx)
{
	for (u32 vector = 0; vector < IDT_VECTORS; vector++) {
		u64 stub = shim_stubs + (u64)vector * STUB_BYTES;

		shim_idt[vector] = (struct idt_gate){ (u16)stub, CODE_SELECTOR, 0, IDT_GATE_INTERRUPT,
						      (u16)(stub >> 16), (u32)(stub >> 32), 0 };
	}
	read_mode();
	expect_equal("GPA width at reset", gpa_width, 48);
	expect_equal("RCX at reset", initial_rcx, TDSHIM_HOB_BASE);
	payload_run();
	shim_say("payload: %u ok, %u failed", passed, failed);
	power_off();
}
