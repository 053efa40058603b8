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

/* The registers with a meaning of their own, by their place in vapic.regs. */
#define SVR VAPIC_REGISTER(APIC_SVR)
#define ESR VAPIC_REGISTER(APIC_ESR)
#define LVT_TIMER VAPIC_REGISTER(APIC_LVT_TIMER)
#define INITIAL VAPIC_REGISTER(APIC_TIMER_INITIAL)
#define DIVIDE VAPIC_REGISTER(APIC_TIMER_DIVIDE)

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
	return apic->regs[LVT_TIMER] & APIC_LVT_TIMER_MODE_MASK;
}

/* Bits 3, 1, 0 of the register: 0 divides by 2, ..., 6 by 128, 7 by 1. */
static u64 timer_tick_ns(const struct vapic *apic)
{
	u32 code = (apic->regs[DIVIDE] & 3) | (apic->regs[DIVIDE] >> 1 & 4);

	return (u64)TIMER_TICK_NS << ((code + 1) & 7);
}

static u64 timer_period_ns(const struct vapic *apic)
{
	return MAX((u64)apic->regs[INITIAL] * timer_tick_ns(apic), (u64)TIMER_PERIOD_MIN_NS);
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
	if (!(apic->regs[LVT_TIMER] & APIC_LVT_MASKED))
		vintr_post(vcpu, (u8)(apic->regs[LVT_TIMER] & APIC_LVT_VECTOR));
}

/* ---- timer ---- */

static u64 current_count(const struct vapic *apic)
{
	u64 elapsed;

	if (!apic->regs[INITIAL] || timer_mode(apic) == APIC_LVT_TIMER_TSC_DEADLINE)
		return 0;
	elapsed = (time_ns() - apic->timer_start_ns) / timer_tick_ns(apic);
	if (timer_mode(apic) == APIC_LVT_TIMER_PERIODIC)
		return apic->regs[INITIAL] - elapsed % apic->regs[INITIAL];
	return elapsed < apic->regs[INITIAL] ? apic->regs[INITIAL] - elapsed : 0;
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
		apic->regs[INITIAL] = 0;
		apic->tsc_deadline = 0;
	}
	__atomic_store_n(&apic->regs[LVT_TIMER], value, __ATOMIC_RELAXED);
}

/* A new count starts; at a new rate the counter goes on with what it had left. 0 left: the timer is off. */
static void write_count(struct vapic *apic, u32 reg, u32 value)
{
	u64 left = reg == INITIAL ? value : current_count(apic), now, tick;

	if (timer_mode(apic) == APIC_LVT_TIMER_TSC_DEADLINE) {
		apic->regs[DIVIDE] = reg == DIVIDE ? value : apic->regs[DIVIDE];	/* a count is ignored, as by the CPU */
		return;
	}
	timer_cancel(&apic->timer);
	apic->regs[reg] = value;
	now = time_ns();
	tick = timer_tick_ns(apic);
	apic->timer_start_ns = now - (apic->regs[INITIAL] - left) * tick;
	if (left && timer_mode(apic) == APIC_LVT_TIMER_PERIODIC)
		timer_set(&apic->timer, now + MAX(left * tick, (u64)TIMER_PERIOD_MIN_NS));
	else if (left)
		timer_set(&apic->timer, now + left * tick);
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

/* False: reserved bits. INIT, SIPI, SMI and ExtINT do not exist for a TD: they are taken and do nothing. */
static bool send_command(struct guest_vcpu *vcpu, u64 icr)
{
	struct guest *guest = vcpu->guest;
	u32 delivery = (u32)icr & APIC_ICR_DELIVERY_MASK;
	u8 vector = (u8)(icr & APIC_ICR_VECTOR);

	if (icr & X2APIC_ICR_RESERVED)
		return false;
	vcpu->vapic.icr = icr;
	if (delivery != APIC_ICR_FIXED && delivery != APIC_ICR_LOWEST_PRIORITY && delivery != APIC_ICR_NMI)
		return true;
	if (delivery != APIC_ICR_NMI && vector < APIC_VECTOR_FIRST_LEGAL) {
		vcpu->vapic.regs[ESR] |= APIC_ESR_SEND_ILLEGAL_VECTOR;
		return true;
	}
	for (u32 i = 0; i < guest->vcpu_count; i++) {
		if (!icr_targets(icr, vcpu->vcpu.index, i))
			continue;
		if (delivery == APIC_ICR_NMI)
			vintr_nmi(&guest->vcpus[i]);
		else
			vintr_post(&guest->vcpus[i], vector);
		if (delivery == APIC_ICR_LOWEST_PRIORITY)
			break;
	}
	return true;
}

/* ---- registers ---- */

static u64 apic_base(const struct guest_vcpu *vcpu)
{
	return APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC | (vcpu->vcpu.index ? 0 : APIC_BASE_BSP);
}

/* What software may do with each register. */
static const struct apic_register {
	enum { ABSENT, READ_ONLY, PLAIN, LVT } kind;
	u32 writable;	/* the bits that may be set */
} registers[VAPIC_REGISTERS] = {
	[VAPIC_REGISTER(APIC_ID)] = { READ_ONLY, 0 },
	[VAPIC_REGISTER(APIC_VERSION)] = { READ_ONLY, 0 },
	[VAPIC_REGISTER(APIC_LDR)] = { READ_ONLY, 0 },
	[SVR] = { PLAIN, APIC_SVR_DEFINED },
	[ESR] = { PLAIN, 0 },
	[VAPIC_REGISTER(APIC_LVT_CMCI)] = { LVT, LVT_DELIVERED },
	[LVT_TIMER] = { LVT, LVT_COMMON | APIC_LVT_TIMER_MODE_MASK },
	[VAPIC_REGISTER(APIC_LVT_THERMAL)] = { LVT, LVT_DELIVERED },
	[VAPIC_REGISTER(APIC_LVT_PMC)] = { LVT, LVT_DELIVERED },
	[VAPIC_REGISTER(APIC_LVT_LINT0)] = { LVT, LVT_DELIVERED | APIC_LVT_PIN },
	[VAPIC_REGISTER(APIC_LVT_LINT1)] = { LVT, LVT_DELIVERED | APIC_LVT_PIN },
	[VAPIC_REGISTER(APIC_LVT_ERROR)] = { LVT, LVT_COMMON },
	[INITIAL] = { PLAIN, ~0u },
	[DIVIDE] = { PLAIN, APIC_TIMER_DIVIDE_DEFINED },
};

static void mask_lvts(struct vapic *apic)
{
	for (u32 reg = 0; reg < VAPIC_REGISTERS; reg++)
		if (registers[reg].kind == LVT)
			apic->regs[reg] |= APIC_LVT_MASKED;
}

void vapic_reset(struct guest_vcpu *vcpu)
{
	struct vapic *apic = &vcpu->vapic;
	u32 id = vcpu->vcpu.index;

	memset(apic, 0, sizeof(*apic));
	apic->regs[VAPIC_REGISTER(APIC_ID)] = id;
	apic->regs[VAPIC_REGISTER(APIC_VERSION)] = VERSION_SEVEN_LVTS;
	apic->regs[VAPIC_REGISTER(APIC_LDR)] = (id >> 4) << 16 | 1u << (id & 15);
	apic->regs[SVR] = APIC_SVR_RESET;
	mask_lvts(apic);
	apic->tsc_inverse = inverse_of(vcpu->guest->td.tsc_multiplier);
	timer_init(&apic->timer, timer_fired);
}

void vapic_stop(struct guest_vcpu *vcpu)
{
	timer_cancel(&vcpu->vapic.timer);
}

static bool write_lvt(struct vapic *apic, u32 reg, u64 value)
{
	u32 kept = (u32)value & registers[reg].writable;

	if (value & ~(u64)(registers[reg].writable | APIC_LVT_PENDING | APIC_LVT_REMOTE_IRR))
		return false;
	if (!(apic->regs[SVR] & APIC_SVR_ENABLE))
		kept |= APIC_LVT_MASKED;
	if (reg != LVT_TIMER)
		apic->regs[reg] = kept;
	else if ((value & APIC_LVT_TIMER_MODE_MASK) == APIC_LVT_TIMER_MODE_MASK)
		return false;	/* the fourth mode is reserved */
	else
		write_lvt_timer(apic, kept);
	return true;
}

static bool write_plain(struct vapic *apic, u32 reg, u64 value)
{
	if (value & ~(u64)registers[reg].writable)
		return false;
	if (reg == INITIAL || reg == DIVIDE)
		write_count(apic, reg, (u32)value);
	else
		__atomic_store_n(&apic->regs[reg], (u32)value, __ATOMIC_RELAXED);
	if (reg == SVR && !(value & APIC_SVR_ENABLE))
		mask_lvts(apic);
	return true;
}

bool vapic_read(struct guest_vcpu *vcpu, u32 msr, u64 *value)
{
	struct vapic *apic = &vcpu->vapic;
	u32 reg = msr - X2APIC_MSR(0);

	if (msr == IA32_TSC_DEADLINE)
		*value = __atomic_load_n(&apic->tsc_deadline, __ATOMIC_RELAXED);
	else if (msr == IA32_APIC_BASE)
		*value = apic_base(vcpu);
	else if (msr == X2APIC_MSR(APIC_ICR_LOW))
		*value = apic->icr;
	else if (msr == X2APIC_MSR(APIC_TIMER_CURRENT))
		*value = current_count(apic);
	else if (reg < VAPIC_REGISTERS && registers[reg].kind != ABSENT)
		*value = apic->regs[reg];
	else
		return false;
	return true;
}

bool vapic_write(struct guest_vcpu *vcpu, u32 msr, u64 value)
{
	u32 reg = msr - X2APIC_MSR(0);

	if (msr == IA32_TSC_DEADLINE) {
		write_deadline(vcpu, value);
		return true;
	}
	if (msr == X2APIC_MSR(APIC_ICR_LOW))
		return send_command(vcpu, value);
	if (msr == IA32_APIC_BASE)
		return value == apic_base(vcpu);	/* x2APIC mode is for ever */
	if (reg >= VAPIC_REGISTERS || registers[reg].kind < PLAIN)
		return false;
	return registers[reg].kind == LVT ? write_lvt(&vcpu->vapic, reg, value) : write_plain(&vcpu->vapic, reg, value);
}
