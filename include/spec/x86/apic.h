/* SPDX-License-Identifier: BSD-2-Clause */
/* Local APIC registers (xAPIC offsets; x2APIC MSR = 0x800 + offset / 16), legacy interrupt and timer ports. SDM volume 3, "APIC". */
#ifndef SPEC_X86_APIC_H
#define SPEC_X86_APIC_H

#define X2APIC_MSR(offset) (0x800 + ((offset) >> 4))
#define APIC_DEFAULT_BASE 0xfee00000

#define APIC_ID 0x020
#define APIC_VERSION 0x030
#define APIC_TPR 0x080
#define APIC_PPR 0x0a0
#define APIC_EOI 0x0b0
#define APIC_LDR 0x0d0
#define APIC_DFR 0x0e0
#define APIC_SVR 0x0f0
#define APIC_ISR 0x100
#define APIC_TMR 0x180
#define APIC_IRR 0x200
#define APIC_ESR 0x280
#define APIC_LVT_CMCI 0x2f0
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_THERMAL 0x330
#define APIC_LVT_PMC 0x340
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE 0x3e0
#define APIC_SELF_IPI 0x3f0

#define APIC_SVR_ENABLE 0x100
#define APIC_SVR_RESET 0xff
#define APIC_SVR_DEFINED 0x3ff
#define APIC_ESR_SEND_ILLEGAL_VECTOR 0x20
#define APIC_VECTOR_FIRST_LEGAL 16
#define APIC_LVT_VECTOR 0xff
#define APIC_LVT_DELIVERY 0x700
#define APIC_LVT_PENDING 0x1000	/* read-only, as is remote IRR */
#define APIC_LVT_REMOTE_IRR 0x4000
#define APIC_LVT_PIN 0xa000	/* polarity and trigger mode */
#define APIC_LVT_MASKED 0x10000
#define APIC_LVT_TIMER_ONE_SHOT 0x00000
#define APIC_LVT_TIMER_PERIODIC 0x20000
#define APIC_LVT_TIMER_TSC_DEADLINE 0x40000
#define APIC_LVT_TIMER_MODE_MASK 0x60000
#define APIC_LVT_NMI 0x400
#define APIC_TIMER_DIVIDE_DEFINED 0xb
#define APIC_TIMER_DIVIDE_1 0xb
#define APIC_TIMER_DIVIDE_16 0x3

#define APIC_ICR_VECTOR 0xff
#define APIC_ICR_FIXED 0x000
#define APIC_ICR_LOWEST_PRIORITY 0x100
#define APIC_ICR_NMI 0x400
#define APIC_ICR_INIT 0x500
#define APIC_ICR_STARTUP 0x600
#define APIC_ICR_DELIVERY_MASK 0x700
#define APIC_ICR_LOGICAL 0x800
#define APIC_ICR_PENDING 0x1000
#define APIC_ICR_ASSERT 0x4000
#define APIC_ICR_LEVEL 0x8000
#define APIC_ICR_SELF 0x40000
#define APIC_ICR_ALL 0x80000
#define APIC_ICR_OTHERS 0xc0000
#define APIC_ICR_SHORTHAND_MASK 0xc0000
#define APIC_XAPIC_DESTINATION_SHIFT 24
#define X2APIC_ICR_DESTINATION_SHIFT 32
#define X2APIC_ICR_RESERVED 0xfff32000	/* low half; bit 12, delivery status, reads 0 and is ignored */
#define X2APIC_BROADCAST 0xffffffff

#define XAPIC_BROADCAST 0xff

#define MSI_ADDRESS_BASE 0xfee00000ull
#define MSI_ADDRESS_BASE_MASK 0xfffffffffff00000ull
#define MSI_ADDRESS_DESTINATION_SHIFT 12
#define MSI_ADDRESS_LOGICAL 0x4
#define MSI_DATA_DELIVERY_MASK 0x700	/* 0: fixed */

#define PIC_MASTER_COMMAND 0x20
#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_COMMAND 0xa0
#define PIC_SLAVE_DATA 0xa1
#define PIC_ICW1_INIT_ICW4 0x11
#define PIC_ICW4_8086 0x01
#define PIC_CASCADE_LINE 2

#define IOAPIC_SELECT 0x00	/* u32 registers in memory */
#define IOAPIC_DATA 0x10
#define IOAPIC_VERSION 0x01	/* values of the select register */
#define IOAPIC_REDIRECTION 0x10	/* two per pin, low half first */
#define IOAPIC_VERSION_LAST_SHIFT 16
#define IOAPIC_MASKED 0x10000

#define PIT_CHANNEL_0 0x40
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND 0x43
#define PIT_HZ 1193182
#define PIT_CHANNEL_2_MODE_0 0xb0
#define PORT_SYSTEM_CONTROL 0x61

#endif
