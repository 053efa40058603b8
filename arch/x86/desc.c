/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See desc.h. Exceptions that may come on a broken stack (#DF, NMI, #MC) have stacks of their own (IST). Storage is
 * static for the boot core and one allocation per further core.
 */
#include "arch/x86/desc.h"

#include "arch/x86/insn.h"
#include "arch/x86/trap.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

#define IDT_ENTRIES 256
#define GATE_INTERRUPT 0x8e
#define IST_STACK_BYTES 0x2000
#define TSS_TYPE_AVAILABLE 0x89ull
#define GDT_CODE64 0x00af9b000000ffffull
#define GDT_DATA 0x00cf93000000ffffull

enum ist_index {
	IST_NONE,
	IST_DOUBLE_FAULT,
	IST_NMI,
	IST_MACHINE_CHECK,
	IST_COUNT,
};

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};

struct tss {
	u32 reserved_0;
	u64 rsp[3];
	u64 reserved_1;
	u64 ist[7];
	u64 reserved_2;
	u16 reserved_3, io_bitmap;
} __packed;

/* One core's tables and exception stacks. */
struct desc_tables {
	u64 gdt[5];
	struct tss tss;
	u8 stacks[IST_COUNT - 1][IST_STACK_BYTES] __aligned(16);
};
#define DESC_PAGES DIV_ROUND_UP(sizeof(struct desc_tables), PAGE_SIZE)

static struct desc_tables boot_tables __aligned(PAGE_SIZE);
static struct idt_gate idt[IDT_ENTRIES];

static void set_gate(u32 vector, enum ist_index ist)
{
	u64 stub = (u64)trap_stubs + (u64)vector * TRAP_STUB_BYTES;

	idt[vector] = (struct idt_gate){ (u16)stub, SELECTOR_CODE, (u8)ist, GATE_INTERRUPT, (u16)(stub >> 16),
					 (u32)(stub >> 32), 0 };
}

static void load_idt(void)
{
	const struct table_pointer pointer = { sizeof(idt) - 1, (u64)idt };

	lidt(&pointer);
}

void desc_early_init(void)
{
	for (u32 vector = 0; vector < IDT_ENTRIES; vector++)
		set_gate(vector, IST_NONE);
	load_idt();
}

void *desc_allocate(void)
{
	return page_zalloc(DESC_PAGES, PAGE_KERNEL);
}

void desc_free(void *tables)
{
	page_zfree(tables, DESC_PAGES, PAGE_KERNEL);
}

void desc_load(struct percpu *cpu)
{
	struct desc_tables *tables = cpu->id == 0 ? &boot_tables : cpu->arch;
	const struct table_pointer pointer = { sizeof(tables->gdt) - 1, (u64)tables->gdt };
	u64 base = (u64)&tables->tss;

	panic_if(!tables, "core %u has no descriptor tables", cpu->id);
	for (u32 ist = 1; ist < IST_COUNT; ist++)
		tables->tss.ist[ist - 1] = (u64)tables->stacks[ist - 1] + IST_STACK_BYTES;
	tables->tss.io_bitmap = sizeof(tables->tss);
	tables->gdt[SELECTOR_CODE / 8] = GDT_CODE64;
	tables->gdt[SELECTOR_DATA / 8] = GDT_DATA;
	tables->gdt[SELECTOR_TSS / 8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | TSS_TYPE_AVAILABLE << 40 |
					(base >> 24 & 0xff) << 56;
	tables->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
	lgdt(&pointer);
	reload_segments(SELECTOR_CODE, SELECTOR_DATA);
	ltr(SELECTOR_TSS);
	if (cpu->id == 0) {	/* the table is everybody's; before this there were no exception stacks */
		set_gate(TRAP_DOUBLE_FAULT, IST_DOUBLE_FAULT);
		set_gate(TRAP_NMI, IST_NMI);
		set_gate(TRAP_MACHINE_CHECK, IST_MACHINE_CHECK);
	}
	load_idt();
	cpu->self = cpu;
	wrmsr(MSR_GS_BASE, (u64)cpu);
}
