/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables in root. Each core has its own GDT and TSS on one page, an NMI stack on another and a double-fault
 * stack on a third; the IDT is common. Interrupts are always off in root; an NMI is remembered for the host, an
 * exception of an instruction listed in .fixup_table makes that function fail, any other exception is our bug and stops
 * the machine with its address.
 * The last 16 bytes of the NMI stack hold the core's struct, the only way for the NMI handler to know its core.
 * Manual: SDM volume 3, "Interrupt and Exception Handling", "Interrupt Stack Table".
 */
#include "tests/tdxemu/desc.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define VECTORS 32
#define STUB_BYTES 16
#define VECTOR_NMI 2
#define VECTOR_DOUBLE_FAULT 8
#define IST_NMI 1
#define IST_DOUBLE_FAULT 2
#define STACK_TOP_RESERVED 16
#define GATE_INTERRUPT_PRESENT 0x8e
#define TSS_AVAILABLE_PRESENT 0x89ull

/* What trap.S leaves on the stack, then what the CPU pushed. */
struct trap_frame {
	u64 rbp, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	u64 vector, error_code;
	u64 rip, cs, rflags, rsp, ss;
};

struct gate {
	u16 offset_low;
	u16 selector;
	u8 ist;
	u8 type;
	u16 offset_middle;
	u32 offset_high;
	u32 reserved;
};
_Static_assert(sizeof(struct gate) == 16, "64-bit gate");

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_bitmap;
} __packed;
_Static_assert(sizeof(struct tss) == 104, "64-bit TSS");

struct core_tables {
	u64 gdt[6];	/* null, code64, data, code32, TSS (two slots) */
	struct tss tss;
};

extern u8 trap_stubs[];
extern u64 fixup_table_start[], fixup_table_end[];
void safe_access_failed(void);
void desc_trap(struct trap_frame *frame);

static struct {
	struct gate idt[VECTORS];
	struct core_tables *core[EMU_MAX_CPUS];
} desc;

static void fill_idt(void)
{
	for (u32 vector = 0; vector < VECTORS; vector++) {
		u64 address = (u64)&trap_stubs[vector * STUB_BYTES];
		u8 ist = vector == VECTOR_NMI ? IST_NMI : vector == VECTOR_DOUBLE_FAULT ? IST_DOUBLE_FAULT : 0;

		desc.idt[vector] = (struct gate){
			.offset_low = (u16)address,
			.selector = SELECTOR_CODE64,
			.ist = ist,
			.type = GATE_INTERRUPT_PRESENT,
			.offset_middle = (u16)(address >> 16),
			.offset_high = (u32)(address >> 32),
		};
	}
}

static u64 stack_for(struct emu_cpu *cpu)
{
	u8 *page = emu_pages(1);
	struct emu_cpu **owner = (struct emu_cpu **)(void *)(page + PAGE_SIZE - STACK_TOP_RESERVED);

	*owner = cpu;
	return (u64)owner;
}

static void fill_gdt(struct core_tables *tables)
{
	u64 base = (u64)&tables->tss;

	tables->gdt[SELECTOR_CODE64 / 8] = DESCRIPTOR_CODE64;
	tables->gdt[SELECTOR_DATA / 8] = DESCRIPTOR_DATA;
	tables->gdt[SELECTOR_CODE32 / 8] = DESCRIPTOR_CODE32;
	tables->gdt[SELECTOR_TSS / 8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
					TSS_AVAILABLE_PRESENT << 40 | ((base >> 24) & 0xff) << 56;
	tables->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

void desc_init(struct emu_cpu *cpu)
{
	struct core_tables *tables = emu_pages(1);
	struct table_pointer gdt = { .limit = sizeof(tables->gdt) - 1, .base = (u64)tables->gdt };
	struct table_pointer idt = { .limit = sizeof(desc.idt) - 1, .base = (u64)desc.idt };

	if (cpu->index == 0)
		fill_idt();
	desc.core[cpu->index] = tables;
	tables->tss.ist[IST_NMI - 1] = stack_for(cpu);
	tables->tss.ist[IST_DOUBLE_FAULT - 1] = stack_for(cpu);
	tables->tss.io_bitmap = sizeof(struct tss);
	fill_gdt(tables);
	lgdt(&gdt);
	lidt(&idt);
	ltr(SELECTOR_TSS);
}

struct desc_bases desc_bases_of(const struct emu_cpu *cpu)
{
	struct core_tables *tables = desc.core[cpu->index];

	return (struct desc_bases){ .gdt = (u64)tables->gdt, .idt = (u64)desc.idt, .tss = (u64)&tables->tss };
}

void desc_trap(struct trap_frame *frame)
{
	if (frame->vector == VECTOR_NMI) {
		struct emu_cpu **owner =
		    (struct emu_cpu **)(void *)(ALIGN_UP((u64)frame, PAGE_SIZE) - STACK_TOP_RESERVED);

		smp_nmi_arrived(*owner);
		return;
	}
	for (const u64 *listed = fixup_table_start; listed < fixup_table_end; listed++) {
		if (*listed == frame->rip) {
			frame->rip = (u64)safe_access_failed;
			return;
		}
	}
	verdict_stop("own exception %lu, error code 0x%lx, at 0x%lx, CR2 0x%lx, RSP 0x%lx", frame->vector,
		     frame->error_code, frame->rip, read_cr2(), frame->rsp);
}
