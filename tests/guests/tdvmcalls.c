/* SPDX-License-Identifier: BSD-2-Clause */
/* Every TDVMCALL sub-function that Cella answers, with its refusals. Expected statuses: GHCI. */
#include "include/spec/tdx/ghci.h"
#include "include/spec/tdx/sept.h"
#include "include/spec/x86/apic.h"
#include "include/spec/x86/msr.h"
#include "tests/guests/payload.h"

#define SHARED TDX_SHARED_BIT_GPAW48
#define BUFFER 0x1000000ull	/* 2 MiB of RAM used for conversions */
#define COM1_LINE_STATUS 0x3fd
#define LINE_STATUS_IDLE 0x60
#define HOST_BRIDGE_ID 0x29c08086
#define KVM_ENOSYS 1000
#define VENDOR_CALL 77
#define UNKNOWN_FUNCTION 0x12345
#define UNKNOWN_MSR 0x40000123
#define TIMER_VECTOR 0x40
#define TIMER_TICKS 2000000ull

static u64 call(u64 function, u64 r12, u64 r13, u64 r14, u64 r15, struct tdcall_regs *out)
{
	struct tdcall_regs regs = { .r12 = r12, .r13 = r13, .r14 = r14, .r15 = r15 };
	u64 result = tdvmcall(function, &regs);

	if (out)
		*out = regs;
	return result;
}

static void test_instructions(void)
{
	struct tdcall_regs out;

	expect_equal("CPUID", call(TDVMCALL_CPUID, HYPERVISOR_CPUID_BASE, 0, 0, 0, &out), 0);
	expect_equal("hypervisor signature", out.r13, HYPERVISOR_SIGNATURE_EBX);
	expect_equal("IO read", call(TDVMCALL_IO, 1, TDVMCALL_READ, COM1_LINE_STATUS, 0, &out), 0);
	expect_equal("COM1 is idle", out.r11 & LINE_STATUS_IDLE, LINE_STATUS_IDLE);
	expect_equal("IO unknown port", call(TDVMCALL_IO, 4, TDVMCALL_READ, 0x2e8, 0, &out), 0);
	expect_equal("reads all ones", out.r11, 0xffffffff);
	expect_equal("IO size 3", call(TDVMCALL_IO, 3, TDVMCALL_READ, COM1_LINE_STATUS, 0, NULL), TDVMCALL_INVALID_OPERAND);
	expect_equal("IO direction 2", call(TDVMCALL_IO, 1, 2, COM1_LINE_STATUS, 0, NULL), TDVMCALL_INVALID_OPERAND);
	expect_equal("IO port 0x10000", call(TDVMCALL_IO, 1, TDVMCALL_READ, 0x10000, 0, NULL), TDVMCALL_INVALID_OPERAND);
	expect_equal("IO across the end", call(TDVMCALL_IO, 4, TDVMCALL_READ, 0xfffe, 0, NULL), TDVMCALL_INVALID_OPERAND);
	expect_equal("RDMSR APIC_BASE", call(TDVMCALL_RDMSR, IA32_APIC_BASE, 0, 0, 0, &out), 0);
	expect_equal("x2APIC on, BSP", out.r11, APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC | APIC_BASE_BSP);
	expect_equal("RDMSR unknown", call(TDVMCALL_RDMSR, UNKNOWN_MSR, 0, 0, 0, NULL), TDVMCALL_INVALID_OPERAND);
	expect_equal("RDMSR MTRR_DEF_TYPE", call(TDVMCALL_RDMSR, IA32_MTRR_DEF_TYPE, 0, 0, 0, &out), 0);
	expect_equal("MTRRs are off", out.r11, 0);
	expect_equal("WRMSR leaves x2APIC", call(TDVMCALL_WRMSR, IA32_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_ENABLE, 0, 0,
						 NULL),
		     TDVMCALL_INVALID_OPERAND);
}

static void test_mmio(void)
{
	struct tdcall_regs out;

	expect_equal("MMIO ECAM", call(TDVMCALL_MMIO, 4, TDVMCALL_READ, SHARED | GUEST_ECAM_BASE, 0, &out), 0);
	expect_equal("host bridge id", out.r11, HOST_BRIDGE_ID);
	expect_equal("MMIO absent function", call(TDVMCALL_MMIO, 4, TDVMCALL_READ, SHARED | (GUEST_ECAM_BASE + 0x98000), 0,
						  &out),
		     0);
	expect_equal("absent reads all ones", out.r11, 0xffffffff);
	expect_equal("MMIO private GPA", call(TDVMCALL_MMIO, 4, TDVMCALL_READ, GUEST_ECAM_BASE, 0, NULL),
		     TDVMCALL_INVALID_OPERAND);
	expect_equal("MMIO size 5", call(TDVMCALL_MMIO, 5, TDVMCALL_READ, SHARED | GUEST_ECAM_BASE, 0, NULL),
		     TDVMCALL_INVALID_OPERAND);
}

static void test_map_gpa(void)
{
	struct tdcall_regs out;
	volatile u64 *word = (volatile u64 *)BUFFER;

	expect_equal("ACCEPT before conversion", tdg_mem_page_accept(GPA(BUFFER), TDX_LEVEL_2M), 0);
	*word = 0x5ec2e7;
	expect_equal("MapGPA to shared", call(TDVMCALL_MAP_GPA, SHARED | BUFFER, PAGE_SIZE_2M, 0, 0, NULL), 0);
	map_shared(BUFFER);
	expect_equal("nothing leaks into shared memory", *word, 0);
	*word = 7;
	expect_equal("MapGPA again", call(TDVMCALL_MAP_GPA, SHARED | BUFFER, PAGE_SIZE_2M, 0, 0, NULL), 0);
	expect_equal("shared content stays", *word, 7);
	expect_equal("MapGPA to private", call(TDVMCALL_MAP_GPA, BUFFER, PAGE_SIZE_2M, 0, 0, NULL), 0);
	map_private(BUFFER);
	expect_equal("ACCEPT after conversion", tdg_mem_page_accept(GPA(BUFFER), TDX_LEVEL_2M), 0);
	expect_equal("accepted memory is zero", *word, 0);
	/* One small page out of the middle: the large page must split. */
	word[PAGE_SIZE / 8 * 3] = 99;
	expect_equal("MapGPA one page", call(TDVMCALL_MAP_GPA, SHARED | (BUFFER + PAGE_SIZE), PAGE_SIZE, 0, 0, NULL), 0);
	expect_equal("neighbours keep their content", word[PAGE_SIZE / 8 * 3], 99);
	expect_equal("and back", call(TDVMCALL_MAP_GPA, BUFFER + PAGE_SIZE, PAGE_SIZE, 0, 0, NULL), 0);
	expect_equal("ACCEPT the page", tdg_mem_page_accept(GPA(BUFFER + PAGE_SIZE), TDX_LEVEL_4K), 0);

	expect_equal("MapGPA misaligned", call(TDVMCALL_MAP_GPA, SHARED | (BUFFER + 8), PAGE_SIZE, 0, 0, NULL),
		     TDVMCALL_ALIGN_ERROR);
	expect_equal("MapGPA size 0", call(TDVMCALL_MAP_GPA, SHARED | BUFFER, 0, 0, 0, NULL), TDVMCALL_INVALID_OPERAND);
	expect_equal("MapGPA wraps", call(TDVMCALL_MAP_GPA, ~0ull << 12, 2 * PAGE_SIZE, 0, 0, NULL),
		     TDVMCALL_INVALID_OPERAND);
	expect_equal("MapGPA MMIO to shared", call(TDVMCALL_MAP_GPA, SHARED | GUEST_PCI_WINDOW_BASE, PAGE_SIZE, 0, 0, NULL),
		     0);
	expect_equal("MapGPA MMIO to private", call(TDVMCALL_MAP_GPA, GUEST_PCI_WINDOW_BASE, PAGE_SIZE, 0, 0, &out),
		     TDVMCALL_INVALID_OPERAND);
}

static void test_services(void)
{
	volatile struct tdx_quote_header *quote = (volatile struct tdx_quote_header *)BUFFER;
	struct tdcall_regs out;
	struct tdcall_regs vendor = { .rcx = 0xfc00, .r10 = VENDOR_CALL };

	expect_equal("GetTdVmCallInfo", call(TDVMCALL_GET_TD_VMCALL_INFO, 0, 0, 0, 0, &out), 0);
	expect_equal("unknown function", call(UNKNOWN_FUNCTION, 0, 0, 0, 0, NULL), TDVMCALL_SUBFUNC_UNSUPPORTED);
	expect_equal("Service", call(TDVMCALL_SERVICE, 0, 0, 0, 0, NULL), TDVMCALL_SUBFUNC_UNSUPPORTED);
	(void)tdcall(TDG_VP_VMCALL, &vendor);
	expect_equal("vendor call", vendor.r10, (u64)-KVM_ENOSYS);
	expect_equal("GetQuote private buffer", call(TDVMCALL_GET_QUOTE, BUFFER, PAGE_SIZE, 0, 0, NULL),
		     TDVMCALL_INVALID_OPERAND);
	expect_equal("MapGPA for the quote", call(TDVMCALL_MAP_GPA, SHARED | BUFFER, PAGE_SIZE_2M, 0, 0, NULL), 0);
	map_shared(BUFFER);
	quote->version = TDX_QUOTE_VERSION;
	quote->status = 0;
	quote->in_bytes = 1024;
	quote->out_bytes = 0;
	expect_equal("GetQuote", call(TDVMCALL_GET_QUOTE, SHARED | BUFFER, PAGE_SIZE * 2, 0, 0, NULL), 0);
	expect_equal("quote service is absent", quote->status, TDX_QUOTE_UNAVAILABLE);
	quote->version = 2;
	expect_equal("GetQuote version 2", call(TDVMCALL_GET_QUOTE, SHARED | BUFFER, PAGE_SIZE, 0, 0, NULL),
		     TDVMCALL_INVALID_OPERAND);
	expect_equal("GetQuote size 0", call(TDVMCALL_GET_QUOTE, SHARED | BUFFER, 0, 0, 0, NULL), TDVMCALL_INVALID_OPERAND);
}

static u64 read_tsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

/* The host's timer must wake a halted vCPU; interrupts stay off here, a pending one is enough. */
static void test_timer(void)
{
	u64 start = read_tsc();

	expect_equal("SVR on", call(TDVMCALL_WRMSR, X2APIC_MSR(APIC_SVR), APIC_SVR_ENABLE | 0xff, 0, 0, NULL), 0);
	expect_equal("LVT timer", call(TDVMCALL_WRMSR, X2APIC_MSR(APIC_LVT_TIMER), APIC_LVT_TIMER_TSC_DEADLINE | TIMER_VECTOR,
				       0, 0, NULL),
		     0);
	expect_equal("TSC deadline", call(TDVMCALL_WRMSR, IA32_TSC_DEADLINE, start + TIMER_TICKS, 0, 0, NULL), 0);
	expect_equal("HLT", call(TDVMCALL_HLT, 0, 0, 0, 0, NULL), 0);
	expect_equal("woken after the deadline", read_tsc() >= start + TIMER_TICKS, 1);
	payload_note("ticks until woken", read_tsc() - start);
}

void payload_run(void)
{
	test_instructions();
	test_mmio();
	test_map_gpa();
	test_services();
	test_timer();
}
