/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/run.h"

#include <string.h>

#include "include/cella/tdshim.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/test.h"
#include "vmm/counters.h"

static struct guest *guest;
static struct guest_vcpu *vcpu;
static char lines[2000];

static void reset(void)
{
	fake_host_reset();
	guest = fake_guest(MIB(64), 2);
	vcpu = &guest->vcpus[0];
	if (gmem_create(guest))
		__builtin_abort();
}

static struct td_exit ept_violation(u64 gpa, bool shared, u64 extended)
{
	return (struct td_exit){
		.reason = TD_EXIT_EPT_VIOLATION, .gpa = GPA(gpa), .shared = shared, .extended = extended
	};
}

static void handle(struct td_exit exit)
{
	run_handle_exit(vcpu, &exit);
}

TEST(run_interrupts_and_smis_go_on)
{
	reset();
	handle((struct td_exit){ .reason = TD_EXIT_EXTERNAL_INTERRUPT });
	handle((struct td_exit){ .reason = TD_EXIT_EXCEPTION_NMI });
	handle((struct td_exit){ .reason = TD_EXIT_SMI });
	handle((struct td_exit){ .reason = TD_EXIT_BUS_LOCK });
	CHECK_EQ(guest->end, GUEST_END_NONE);
	CHECK_EQ(vcpu->counters.exits, 4);
	CHECK_EQ(vcpu->counters.by_reason[TD_EXIT_SMI], 1);
}

TEST(run_backs_private_memory)
{
	reset();
	handle(ept_violation(MIB(2), false, TD_EEQ_NONE));
	CHECK_EQ(fake.private_bytes[0], PAGE_SIZE_2M);
	handle(ept_violation(MIB(4), false, TD_EEQ_ACCEPT | 0ull << TD_EEQ_ACCEPT_LEVEL_SHIFT));
	CHECK_EQ(fake.private_bytes[1], PAGE_SIZE);
	handle(ept_violation(MIB(6), false, TD_EEQ_ACCEPT | 1ull << TD_EEQ_ACCEPT_LEVEL_SHIFT));
	CHECK_EQ(fake.private_bytes[2], PAGE_SIZE_2M);
	CHECK_EQ(guest->end, GUEST_END_NONE);
}

TEST(run_ends_a_guest_that_cannot_go_on)
{
	u64 done;

	reset();
	handle(ept_violation(MIB(64), false, 0));
	CHECK_EQ(guest->end, GUEST_END_CRASH);
	reset();
	handle(ept_violation(0x1000, false, TD_EEQ_PENDING_EPT_VIOLATION));
	CHECK_EQ(guest->end, GUEST_END_CRASH);
	reset();
	CHECK_EQ(gmem_convert(guest, GPA(0x1000), PAGE_SIZE, GMEM_SHARED, &done), 0);
	handle(ept_violation(0x1000, false, 0));
	CHECK_EQ(guest->end, GUEST_END_CRASH);
	reset();
	handle(ept_violation(0x1000, true, 0));
	CHECK_EQ(guest->end, GUEST_END_CRASH);
	reset();
	handle(ept_violation(GUEST_PAYLOAD_WINDOW, true, 0));
	CHECK_EQ(guest->end, GUEST_END_CRASH);
	reset();
	handle((struct td_exit){ .reason = 12 });
	CHECK_EQ(guest->end, GUEST_END_CRASH);
	reset();
	handle((struct td_exit){ .reason = TD_EXIT_EPT_MISCONFIGURATION });
	CHECK_EQ(guest->end, GUEST_END_CRASH);
}

TEST(run_ends_on_fatal_statuses)
{
	static const u64 fatal[] = { TDX_NON_RECOVERABLE_VCPU, TDX_NON_RECOVERABLE_TD,
				     TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, TDX_TD_FATAL, TDX_VCPU_STATE_INCORRECT };

	for (u32 i = 0; i < ARRAY_SIZE(fatal); i++) {
		reset();
		/* The reason field of such a status may be that of a harmless exit. */
		handle((struct td_exit){ .status = { fatal[i] }, .reason = TD_EXIT_EXCEPTION_NMI });
		CHECK_EQ(guest->end, GUEST_END_CRASH);
		CHECK_EQ(vcpu->counters.exits, 0);
	}
}

TEST(run_bounds_device_faults_that_repeat)
{
	reset();
	for (u32 i = 0; i < 200; i++)
		handle(ept_violation(0xfee00000, true, 0));
	CHECK_EQ(guest->end, GUEST_END_NONE);
	handle((struct td_exit){ .reason = TD_EXIT_TDCALL, .qualification = 0 });
	for (u32 i = 0; i < 200; i++)
		handle(ept_violation(0xfee00000, true, 0));
	CHECK_EQ(guest->end, GUEST_END_NONE);
	for (u32 i = 0; i < 200; i++)
		handle(ept_violation(0xfee00000, true, 0));
	CHECK_EQ(guest->end, GUEST_END_CRASH);
}

static void collect(const struct guest *of, const char *line)
{
	strcat(lines, line);
	strcat(lines, "\n");
}

TEST(counters_name_what_was_counted)
{
	struct guest_counters sum;

	reset();
	handle((struct td_exit){ .reason = TD_EXIT_EXTERNAL_INTERRUPT });
	vcpu = &guest->vcpus[1];
	vcpu->vcpu.gpr[GPR_R11] = 0x1f;
	vcpu->vcpu.gpr[GPR_R12] = 0x1b;
	handle((struct td_exit){ .reason = TD_EXIT_TDCALL, .qualification = 0xfc00 });
	counters_sum(guest, &sum);
	CHECK_EQ(sum.exits, 2);
	CHECK_EQ(sum.rdmsr, 1);
	lines[0] = '\0';
	counters_print(guest, collect);
	CHECK(strstr(lines, "2 exits, 1 of them TDVMCALLs\n"));
	CHECK(strstr(lines, "exit  1 external interrupt"));
	CHECK(strstr(lines, "TDVMCALL RDMSR"));
	CHECK(!strstr(lines, "MapGPA"));
}
