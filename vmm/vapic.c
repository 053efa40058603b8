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
#include "kernel/lib/string.h"
#include "vmm/guest.h"
#include "vmm/vintr.h"

enum apic_msr {
	MSR_APIC_BASE = 0x1b,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_X2APIC_ID = 0x802,
	MSR_X2APIC_VERSION = 0x803,
	MSR_X2APIC_LDR = 0x80d,
	MSR_X2APIC_SVR = 0x80f,
	MSR_X2APIC_ESR = 0x828,
	MSR_X2APIC_LVT_CMCI = 0x82f,
	MSR_X2APIC_ICR = 0x830,
	MSR_X2APIC_LVT_TIMER = 0x832,
	MSR_X2APIC_LVT_THERMAL = 0x833,
	MSR_X2APIC_LVT_PMC = 0x834,
	MSR_X2APIC_LVT_LINT0 = 0x835,
	MSR_X2APIC_LVT_LINT1 = 0x836,
	MSR_X2APIC_LVT_ERROR = 0x837,
	MSR_X2APIC_INITIAL_COUNT = 0x838,
	MSR_X2APIC_CURRENT_COUNT = 0x839,
	MSR_X2APIC_DIVIDE = 0x83e,
};

#define APIC_BASE_ADDRESS 0xfee00000ull
#define APIC_BASE_BSP BIT(8)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLED BIT(11)
#define APIC_VERSION 0x00060014u	/* integrated, seven LVT entries */

#define SVR_RESET 0xffu
#define SVR_ENABLED (1u << 8)
#define SVR_WRITABLE 0x3ffu
#define LVT_MASKED (1u << 16)
#define LVT_VECTOR 0xffu
#define LVT_DELIVERY 0x700u
#define LVT_PENDING (1u << 12)	/* read-only, as is remote IRR */
#define LVT_REMOTE_IRR (1u << 14)
#define LVT_PIN (1u << 13 | 1u << 15)	/* polarity and trigger mode */
#define LVT_TIMER_MODE (3u << 17)
#define LVT_TIMER_PERIODIC (1u << 17)
#define LVT_TIMER_DEADLINE (2u << 17)
#define ESR_SEND_ILLEGAL_VECTOR (1u << 5)
#define DIVIDE_WRITABLE 0xbu

#define ICR_VECTOR 0xffull
#define ICR_DELIVERY_SHIFT 8
#define ICR_DELIVERY_MASK 7u
#define ICR_LOGICAL BIT(11)
#define ICR_SHORTHAND_SHIFT 18
#define ICR_SHORTHAND_MASK 3u
#define ICR_DESTINATION_SHIFT 32
#define ICR_RESERVED 0xfff32000ull	/* low half; bit 12, delivery status, reads 0 and is ignored */
#define ICR_BROADCAST 0xffffffffu
#define VECTOR_FIRST_LEGAL 16

enum icr_delivery {
	ICR_FIXED = 0,
	ICR_LOWEST_PRIORITY = 1,
	ICR_NMI = 4,
};

enum icr_shorthand {
	ICR_NO_SHORTHAND,
	ICR_SELF,
	ICR_ALL,
	ICR_OTHERS,
};

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
	return apic->lvt_timer & LVT_TIMER_MODE;
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

	if (timer_mode(apic) == LVT_TIMER_DEADLINE) {
		__atomic_store_n(&apic->tsc_deadline, 0, __ATOMIC_RELAXED);
	} else if (timer_mode(apic) == LVT_TIMER_PERIODIC) {
		u64 period = timer_period_ns(apic), now = time_ns();

		timer_set(timer, now + period - (now - apic->timer_start_ns) % period);
	}
	if (!(apic->lvt_timer & LVT_MASKED))
		vintr_post(vcpu, (u8)(apic->lvt_timer & LVT_VECTOR));
}

void vapic_reset(struct guest_vcpu *vcpu)
{
	struct vapic *apic = &vcpu->vapic;

	memset(apic, 0, sizeof(*apic));
	apic->svr = SVR_RESET;
	apic->lvt_cmci = apic->lvt_timer = apic->lvt_thermal = apic->lvt_pmc = LVT_MASKED;
	apic->lvt_lint0 = apic->lvt_lint1 = apic->lvt_error = LVT_MASKED;
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
	if (left && timer_mode(apic) == LVT_TIMER_PERIODIC)
		timer_set(&apic->timer, now + MAX(left * tick, (u64)TIMER_PERIOD_MIN_NS));
	else if (left)
		timer_set(&apic->timer, now + left * tick);
}

static u64 current_count(const struct vapic *apic)
{
	u64 elapsed;

	if (!apic->timer_initial || timer_mode(apic) == LVT_TIMER_DEADLINE)
		return 0;
	elapsed = (time_ns() - apic->timer_start_ns) / timer_tick_ns(apic);
	if (timer_mode(apic) == LVT_TIMER_PERIODIC)
		return apic->timer_initial - elapsed % apic->timer_initial;
	return elapsed < apic->timer_initial ? apic->timer_initial - elapsed : 0;
}

static void write_deadline(struct guest_vcpu *vcpu, u64 value)
{
	struct vapic *apic = &vcpu->vapic;
	u64 now, delta;

	if (timer_mode(apic) != LVT_TIMER_DEADLINE)
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
	if ((value & LVT_TIMER_MODE) != timer_mode(apic)) {
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

	if (timer_mode(apic) != LVT_TIMER_DEADLINE)
		timer_cancel(&apic->timer);
	apic->timer_divide = value;
	if (timer_mode(apic) != LVT_TIMER_DEADLINE)
		start_count(apic, left);
}

static void write_initial_count(struct vapic *apic, u32 value)
{
	if (timer_mode(apic) == LVT_TIMER_DEADLINE)
		return;	/* ignored, as by the CPU */
	timer_cancel(&apic->timer);
	apic->timer_initial = value;
	start_count(apic, value);
}

/* ---- interrupt command ---- */

static bool icr_targets(u64 icr, u32 sender, u32 target)
{
	u32 destination = (u32)(icr >> ICR_DESTINATION_SHIFT);

	switch (icr >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK) {
	case ICR_SELF:
		return target == sender;
	case ICR_ALL:
		return true;
	case ICR_OTHERS:
		return target != sender;
	default:
		break;
	}
	if (destination == ICR_BROADCAST)
		return true;
	if (!(icr & ICR_LOGICAL))
		return destination == target;
	return destination >> 16 == target >> 4 && (destination >> (target & 15) & 1);
}

/* INIT, SIPI, SMI and ExtINT do not exist for a TD: they are taken and do nothing. */
static void send_command(struct guest_vcpu *vcpu, u64 icr)
{
	struct guest *guest = vcpu->guest;
	u32 delivery = (u32)(icr >> ICR_DELIVERY_SHIFT) & ICR_DELIVERY_MASK;
	u8 vector = (u8)(icr & ICR_VECTOR);

	if (delivery != ICR_FIXED && delivery != ICR_LOWEST_PRIORITY && delivery != ICR_NMI)
		return;
	if (delivery != ICR_NMI && vector < VECTOR_FIRST_LEGAL) {
		vcpu->vapic.esr |= ESR_SEND_ILLEGAL_VECTOR;
		return;
	}
	for (u32 i = 0; i < guest->vcpu_count; i++) {
		if (!icr_targets(icr, vcpu->vcpu.index, i))
			continue;
		if (delivery == ICR_NMI)
			vintr_nmi(&guest->vcpus[i]);
		else
			vintr_post(&guest->vcpus[i], vector);
		if (delivery == ICR_LOWEST_PRIORITY)
			return;
	}
}

/* ---- registers ---- */

static u64 apic_base(const struct guest_vcpu *vcpu)
{
	return APIC_BASE_ADDRESS | APIC_BASE_ENABLED | APIC_BASE_X2APIC | (vcpu->vcpu.index ? 0 : APIC_BASE_BSP);
}

/* An LVT register and the bits of it that software may set; NULL: @msr is none. */
static u32 *lvt_of(struct vapic *apic, u32 msr, u32 *writable)
{
	*writable = LVT_VECTOR | LVT_DELIVERY | LVT_MASKED;
	switch (msr) {
	case MSR_X2APIC_LVT_CMCI:
		return &apic->lvt_cmci;
	case MSR_X2APIC_LVT_THERMAL:
		return &apic->lvt_thermal;
	case MSR_X2APIC_LVT_PMC:
		return &apic->lvt_pmc;
	case MSR_X2APIC_LVT_LINT0:
		*writable |= LVT_PIN;
		return &apic->lvt_lint0;
	case MSR_X2APIC_LVT_LINT1:
		*writable |= LVT_PIN;
		return &apic->lvt_lint1;
	case MSR_X2APIC_LVT_TIMER:
		*writable = LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE;
		return &apic->lvt_timer;
	case MSR_X2APIC_LVT_ERROR:
		*writable = LVT_VECTOR | LVT_MASKED;
		return &apic->lvt_error;
	default:
		return NULL;
	}
}

static bool write_lvt(struct vapic *apic, u32 msr, u64 value)
{
	u32 writable, *lvt = lvt_of(apic, msr, &writable);
	u32 kept = (u32)value & writable;

	if (!lvt || value & ~(u64)(writable | LVT_PENDING | LVT_REMOTE_IRR))
		return false;
	if (lvt == &apic->lvt_timer && (value & LVT_TIMER_MODE) == LVT_TIMER_MODE)
		return false;	/* the fourth mode is reserved */
	if (!(apic->svr & SVR_ENABLED))
		kept |= LVT_MASKED;
	if (lvt == &apic->lvt_timer)
		write_lvt_timer(apic, kept);
	else
		*lvt = kept;
	return true;
}

static bool write_svr(struct vapic *apic, u64 value)
{
	static const u32 entries[] = { MSR_X2APIC_LVT_CMCI,  MSR_X2APIC_LVT_TIMER, MSR_X2APIC_LVT_THERMAL,
				       MSR_X2APIC_LVT_PMC,   MSR_X2APIC_LVT_LINT0, MSR_X2APIC_LVT_LINT1,
				       MSR_X2APIC_LVT_ERROR };
	u32 writable;

	if (value & ~(u64)SVR_WRITABLE)
		return false;
	__atomic_store_n(&apic->svr, (u32)value, __ATOMIC_RELAXED);
	for (u32 i = 0; i < ARRAY_SIZE(entries) && !(value & SVR_ENABLED); i++)
		*lvt_of(apic, entries[i], &writable) |= LVT_MASKED;
	return true;
}

static bool write_icr(struct guest_vcpu *vcpu, u64 value)
{
	if (value & ICR_RESERVED)
		return false;
	vcpu->vapic.icr = value;
	send_command(vcpu, value);
	return true;
}

bool vapic_read(struct guest_vcpu *vcpu, u32 msr, u64 *value)
{
	struct vapic *apic = &vcpu->vapic;
	u32 id = vcpu->vcpu.index, writable;
	const u32 *lvt = lvt_of(apic, msr, &writable);

	*value = 0;
	switch (msr) {
	case MSR_APIC_BASE:
		*value = apic_base(vcpu);
		return true;
	case MSR_TSC_DEADLINE:
		*value = __atomic_load_n(&apic->tsc_deadline, __ATOMIC_RELAXED);
		return true;
	case MSR_X2APIC_ID:
		*value = id;
		return true;
	case MSR_X2APIC_VERSION:
		*value = APIC_VERSION;
		return true;
	case MSR_X2APIC_LDR:
		*value = (id >> 4) << 16 | 1u << (id & 15);
		return true;
	case MSR_X2APIC_SVR:
		*value = apic->svr;
		return true;
	case MSR_X2APIC_ESR:
		*value = apic->esr;
		return true;
	case MSR_X2APIC_ICR:
		*value = apic->icr;
		return true;
	case MSR_X2APIC_INITIAL_COUNT:
		*value = apic->timer_initial;
		return true;
	case MSR_X2APIC_CURRENT_COUNT:
		*value = current_count(apic);
		return true;
	case MSR_X2APIC_DIVIDE:
		*value = apic->timer_divide;
		return true;
	default:
		*value = lvt ? *lvt : 0;
		return lvt != NULL;
	}
}

bool vapic_write(struct guest_vcpu *vcpu, u32 msr, u64 value)
{
	struct vapic *apic = &vcpu->vapic;

	switch (msr) {
	case MSR_APIC_BASE:
		return value == apic_base(vcpu);	/* x2APIC mode is for ever */
	case MSR_TSC_DEADLINE:
		write_deadline(vcpu, value);
		return true;
	case MSR_X2APIC_SVR:
		return write_svr(apic, value);
	case MSR_X2APIC_ESR:
		apic->esr = 0;
		return value == 0;
	case MSR_X2APIC_ICR:
		return write_icr(vcpu, value);
	case MSR_X2APIC_INITIAL_COUNT:
		if (value >> 32)
			return false;
		write_initial_count(apic, (u32)value);
		return true;
	case MSR_X2APIC_DIVIDE:
		if (value & ~(u64)DIVIDE_WRITABLE)
			return false;
		write_divide(apic, (u32)value);
		return true;
	default:
		return write_lvt(apic, msr, value);
	}
}
