/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of a vCPU's local APIC that the host emulates.
 *
 * TPR, PPR, EOI, ISR, IRR and self-IPIs never leave the TD; what arrives here are the registers that steer delivery:
 * id, SVR, LVTs, ICR and the timer. One-shot and periodic mode count at 25 MHz, the crystal that CPUID 0x15 names;
 * TSC-deadline values are virtual TSC. Virtual ticks become native ones by a fixed-point inverse of the TD's TSC
 * multiplier, computed once. Registers belong to the vCPU's task; the timer's handler runs on the same core in
 * interrupt context and only posts, re-arms and clears the deadline, so the task cancels the timer before it changes
 * what the handler reads.
 *
 * SDM, "Advanced Programmable Interrupt Controller (APIC)"; TDX Module Base, "TSC Virtualization".
 */
#include "vmm/vapic.h"

#include "include/cella/arch.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "vmm/guest.h"
#include "vmm/vintr.h"

#define VERSION_SEVEN_LVTS 0x00060014u	/* integrated, seven LVT entries */
#define LVT_COMMON (APIC_LVT_VECTOR | APIC_LVT_MASKED)
#define LVT_DELIVERED (LVT_COMMON | APIC_LVT_DELIVERY)

#define TIMER_TICK_NS 40	/* 25 MHz */
#define TIMER_PERIOD_MIN_NS 200000u	/* a periodic timer must not keep the core in its handler */
#define TSC_FRACTION_BITS 48	/* of the TD's TSC multiplier */
#define TSC_DELTA_MAX BIT(60)	/* years; keeps nanosecond sums far from wrapping */

typedef unsigned __int128 u128;

/* 2^96 / @multiplier by long division: the compiler's 128-bit division needs a library. @multiplier is about 2^48. */
static u64 inverse_of(u64 multiplier)
{
	u128 remainder = 0;
	u64 quotient = 0;

	if (multiplier >> 33 == 0)
		return BIT(TSC_FRACTION_BITS);	/* no TSC ratio of a TD is that small; treat it as 1 */
	for (u32 bit = 0; bit <= 2 * TSC_FRACTION_BITS; bit++) {
		remainder = remainder << 1 | (bit == 0);
		quotient <<= 1;
		if (remainder >= multiplier) {
			remainder -= multiplier;
			quotient |= 1;
		}
	}
	return quotient;
}

static u64 virtual_tsc(const struct guest_vcpu *vcpu)
{
	const struct td *td = &vcpu->guest->td;

	return (u64)((u128)arch_tsc() * td->tsc_multiplier >> TSC_FRACTION_BITS) + td->tsc_offset;
}

static u32 timer_mode(const struct vapic *apic)
{
	return apic->lvt_timer & APIC_LVT_TIMER_MODE_MASK;
}

/* Bits 3, 1, 0 of the register: 0 divides by 2, ..., 6 by 128, 7 by 1. */
static u64 timer_tick_ns(const struct vapic *apic)
{
	u32 code = (apic->timer_divide & 3) | (apic->timer_divide >> 1 & 4);

	return (u64)TIMER_TICK_NS << ((code + 1) & 7);
}

static u64 timer_period_ns(const struct vapic *apic)
{
	return MAX((u64)apic->timer_initial * timer_tick_ns(apic), (u64)TIMER_PERIOD_MIN_NS);
}

/* Interrupt context of the core that runs the vCPU. */
static void timer_fired(struct timer *timer)
{
	struct vapic *apic = container_of(timer, struct vapic, timer);
	struct guest_vcpu *vcpu = container_of(apic, struct guest_vcpu, vapic);

	if (timer_mode(apic) == APIC_LVT_TIMER_TSC_DEADLINE) {
		__atomic_store_n(&apic->tsc_deadline, 0, __ATOMIC_RELAXED);
	} else if (timer_mode(apic) == APIC_LVT_TIMER_PERIODIC) {
		u64 period = timer_period_ns(apic), now = time_ns();

		timer_set(timer, now + period - (now - apic->timer_start_ns) % period);
	}
	if (!(apic->lvt_timer & APIC_LVT_MASKED))
		vintr_post(vcpu, (u8)(apic->lvt_timer & APIC_LVT_VECTOR));
}

void vapic_reset(struct guest_vcpu *vcpu)
{
	struct vapic *apic = &vcpu->vapic;

	memset(apic, 0, sizeof(*apic));
	apic->svr = APIC_SVR_RESET;
	apic->lvt_cmci = apic->lvt_timer = apic->lvt_thermal = apic->lvt_pmc = APIC_LVT_MASKED;
	apic->lvt_lint0 = apic->lvt_lint1 = apic->lvt_error = APIC_LVT_MASKED;
	apic->tsc_inverse = inverse_of(vcpu->guest->td.tsc_multiplier);
	timer_init(&apic->timer, timer_fired);
}

void vapic_stop(struct guest_vcpu *vcpu)
{
	timer_cancel(&vcpu->vapic.timer);
}

/* ---- timer ---- */

/* Count down from @left of timer_initial ticks; 0 leaves the timer off. Not in deadline mode. */
static void start_count(struct vapic *apic, u64 left)
{
	u64 now = time_ns(), tick = timer_tick_ns(apic);

	timer_cancel(&apic->timer);
	apic->timer_start_ns = now - (apic->timer_initial - left) * tick;
	if (left && timer_mode(apic) == APIC_LVT_TIMER_PERIODIC)
		timer_set(&apic->timer, now + MAX(left * tick, (u64)TIMER_PERIOD_MIN_NS));
	else if (left)
		timer_set(&apic->timer, now + left * tick);
}

static u64 current_count(const struct vapic *apic)
{
	u64 elapsed;

	if (!apic->timer_initial || timer_mode(apic) == APIC_LVT_TIMER_TSC_DEADLINE)
		return 0;
	elapsed = (time_ns() - apic->timer_start_ns) / timer_tick_ns(apic);
	if (timer_mode(apic) == APIC_LVT_TIMER_PERIODIC)
		return apic->timer_initial - elapsed % apic->timer_initial;
	return elapsed < apic->timer_initial ? apic->timer_initial - elapsed : 0;
}

static void write_deadline(struct guest_vcpu *vcpu, u64 value)
{
	struct vapic *apic = &vcpu->vapic;
	u64 now, delta;

	if (timer_mode(apic) != APIC_LVT_TIMER_TSC_DEADLINE)
		return;	/* as the CPU: the register stays 0 in the other modes */
	timer_cancel(&apic->timer);
	apic->tsc_deadline = value;
	if (!value)
		return;
	now = virtual_tsc(vcpu);
	delta = value > now ? MIN(value - now, TSC_DELTA_MAX) : 0;
	delta = MIN((u64)((u128)delta * apic->tsc_inverse >> TSC_FRACTION_BITS), TSC_DELTA_MAX);
	/* One nanosecond more: a timer that fires early makes the guest ask again. */
	timer_set(&apic->timer, time_ns() + (delta ? time_tsc_to_ns(delta) + 1 : 0));
}

static void write_lvt_timer(struct vapic *apic, u32 value)
{
	if ((value & APIC_LVT_TIMER_MODE_MASK) != timer_mode(apic)) {
		timer_cancel(&apic->timer);
		apic->timer_initial = 0;
		apic->tsc_deadline = 0;
	}
	__atomic_store_n(&apic->lvt_timer, value, __ATOMIC_RELAXED);
}

/* The counter goes on with what it had left, at the new rate. */
static void write_divide(struct vapic *apic, u32 value)
{
	u64 left = current_count(apic);

	if (timer_mode(apic) != APIC_LVT_TIMER_TSC_DEADLINE)
		timer_cancel(&apic->timer);
	apic->timer_divide = value;
	if (timer_mode(apic) != APIC_LVT_TIMER_TSC_DEADLINE)
		start_count(apic, left);
}

static void write_initial_count(struct vapic *apic, u32 value)
{
	if (timer_mode(apic) == APIC_LVT_TIMER_TSC_DEADLINE)
		return;	/* ignored, as by the CPU */
	timer_cancel(&apic->timer);
	apic->timer_initial = value;
	start_count(apic, value);
}

/* ---- interrupt command ---- */

static bool icr_targets(u64 icr, u32 sender, u32 target)
{
	u32 destination = (u32)(icr >> X2APIC_ICR_DESTINATION_SHIFT);
	u32 shorthand = (u32)icr & APIC_ICR_SHORTHAND_MASK;

	if (shorthand)
		return shorthand == APIC_ICR_ALL || (target == sender) == (shorthand == APIC_ICR_SELF);
	if (destination == X2APIC_BROADCAST)
		return true;
	if (!(icr & APIC_ICR_LOGICAL))
		return destination == target;
	return destination >> 16 == target >> 4 && (destination >> (target & 15) & 1);
}

/* INIT, SIPI, SMI and ExtINT do not exist for a TD: they are taken and do nothing. */
static void send_command(struct guest_vcpu *vcpu, u64 icr)
{
	struct guest *guest = vcpu->guest;
	u32 delivery = (u32)icr & APIC_ICR_DELIVERY_MASK;
	u8 vector = (u8)(icr & APIC_ICR_VECTOR);

	if (delivery != APIC_ICR_FIXED && delivery != APIC_ICR_LOWEST_PRIORITY && delivery != APIC_ICR_NMI)
		return;
	if (delivery != APIC_ICR_NMI && vector < APIC_VECTOR_FIRST_LEGAL) {
		vcpu->vapic.esr |= APIC_ESR_SEND_ILLEGAL_VECTOR;
		return;
	}
	for (u32 i = 0; i < guest->vcpu_count; i++) {
		if (!icr_targets(icr, vcpu->vcpu.index, i))
			continue;
		if (delivery == APIC_ICR_NMI)
			vintr_nmi(&guest->vcpus[i]);
		else
			vintr_post(&guest->vcpus[i], vector);
		if (delivery == APIC_ICR_LOWEST_PRIORITY)
			return;
	}
}

/* ---- registers ---- */

static u64 apic_base(const struct guest_vcpu *vcpu)
{
	return APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC | (vcpu->vcpu.index ? 0 : APIC_BASE_BSP);
}

/* The registers that are 32 bits of memory, and the bits of each that software may set. */
static const struct apic_register {
	u32 msr;
	u32 writable;
	size_t offset;	/* in struct vapic */
} registers[] = {
	{ X2APIC_MSR(APIC_LVT_CMCI), LVT_DELIVERED, offsetof(struct vapic, lvt_cmci) },
	{ X2APIC_MSR(APIC_LVT_THERMAL), LVT_DELIVERED, offsetof(struct vapic, lvt_thermal) },
	{ X2APIC_MSR(APIC_LVT_PMC), LVT_DELIVERED, offsetof(struct vapic, lvt_pmc) },
	{ X2APIC_MSR(APIC_LVT_LINT0), LVT_DELIVERED | APIC_LVT_PIN, offsetof(struct vapic, lvt_lint0) },
	{ X2APIC_MSR(APIC_LVT_LINT1), LVT_DELIVERED | APIC_LVT_PIN, offsetof(struct vapic, lvt_lint1) },
	{ X2APIC_MSR(APIC_LVT_TIMER), LVT_COMMON | APIC_LVT_TIMER_MODE_MASK, offsetof(struct vapic, lvt_timer) },
	{ X2APIC_MSR(APIC_LVT_ERROR), LVT_COMMON, offsetof(struct vapic, lvt_error) },
	{ X2APIC_MSR(APIC_SVR), APIC_SVR_DEFINED, offsetof(struct vapic, svr) },
	{ X2APIC_MSR(APIC_ESR), 0, offsetof(struct vapic, esr) },
	{ X2APIC_MSR(APIC_TIMER_INITIAL), ~0u, offsetof(struct vapic, timer_initial) },
	{ X2APIC_MSR(APIC_TIMER_DIVIDE), APIC_TIMER_DIVIDE_DEFINED, offsetof(struct vapic, timer_divide) },
};
#define LVT_ENTRIES 7	/* the first rows */

static u32 *content_of(struct vapic *apic, const struct apic_register *reg)
{
	return (u32 *)(void *)((char *)apic + reg->offset);
}

static const struct apic_register *find_register(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(registers); i++)
		if (registers[i].msr == msr)
			return &registers[i];
	return NULL;
}

static bool write_lvt(struct vapic *apic, const struct apic_register *reg, u64 value)
{
	u32 kept = (u32)value & reg->writable;

	if (value & ~(u64)(reg->writable | APIC_LVT_PENDING | APIC_LVT_REMOTE_IRR))
		return false;
	if (!(apic->svr & APIC_SVR_ENABLE))
		kept |= APIC_LVT_MASKED;
	if (reg->msr != X2APIC_MSR(APIC_LVT_TIMER))
		*content_of(apic, reg) = kept;
	else if ((value & APIC_LVT_TIMER_MODE_MASK) == APIC_LVT_TIMER_MODE_MASK)
		return false;	/* the fourth mode is reserved */
	else
		write_lvt_timer(apic, kept);
	return true;
}

static void write_svr(struct vapic *apic, u32 value)
{
	__atomic_store_n(&apic->svr, value, __ATOMIC_RELAXED);
	for (u32 i = 0; i < LVT_ENTRIES && !(value & APIC_SVR_ENABLE); i++)
		*content_of(apic, &registers[i]) |= APIC_LVT_MASKED;
}

static bool write_icr(struct guest_vcpu *vcpu, u64 value)
{
	if (value & X2APIC_ICR_RESERVED)
		return false;
	vcpu->vapic.icr = value;
	send_command(vcpu, value);
	return true;
}

bool vapic_read(struct guest_vcpu *vcpu, u32 msr, u64 *value)
{
	struct vapic *apic = &vcpu->vapic;
	const struct apic_register *reg = find_register(msr);
	u32 id = vcpu->vcpu.index;

	switch (msr) {
	case IA32_APIC_BASE:
		*value = apic_base(vcpu);
		break;
	case IA32_TSC_DEADLINE:
		*value = __atomic_load_n(&apic->tsc_deadline, __ATOMIC_RELAXED);
		break;
	case X2APIC_MSR(APIC_ID):
		*value = id;
		break;
	case X2APIC_MSR(APIC_VERSION):
		*value = VERSION_SEVEN_LVTS;
		break;
	case X2APIC_MSR(APIC_LDR):
		*value = (id >> 4) << 16 | 1u << (id & 15);
		break;
	case X2APIC_MSR(APIC_ICR_LOW):
		*value = apic->icr;
		break;
	case X2APIC_MSR(APIC_TIMER_CURRENT):
		*value = current_count(apic);
		break;
	default:
		*value = reg ? *content_of(apic, reg) : 0;
		return reg != NULL;
	}
	return true;
}

bool vapic_write(struct guest_vcpu *vcpu, u32 msr, u64 value)
{
	struct vapic *apic = &vcpu->vapic;
	const struct apic_register *reg = find_register(msr);

	if (msr == IA32_APIC_BASE)
		return value == apic_base(vcpu);	/* x2APIC mode is for ever */
	if (msr == X2APIC_MSR(APIC_ICR_LOW))
		return write_icr(vcpu, value);
	if (msr == IA32_TSC_DEADLINE) {
		write_deadline(vcpu, value);
		return true;
	}
	if (reg && reg < &registers[LVT_ENTRIES])
		return write_lvt(apic, reg, value);
	if (!reg || value & ~(u64)reg->writable)
		return false;
	if (msr == X2APIC_MSR(APIC_SVR))
		write_svr(apic, (u32)value);
	else if (msr == X2APIC_MSR(APIC_TIMER_INITIAL))
		write_initial_count(apic, (u32)value);
	else if (msr == X2APIC_MSR(APIC_TIMER_DIVIDE))
		write_divide(apic, (u32)value);
	else
		apic->esr = 0;
	return true;
}
