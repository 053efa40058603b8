/* SPDX-License-Identifier: BSD-2-Clause */
/* Every TDCALL leaf that Cella's guests use, with its refusals. Expected statuses: TDX Module ABI, guest-side functions. */
#include "include/spec/tdx/metadata.h"
#include "include/spec/tdx/report.h"
#include "include/spec/tdx/td_params.h"
#include "include/spec/tdx/vp_enter.h"
#include "kernel/lib/sha384.h"
#include "kernel/lib/string.h"
#include "tests/guests/payload.h"

#define FREE_4K 0x600000ull	/* RAM nobody accepted yet */
#define FREE_2M 0xa00000ull
#define UNKNOWN_LEAF 200
#define VERSION_1 (1ull << TDX_LEAF_VERSION_SHIFT)

static u8 report_page[2 * TDREPORT_BYTES] __aligned(TDREPORT_ALIGN);
static u8 digest_operand[64] __aligned(64);

static u64 leaf(u64 number, u64 rcx, u64 rdx, u64 r8, u64 r9, struct tdcall_regs *out)
{
	struct tdcall_regs regs = { .rcx = rcx, .rdx = rdx, .r8 = r8, .r9 = r9 };
	u64 status = tdcall(number, &regs);

	if (out)
		*out = regs;
	return status;
}

static void test_dispatch(void)
{
	expect_equal("unknown leaf", leaf(UNKNOWN_LEAF, 0, 0, 0, 0, NULL), TDX_OPERAND_INVALID);
	expect_equal("version on a leaf without", leaf(TDG_VP_INFO | VERSION_1, 0, 0, 0, 0, NULL), TDX_OPERAND_INVALID);
	expect_equal("reserved bits of RAX", leaf(TDG_VP_INFO | BIT(40), 0, 0, 0, 0, NULL), TDX_OPERAND_INVALID);
	expect_equal("VMCALL mask with RAX", leaf(TDG_VP_VMCALL, BIT(GPR_RAX), 0, 0, 0, NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
	expect_equal("VMCALL mask with RSP", leaf(TDG_VP_VMCALL, BIT(GPR_RSP), 0, 0, 0, NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
	expect_equal("VMCALL mask above bit 31", leaf(TDG_VP_VMCALL, BIT(32), 0, 0, 0, NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
}

static void test_info(void)
{
	struct tdcall_regs out;

	expect_equal("VP.INFO", leaf(TDG_VP_INFO, 0, 0, 0, 0, &out), 0);
	expect_equal("VP.INFO GPA width", out.rcx, 48);
	expect_equal("VP.INFO SEPT_VE_DISABLE", out.rdx & TD_ATTR_SEPT_VE_DISABLE, TD_ATTR_SEPT_VE_DISABLE);
	expect_equal("VP.INFO vCPUs", out.r8 & 0xffffffff, 1);
	expect_equal("VP.INFO index", out.r9, 0);
	expect_equal("VEINFO.GET without #VE", leaf(TDG_VP_VEINFO_GET, 0, 0, 0, 0, NULL), TDX_NO_VALID_VE_INFO);
}

static void test_accept(void)
{
	struct tdcall_regs out;

	expect_equal("ACCEPT 4K", leaf(TDG_MEM_PAGE_ACCEPT, FREE_4K, 0, 0, 0, NULL), 0);
	expect_equal("ACCEPT zeroes", *(volatile u64 *)FREE_4K, 0);
	*(volatile u64 *)FREE_4K = 42;
	expect_equal("ACCEPT 4K again", leaf(TDG_MEM_PAGE_ACCEPT, FREE_4K, 0, 0, 0, NULL), TDX_PAGE_ALREADY_ACCEPTED);
	expect_equal("content survives", *(volatile u64 *)FREE_4K, 42);
	expect_equal("ACCEPT 2M", leaf(TDG_MEM_PAGE_ACCEPT, FREE_2M | 1, 0, 0, 0, NULL), 0);
	expect_equal("last byte of 2M", *(volatile u64 *)(FREE_2M + PAGE_SIZE_2M - 8), 0);
	expect_equal("ACCEPT 4K inside 2M", leaf(TDG_MEM_PAGE_ACCEPT, FREE_2M + PAGE_SIZE, 0, 0, 0, NULL),
		     TDX_PAGE_ALREADY_ACCEPTED | 1);
	expect_equal("ACCEPT 1G", leaf(TDG_MEM_PAGE_ACCEPT, 2, 0, 0, 0, NULL), TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
	expect_equal("ACCEPT misaligned", leaf(TDG_MEM_PAGE_ACCEPT, (FREE_2M + PAGE_SIZE) | 1, 0, 0, 0, &out),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
	expect_equal("ACCEPT shared GPA", leaf(TDG_MEM_PAGE_ACCEPT, FREE_4K | BIT(47), 0, 0, 0, NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
}

static struct tdreport *take_report(u64 *status)
{
	struct tdreport *report = (struct tdreport *)(void *)report_page;
	u8 *data = report_page + TDREPORT_BYTES;

	memset(data, 0x5a, TDREPORT_DATA_BYTES);
	*status = leaf(TDG_MR_REPORT, (u64)report, (u64)data, 0, 0, NULL);
	return report;
}

static void test_measurements(void)
{
	struct { u8 old[SHA384_BYTES], data[SHA384_BYTES]; } chain;
	u8 wanted[SHA384_BYTES];
	struct tdreport *report;
	u64 status;

	report = take_report(&status);
	expect_equal("MR.REPORT", status, 0);
	expect_equal("report type", report->type, TDREPORT_TYPE_TDX);
	expect_equal("report data bound", report->report_data[63], 0x5a);
	sha384_of(&report->attributes, TDREPORT_BYTES / 2, wanted);
	expect_equal("TEE_INFO_HASH", (u64)memcmp(wanted, report->tee_info_hash, SHA384_BYTES), 0);
	memcpy(chain.old, report->rtmr[3], SHA384_BYTES);
	memset(chain.data, 0x11, SHA384_BYTES);
	memcpy(digest_operand, chain.data, SHA384_BYTES);
	expect_equal("RTMR.EXTEND", leaf(TDG_MR_RTMR_EXTEND, (u64)digest_operand, 3, 0, 0, NULL), 0);
	sha384_of(&chain, sizeof(chain), wanted);
	report = take_report(&status);
	expect_equal("RTMR3 is the hash of both", (u64)memcmp(wanted, report->rtmr[3], SHA384_BYTES), 0);
	expect_equal("RTMR.EXTEND index 4", leaf(TDG_MR_RTMR_EXTEND, (u64)digest_operand, 4, 0, 0, NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RDX);
	expect_equal("RTMR.EXTEND misaligned", leaf(TDG_MR_RTMR_EXTEND, (u64)digest_operand + 8, 0, 0, 0, NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
	expect_equal("MR.REPORT subtype 1", leaf(TDG_MR_REPORT, (u64)report_page, (u64)report_page + TDREPORT_BYTES, 1, 0,
						 NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_R8);
}

static void test_metadata(void)
{
	struct tdcall_regs out;

	expect_equal("VM.RD ATTRIBUTES", leaf(TDG_VM_RD, 0, TDX_TD_ATTRIBUTES, 0, 0, &out), 0);
	expect_equal("VM.RD value", out.r8 & TD_ATTR_SEPT_VE_DISABLE, TD_ATTR_SEPT_VE_DISABLE);
	expect_equal("VM.RD with RCX", leaf(TDG_VM_RD, 1, TDX_TD_ATTRIBUTES, 0, 0, NULL),
		     TDX_OPERAND_INVALID | TDX_OPERAND_ID_RCX);
	expect_equal("VM.RD unknown field", leaf(TDG_VM_RD, 0, 0x1110000300fffff0ull, 0, 0, NULL) & TDX_STATUS_CODE_MASK,
		     TDX_METADATA_FIELD_ID_INCORRECT);
	expect_equal("VM.WR NOTIFY_ENABLES", leaf(TDG_VM_WR, 0, TDX_TD_NOTIFY_ENABLES, 0, ~0ull, NULL), 0);
	expect_equal("VM.WR ATTRIBUTES", leaf(TDG_VM_WR, 0, TDX_TD_ATTRIBUTES, 0, ~0ull, NULL) & TDX_STATUS_CODE_MASK,
		     TDX_METADATA_FIELD_NOT_WRITABLE);
	expect_equal("VP.RD VCPU_INDEX", leaf(TDG_VP_RD, 0, TDX_VP_VCPU_INDEX, 0, 0, &out), 0);
	expect_equal("VP.RD value", out.r8, 0);
	expect_equal("SYS.RD MAJOR_VERSION", leaf(TDG_SYS_RD, 0, TDX_SYS_MAJOR_VERSION, 0, 0, &out), 0);
	expect_equal("SYS.RD value", out.r8, 1);
}

void payload_run(void)
{
	test_dispatch();
	test_info();
	test_accept();
	test_measurements();
	test_metadata();
}
