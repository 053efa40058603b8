/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vapic.h"

#include "tests/unit/fake_host.h"
#include "tests/unit/test.h"
#include "vmm/vintr.h"

#define SVR 0x80f
#define ESR 0x828
#define ICR 0x830
#define LVT_TIMER 0x832
#define LINT0 0x835
#define INITIAL 0x838
#define CURRENT 0x839
#define DIVIDE 0x83e
#define DEADLINE 0x6e0
#define PERIODIC (1u << 17)
#define DEADLINE_MODE (2u << 17)

static struct guest *guest;
static struct guest_vcpu *vcpu;

static void reset(void)
{
	fake_host_reset();
	guest = fake_guest(MIB(64), 3);
	vcpu = &guest->vcpus[1];
	for (u32 i = 0; i < 3; i++)
		CHECK(vapic_write(&guest->vcpus[i], SVR, 0x1ff));
}

static u64 get(u32 msr)
{
	u64 value = 0x55;

	CHECK(vapic_read(vcpu, msr, &value));
	return value;
}

TEST(vapic_reset_state)
{
	fake_host_reset();
	guest = fake_guest(MIB(64), 2);
	vcpu = &guest->vcpus[1];
	CHECK_EQ(get(0x1b), 0xfee00c00);
	CHECK_EQ(get(0x802), 1);
	CHECK_EQ(get(0x803), 0x60014);
	CHECK_EQ(get(0x80d), 2);
	CHECK_EQ(get(SVR), 0xff);
	CHECK_EQ(get(LVT_TIMER), 0x10000);
	vcpu = &guest->vcpus[0];
	CHECK_EQ(get(0x1b), 0xfee00d00);
}

TEST(vapic_refuses_reserved_bits_and_unknown_registers)
{
	u64 value;

	reset();
	CHECK(!vapic_read(vcpu, 0x80a, &value));
	CHECK(!vapic_read(vcpu, 0x83a, &value));
	CHECK(!vapic_write(vcpu, 0x802, 1));
	CHECK(!vapic_write(vcpu, CURRENT, 1));
	CHECK(!vapic_write(vcpu, SVR, 0x1000));
	CHECK(!vapic_write(vcpu, ESR, 1));
	CHECK(!vapic_write(vcpu, LVT_TIMER, 1ull << 32));
	CHECK(!vapic_write(vcpu, LVT_TIMER, 3u << 17));
	CHECK(!vapic_write(vcpu, DIVIDE, 4));
	CHECK(!vapic_write(vcpu, INITIAL, 1ull << 32));
	CHECK(!vapic_write(vcpu, ICR, 1u << 20));
	CHECK(vapic_write(vcpu, LINT0, 0x8700));
	CHECK_EQ(get(LINT0), 0x8700);
}

TEST(vapic_off_masks_and_delivers_nothing)
{
	reset();
	CHECK(vapic_write(vcpu, LINT0, 0x700));
	CHECK(vapic_write(vcpu, SVR, 0xff));
	CHECK_EQ(get(LINT0), 0x10700);
	CHECK(vapic_write(vcpu, LINT0, 0x700));
	CHECK_EQ(get(LINT0), 0x10700);
	vintr_post(vcpu, 0x40);
	CHECK(!fake_is_posted(1, 0x40));
}

TEST(vapic_one_shot_counts_at_25_mhz)
{
	reset();
	CHECK(vapic_write(vcpu, LVT_TIMER, 0x40));
	CHECK(vapic_write(vcpu, DIVIDE, 0xb));	/* by 1 */
	CHECK(vapic_write(vcpu, INITIAL, 1000));
	fake_advance(39999);
	CHECK(!fake_is_posted(1, 0x40));
	CHECK_EQ(get(CURRENT), 1);
	fake_advance(1);
	CHECK(fake_is_posted(1, 0x40));
	CHECK_EQ(get(CURRENT), 0);
	CHECK(vcpu->wake.set);
}

TEST(vapic_divider)
{
	static const struct {
		u32 code, by;
	} cases[] = { { 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		reset();
		CHECK(vapic_write(vcpu, LVT_TIMER, 0x40));
		CHECK(vapic_write(vcpu, DIVIDE, cases[i].code));
		CHECK(vapic_write(vcpu, INITIAL, 100));
		fake_advance(4000ull * cases[i].by - 1);
		CHECK(!fake_is_posted(1, 0x40));
		fake_advance(1);
		CHECK(fake_is_posted(1, 0x40));
	}
}

TEST(vapic_changing_the_divider_keeps_what_is_left)
{
	reset();
	CHECK(vapic_write(vcpu, LVT_TIMER, 0x40));
	CHECK(vapic_write(vcpu, DIVIDE, 0xb));
	CHECK(vapic_write(vcpu, INITIAL, 1000));
	fake_advance(20000);
	CHECK_EQ(get(CURRENT), 500);
	CHECK(vapic_write(vcpu, DIVIDE, 0));
	CHECK_EQ(get(CURRENT), 500);
	fake_advance(39999);
	CHECK(!fake_is_posted(1, 0x40));
	fake_advance(1);
	CHECK(fake_is_posted(1, 0x40));
}

TEST(vapic_periodic_goes_on)
{
	reset();
	CHECK(vapic_write(vcpu, LVT_TIMER, PERIODIC | 0x41));
	CHECK(vapic_write(vcpu, DIVIDE, 0xb));
	CHECK(vapic_write(vcpu, INITIAL, 25000));	/* 1 ms */
	for (u32 i = 0; i < 5; i++) {
		fake_advance(NS_PER_MS);
		CHECK(fake_is_posted(1, 0x41));
		fake.posted[1][1] = 0;
	}
	CHECK(vapic_write(vcpu, INITIAL, 0));
	fake_advance(10 * NS_PER_MS);
	CHECK(!fake_is_posted(1, 0x41));
}

TEST(vapic_periodic_cannot_storm)
{
	reset();
	CHECK(vapic_write(vcpu, LVT_TIMER, PERIODIC | 0x41));
	CHECK(vapic_write(vcpu, INITIAL, 1));
	fake_advance(199999);
	CHECK(!fake_is_posted(1, 0x41));
	fake_advance(1);
	CHECK(fake_is_posted(1, 0x41));
}

TEST(vapic_masked_timer_is_silent)
{
	reset();
	CHECK(vapic_write(vcpu, LVT_TIMER, 0x10040));
	CHECK(vapic_write(vcpu, INITIAL, 10));
	fake_advance(NS_PER_S);
	CHECK(!fake_is_posted(1, 0x40));
}

static void arm_deadline(u64 multiplier, u64 offset, u64 value)
{
	fake_host_reset();
	guest = fake_guest(MIB(64), 3);
	vcpu = &guest->vcpus[1];
	guest->td.tsc_multiplier = multiplier;
	guest->td.tsc_offset = offset;
	vapic_reset(vcpu);
	CHECK(vapic_write(vcpu, SVR, 0x1ff));
	CHECK(vapic_write(vcpu, LVT_TIMER, DEADLINE_MODE | 0x42));
	CHECK(vapic_write(vcpu, DEADLINE, value));
}

TEST(vapic_deadline_fires_at_the_virtual_time)
{
	/* The guest's TSC is the host's, which reads 10^9 and counts nanoseconds. */
	arm_deadline(BIT(48), 0, NS_PER_S + 5000);
	CHECK_EQ(get(DEADLINE), NS_PER_S + 5000);
	fake_advance(4999);
	CHECK(!fake_is_posted(1, 0x42));
	fake_advance(2);
	CHECK(fake_is_posted(1, 0x42));
	CHECK_EQ(get(DEADLINE), 0);
}

TEST(vapic_deadline_with_offset_and_multiplier)
{
	/* Virtual ticks twice as fast, starting from 0 now. */
	arm_deadline(BIT(49), (u64)(-2 * (s64)NS_PER_S), 10000);
	fake_advance(4999);
	CHECK(!fake_is_posted(1, 0x42));
	fake_advance(2);
	CHECK(fake_is_posted(1, 0x42));
	/* Three quarters of the speed. */
	arm_deadline(BIT(48) / 4 * 3, (u64)(-750 * (s64)NS_PER_MS), 7500);
	fake_advance(9999);
	CHECK(!fake_is_posted(1, 0x42));
	fake_advance(3);
	CHECK(fake_is_posted(1, 0x42));
}

TEST(vapic_deadline_extremes)
{
	arm_deadline(BIT(48), 0, 1);	/* past: at once */
	fake_advance(0);
	CHECK(fake_is_posted(1, 0x42));
	arm_deadline(BIT(48), 0, ~0ull);	/* never, and no wrap */
	fake_advance(1000 * NS_PER_S);
	CHECK(!fake_is_posted(1, 0x42));
	CHECK(vapic_write(vcpu, DEADLINE, 0));
	CHECK_EQ(get(DEADLINE), 0);
	arm_deadline(BIT(48), 0, 2 * NS_PER_S);
	CHECK(vapic_write(vcpu, INITIAL, 5));	/* ignored in this mode */
	CHECK(vapic_write(vcpu, DIVIDE, 1));
	fake_advance(NS_PER_S + 1);
	CHECK(fake_is_posted(1, 0x42));
	arm_deadline(BIT(48), 0, 2 * NS_PER_S);
	CHECK(vapic_write(vcpu, LVT_TIMER, 0x42));	/* leaving the mode disarms */
	fake_advance(5 * NS_PER_S);
	CHECK(!fake_is_posted(1, 0x42));
	vapic_stop(vcpu);
}

TEST(vapic_deadline_needs_its_mode)
{
	reset();
	CHECK(vapic_write(vcpu, DEADLINE, 5));
	CHECK_EQ(get(DEADLINE), 0);
}

TEST(vapic_icr_destinations)
{
	reset();
	CHECK(vapic_write(vcpu, ICR, 2ull << 32 | 0x50));
	CHECK(!fake_is_posted(0, 0x50) && !fake_is_posted(1, 0x50) && fake_is_posted(2, 0x50));
	CHECK_EQ(get(ICR), 2ull << 32 | 0x50);
	CHECK(vapic_write(vcpu, ICR, 3u << 18 | 0x51));
	CHECK(fake_is_posted(0, 0x51) && !fake_is_posted(1, 0x51) && fake_is_posted(2, 0x51));
	CHECK(vapic_write(vcpu, ICR, 1u << 18 | 0x52));
	CHECK(!fake_is_posted(0, 0x52) && fake_is_posted(1, 0x52) && !fake_is_posted(2, 0x52));
	CHECK(vapic_write(vcpu, ICR, 0xffffffffull << 32 | 0x53));
	CHECK(fake_is_posted(0, 0x53) && fake_is_posted(1, 0x53) && fake_is_posted(2, 0x53));
	CHECK(vapic_write(vcpu, ICR, 5ull << 32 | 1u << 11 | 0x54));	/* logical: ids 0 and 2 */
	CHECK(fake_is_posted(0, 0x54) && !fake_is_posted(1, 0x54) && fake_is_posted(2, 0x54));
	CHECK(vapic_write(vcpu, ICR, 0x10005ull << 32 | 1u << 11 | 0x55));	/* another cluster */
	CHECK(!fake_is_posted(0, 0x55) && !fake_is_posted(2, 0x55));
	CHECK(vapic_write(vcpu, ICR, 100ull << 32 | 0x56));
}

TEST(vapic_icr_delivery_modes)
{
	reset();
	CHECK(vapic_write(vcpu, ICR, 2ull << 32 | 4u << 8));
	CHECK(guest->vcpus[2].nmi_requested && !guest->vcpus[0].nmi_requested);
	CHECK_EQ(fake.kicks, 1);
	CHECK(vapic_write(vcpu, ICR, 2ull << 32 | 5u << 8 | 0x50));	/* INIT */
	CHECK(vapic_write(vcpu, ICR, 2ull << 32 | 6u << 8 | 0x50));	/* SIPI */
	CHECK(!fake_is_posted(2, 0x50));
	CHECK(vapic_write(vcpu, ICR, 2ull << 32 | 5));
	CHECK_EQ(get(ESR), 0x20);
	CHECK(vapic_write(vcpu, ESR, 0));
	CHECK_EQ(get(ESR), 0);
	CHECK(vapic_write(vcpu, ICR, 2u << 18 | 1u << 8 | 0x60));	/* lowest priority: one of them */
	CHECK(fake_is_posted(0, 0x60) && !fake_is_posted(1, 0x60));
}

TEST(msi_reaches_its_vcpus)
{
	reset();
	vintr_msi(guest, 0xfee02000, 0x70);
	CHECK(!fake_is_posted(0, 0x70) && fake_is_posted(2, 0x70));
	vintr_msi(guest, 0xfee03004, 0x71);	/* logical */
	CHECK(fake_is_posted(0, 0x71) && fake_is_posted(1, 0x71) && !fake_is_posted(2, 0x71));
	vintr_msi(guest, 0xfeeff000, 0x72);
	CHECK(fake_is_posted(0, 0x72) && fake_is_posted(1, 0x72) && fake_is_posted(2, 0x72));
	vintr_msi(guest, 0xfed00000, 0x73);
	vintr_msi(guest, 0x1fee00000, 0x73);
	vintr_msi(guest, 0xfee00000, 0x473);	/* NMI delivery */
	vintr_msi(guest, 0xfee09000, 0x73);
	vintr_msi(guest, 0xfee00000, 0x0f);
	CHECK(!fake_is_posted(0, 0x73) && !fake_is_posted(1, 0x73) && !fake_is_posted(0, 0x0f));
}
