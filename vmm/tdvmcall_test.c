/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/tdvmcall.h"

#include <string.h>

#include "include/cella/tdshim.h"
#include "include/spec/tdx/sept.h"
#include "include/spec/tdx/vp_enter.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/test.h"

#define SHARED TDX_SHARED_BIT_GPAW48
#define MASK_STANDARD 0xfc00u	/* R10 to R15 */
#define UNTOUCHED 0x7777777777777777ull

static struct guest *guest;
static struct guest_vcpu *vcpu;

static void reset(void)
{
	fake_host_reset();
	guest = fake_guest(MIB(64), 2);
	vcpu = &guest->vcpus[0];
	if (gmem_create(guest))
		__builtin_abort();
}

/* A standard call; the status is the result. */
static u64 call_masked(u32 mask, u64 function, u64 r12, u64 r13, u64 r14, u64 r15)
{
	u64 *gpr = vcpu->vcpu.gpr;

	for (u32 i = 0; i < GPR_COUNT; i++)
		gpr[i] = UNTOUCHED;
	gpr[GPR_R10] = 0;
	gpr[GPR_R11] = function;
	gpr[GPR_R12] = r12;
	gpr[GPR_R13] = r13;
	gpr[GPR_R14] = r14;
	gpr[GPR_R15] = r15;
	tdvmcall_handle(vcpu, mask);
	return gpr[GPR_R10];
}

static u64 call(u64 function, u64 r12, u64 r13, u64 r14, u64 r15)
{
	return call_masked(MASK_STANDARD, function, r12, r13, r14, r15);
}

static u64 out(u32 gpr)
{
	return vcpu->vcpu.gpr[gpr];
}

TEST(tdvmcall_unknown_and_vendor_calls)
{
	reset();
	CHECK_EQ(call(0x12345, 1, 2, 3, 4), TDVMCALL_SUBFUNC_UNSUPPORTED);
	CHECK_EQ(out(GPR_R12), 1);
	CHECK_EQ(call(TDVMCALL_SETUP_EVENT_NOTIFY, 32, 0, 0, 0), TDVMCALL_SUBFUNC_UNSUPPORTED);
	CHECK_EQ(call(TDVMCALL_WBINVD, 0, 0, 0, 0), TDVMCALL_SUBFUNC_UNSUPPORTED);
	vcpu->vcpu.gpr[GPR_R10] = 5;
	vcpu->vcpu.gpr[GPR_R11] = TDVMCALL_CPUID;
	tdvmcall_handle(vcpu, MASK_STANDARD);
	CHECK_EQ(out(GPR_R10), (u64)-1000);
	CHECK_EQ(vcpu->counters.refused, 4);
	CHECK_EQ(vcpu->counters.tdvmcalls, 4);
}

TEST(tdvmcall_reads_and_writes_only_exposed_registers)
{
	reset();
	/* R11 hidden: function 0 is nothing. */
	CHECK_EQ(call_masked(MASK_STANDARD & ~(u32)BIT(GPR_R11), TDVMCALL_CPUID, 0x40000000, 0, 0, 0),
		 TDVMCALL_SUBFUNC_UNSUPPORTED);
	CHECK_EQ(out(GPR_R11), TDVMCALL_CPUID);
	/* R10 hidden: it counts as 0, and no status is stored. */
	vcpu->vcpu.gpr[GPR_R10] = UNTOUCHED;
	tdvmcall_handle(vcpu, 0);
	CHECK_EQ(out(GPR_R10), UNTOUCHED);
	/* An output register that is hidden is left alone. */
	CHECK_EQ(call_masked(MASK_STANDARD & ~(u32)BIT(GPR_R13), TDVMCALL_CPUID, 0x40000000, 9, 0, 0), 0);
	CHECK_EQ(out(GPR_R12), 0x40000001);
	CHECK_EQ(out(GPR_R13), 9);
	for (u32 gpr = 0; gpr < GPR_R10; gpr++)
		CHECK_EQ(out(gpr), UNTOUCHED);
}

TEST(tdvmcall_cpuid_answers)
{
	reset();
	/* The upper halves are the guest's garbage. */
	CHECK_EQ(call(TDVMCALL_CPUID, 0xabcd000040000000, ~0ull, 5, 5), 0);
	CHECK_EQ(out(GPR_R12), 0x40000001);
	CHECK_EQ(out(GPR_R13), HYPERVISOR_SIGNATURE_EBX);
	CHECK_EQ(out(GPR_R14), HYPERVISOR_SIGNATURE_ECX);
	CHECK_EQ(out(GPR_R15), HYPERVISOR_SIGNATURE_EDX);
	CHECK_EQ(call(TDVMCALL_CPUID, 0x40000001, 0, 5, 5), 0);
	CHECK_EQ(out(GPR_R12) | out(GPR_R13) | out(GPR_R14) | out(GPR_R15), 0);
	vcpu = &guest->vcpus[1];
	CHECK_EQ(call(TDVMCALL_CPUID, 0xb, 77, 5, 5), 0);
	CHECK_EQ(out(GPR_R12) | out(GPR_R13) | out(GPR_R14), 0);
	CHECK_EQ(out(GPR_R15), 1);
	CHECK_EQ(call(TDVMCALL_CPUID, 2, 0, 5, 5), 0);
	CHECK_EQ(out(GPR_R12) | out(GPR_R15), 0);
}

TEST(tdvmcall_msr_answers)
{
	reset();
	CHECK_EQ(call(TDVMCALL_RDMSR, 0x2ff, 0, 0, 0), 0);
	CHECK_EQ(out(GPR_R11), 0);
	CHECK_EQ(call(TDVMCALL_RDMSR, 0xfe, 0, 0, 0), 0);
	CHECK_EQ(out(GPR_R11), 0x508);
	CHECK_EQ(call(TDVMCALL_RDMSR, 0x1b, 0, 0, 0), 0);
	CHECK_EQ(out(GPR_R11), 0xfee00d00);
	CHECK_EQ(call(TDVMCALL_RDMSR, 0xffff00000000001b, 0, 0, 0), 0);
	CHECK_EQ(call(TDVMCALL_RDMSR, 0x3b, 0, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(out(GPR_R11), TDVMCALL_RDMSR);	/* no output on refusal */
	CHECK_EQ(call(TDVMCALL_WRMSR, 0x2ff, 0x800, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_WRMSR, 0x2ff, 0, 0, 0), 0);
	CHECK_EQ(call(TDVMCALL_WRMSR, 0x8b, 5, 0, 0), 0);
	CHECK_EQ(call(TDVMCALL_WRMSR, 0x1b, 0xfee00900, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_WRMSR, 0x1b, 0xfee00d00, 0, 0), 0);
	CHECK_EQ(call(TDVMCALL_WRMSR, 0x10, 0, 0, 0), TDVMCALL_INVALID_OPERAND);
}

TEST(tdvmcall_io_bounds)
{
	reset();
	fake.bus_value = 0x1122334455667788;
	CHECK_EQ(call(TDVMCALL_IO, 2, 0, 0x3f8, 0), 0);
	CHECK_EQ(out(GPR_R11), 0x7788);
	CHECK_EQ(call(TDVMCALL_IO, 1, 1, 0x3f8, 0xffffffffffffff41), 0);
	CHECK(fake.bus_write);
	CHECK_EQ(fake.bus_value, 0x41);
	CHECK_EQ(call(TDVMCALL_IO, 4, 0, 0xfffc, 0), 0);
	CHECK_EQ(fake.bus_accesses, 3);
	CHECK_EQ(call(TDVMCALL_IO, 4, 0, 0xfffd, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_IO, 1, 0, 0x10000, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_IO, 1, 0, ~0ull, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_IO, 8, 0, 0x3f8, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_IO, 3, 0, 0x3f8, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_IO, 0x100000001, 0, 0x3f8, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_IO, 1, 2, 0x3f8, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(fake.bus_accesses, 3);
	CHECK_EQ(vcpu->counters.io_out, 1);
}

TEST(tdvmcall_mmio_bounds)
{
	reset();
	fake.bus_value = ~0ull;
	CHECK_EQ(call(TDVMCALL_MMIO, 8, 0, SHARED | 0xc0000008, 0), 0);
	CHECK_EQ(out(GPR_R11), ~0ull);
	CHECK_EQ(fake.bus_address, 0xc0000008);
	CHECK_EQ(fake.bus_space, BUS_MMIO);
	CHECK_EQ(call(TDVMCALL_MMIO, 4, 1, SHARED | 0xc0000004, ~0ull), 0);
	CHECK_EQ(fake.bus_value, 0xffffffff);
	CHECK_EQ(fake.bus_accesses, 2);
	CHECK_EQ(call(TDVMCALL_MMIO, 4, 0, 0xc0000000, 0), TDVMCALL_INVALID_OPERAND);	/* private */
	CHECK_EQ(call(TDVMCALL_MMIO, 4, 0, SHARED | 0x1000, 0), TDVMCALL_INVALID_OPERAND);	/* RAM */
	CHECK_EQ(call(TDVMCALL_MMIO, 4, 0, SHARED | 0xc0000ffe, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_MMIO, 8, 0, SHARED << 1 | SHARED | 0xc0000000, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_MMIO, 16, 0, SHARED | 0xc0000000, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_MMIO, 4, 5, SHARED | 0xc0000000, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(fake.bus_accesses, 2);
}

TEST(map_gpa_refuses_in_kvms_order)
{
	reset();
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0x1000, 0, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(out(GPR_R11), SHARED | 0x1000);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0x1000, ~0xfffull, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED - 0x1000, 0x2000, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED << 1, 0x1000, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, (SHARED << 1) - 0x1000, 0x2000, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0x1800, 0x1000, 0, 0), TDVMCALL_ALIGN_ERROR);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0x1000, 0x1001, 0, 0), TDVMCALL_ALIGN_ERROR);
	CHECK_EQ(out(GPR_R11), SHARED | 0x1000);
	CHECK_EQ(guest->memory.shared_pages, 0);
}

TEST(map_gpa_converts_both_ways)
{
	reset();
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0x1ff000, 0x202000, 0, 0), 0);
	CHECK_EQ(guest->memory.shared_pages, 0x202);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, 0x1ff000, 0x202000, 0, 0), 0);
	CHECK_EQ(guest->memory.shared_pages, 0);
	CHECK_EQ(fake_pages_of(PAGE_GUEST_SHARED), 0);
}

TEST(map_gpa_outside_ram)
{
	reset();
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0xc0000000, 0x20000000, 0, 0), 0);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | GIB(1), SHARED - GIB(1), 0, 0), 0);	/* all of the rest, at once */
	CHECK_EQ(call(TDVMCALL_MAP_GPA, 0xc0000000, 0x1000, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(out(GPR_R11), 0xc0000000);
	CHECK_EQ(guest->memory.shared_pages, 0);
	/* From RAM into the hole: the RAM part is done, R11 names the first page that is not. */
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | (MIB(64) - 0x1000), 0x2000, 0, 0), 0);
	CHECK_EQ(guest->memory.shared_pages, 1);
	CHECK_EQ(call(TDVMCALL_MAP_GPA, MIB(64) - 0x1000, 0x2000, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(out(GPR_R11), MIB(64));
	CHECK_EQ(guest->memory.shared_pages, 0);
}

TEST(map_gpa_without_host_memory_names_the_page)
{
	reset();
	fake.free_pages = MIB(8) / PAGE_SIZE + 600;
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0, MIB(4), 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(out(GPR_R11), SHARED | MIB(2));
	CHECK_EQ(guest->memory.shared_pages, 512);
}

TEST(map_gpa_waits_for_a_busy_module_and_then_says_retry)
{
	reset();
	fake.remove_result = -16;
	CHECK_EQ(call(TDVMCALL_MAP_GPA, SHARED | 0, MIB(2), 0, 0), TDVMCALL_RETRY);
	CHECK_EQ(out(GPR_R11), SHARED);
	CHECK(fake.yields >= 1000);
}

TEST(get_quote_checks_and_says_unavailable)
{
	struct tdx_quote_header header = { .version = 1, .in_bytes = 1024 };
	u64 buffer = SHARED | 0x10000;

	reset();
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer, 0x2000, 0, 0), TDVMCALL_INVALID_OPERAND);	/* not shared yet */
	CHECK_EQ(call(TDVMCALL_MAP_GPA, buffer, 0x20000, 0, 0), 0);
	CHECK_EQ(gmem_write(guest, GPA(0x10000), &header, sizeof(header)), 0);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, 0x10000, 0x2000, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer, 0, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer + 8, 0x2000, 0, 0), TDVMCALL_ALIGN_ERROR);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer, 0x1800, 0, 0), TDVMCALL_ALIGN_ERROR);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer, 0x21000, 0, 0), TDVMCALL_INVALID_OPERAND);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer, 0x2000, 0, 0), 0);
	CHECK_EQ(gmem_read(guest, GPA(0x10000), &header, sizeof(header)), 0);
	CHECK_EQ(header.status, TDX_QUOTE_UNAVAILABLE);
	header.in_bytes = 0x2000 - 23;
	CHECK_EQ(gmem_write(guest, GPA(0x10000), &header, sizeof(header)), 0);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer, 0x2000, 0, 0), TDVMCALL_INVALID_OPERAND);
	header.version = 2;
	header.in_bytes = 0;
	CHECK_EQ(gmem_write(guest, GPA(0x10000), &header, sizeof(header)), 0);
	CHECK_EQ(call(TDVMCALL_GET_QUOTE, buffer, 0x2000, 0, 0), TDVMCALL_INVALID_OPERAND);
}

TEST(fatal_error_text_is_sanitised_and_ends_the_guest)
{
	reset();
	vcpu->vcpu.gpr[GPR_R10] = 0;
	vcpu->vcpu.gpr[GPR_R11] = TDVMCALL_REPORT_FATAL_ERROR;
	vcpu->vcpu.gpr[GPR_R12] = 0;
	memcpy(&vcpu->vcpu.gpr[GPR_R14], "\033[2J bad", 8);
	memcpy(&vcpu->vcpu.gpr[GPR_R15], " day\0abc", 8);
	tdvmcall_handle(vcpu, MASK_STANDARD | BIT(GPR_RBX));
	CHECK_EQ(guest->end, GUEST_END_FATAL_REPORT);
	CHECK_STR(fake.log, "test vCPU 0 reported a fatal error, code 0x0: \".[2J bad day\"");
}

TEST(get_info_offers_the_mandatory_set)
{
	reset();
	CHECK_EQ(call(TDVMCALL_GET_TD_VMCALL_INFO, 0, 5, 5, 5), 0);
	CHECK_EQ(out(GPR_R11) | out(GPR_R12) | out(GPR_R13) | out(GPR_R14), 0);
	CHECK_EQ(call(TDVMCALL_GET_TD_VMCALL_INFO, 1, 5, 5, 5), 0);
	CHECK_EQ(out(GPR_R11) | out(GPR_R12), 0);
	CHECK_EQ(call(TDVMCALL_GET_TD_VMCALL_INFO, 2, 5, 5, 5), TDVMCALL_INVALID_OPERAND);
}

static void post_a_vector(void)
{
	fake.interrupt_pending = true;
	event_signal(&vcpu->wake);
}

static void ask_to_stop(void)
{
	guest->stop_requested = true;
	event_signal(&vcpu->wake);
}

static void enable_apic(void)
{
	CHECK(vapic_write(vcpu, 0x80f, 0x1ff));
}

TEST(hlt_returns_at_once_when_something_is_pending)
{
	reset();
	enable_apic();
	fake.interrupt_pending = true;
	CHECK_EQ(call(TDVMCALL_HLT, 0, 0, 0, 0), 0);
	CHECK_EQ(fake.waits, 0);
}

TEST(hlt_wakes_on_an_interrupt_and_ignores_a_stale_signal)
{
	reset();
	enable_apic();
	event_signal(&vcpu->wake);
	fake.on_wait = post_a_vector;
	CHECK_EQ(call(TDVMCALL_HLT, 0, 0, 0, 0), 0);
	CHECK_EQ(fake.waits, 2);
}

TEST(hlt_with_interrupts_blocked_waits_for_an_nmi_or_the_end)
{
	reset();
	enable_apic();
	fake.interrupt_pending = true;
	fake.on_wait = ask_to_stop;
	CHECK_EQ(call(TDVMCALL_HLT, 1, 0, 0, 0), 0);
	CHECK_EQ(fake.waits, 1);
	guest->stop_requested = false;
	vcpu->nmi_requested = true;
	CHECK_EQ(call(TDVMCALL_HLT, 1, 0, 0, 0), 0);
	CHECK_EQ(fake.waits, 1);
}

TEST(hlt_with_the_apic_off_returns_after_some_milliseconds)
{
	u64 start;

	reset();
	start = fake.now_ns;
	CHECK_EQ(call(TDVMCALL_HLT, 0, 0, 0, 0), 0);
	CHECK_EQ(fake.now_ns - start, 5 * NS_PER_MS);
}
