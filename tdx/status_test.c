/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/status.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/leaf.h"
#include "tests/unit/test.h"

static const char *text_of(u64 raw)
{
	static char text[TDX_STATUS_TEXT_BYTES];

	return tdx_status_text((tdx_status_t){ raw }, text);
}

TEST(status_text_names_the_operand)
{
	CHECK_STR(text_of(TDX_SUCCESS), "TDX_SUCCESS");
	CHECK_STR(text_of(TDX_OPERAND_INVALID), "TDX_OPERAND_INVALID (operand RAX)");
	CHECK_STR(text_of(TDX_OPERAND_INVALID | 1), "TDX_OPERAND_INVALID (operand RCX)");
	CHECK_STR(text_of(TDX_OPERAND_INVALID | 69), "TDX_OPERAND_INVALID (operand CPUID_CONFIG)");
	CHECK_STR(text_of(TDX_OPERAND_BUSY | 146), "TDX_OPERAND_BUSY (operand SEPT_TREE)");
	CHECK_STR(text_of(TDX_OPERAND_BUSY | 186), "TDX_OPERAND_BUSY (operand KOT)");
	CHECK_STR(text_of(TDX_PAGE_METADATA_INCORRECT | 1), "TDX_PAGE_METADATA_INCORRECT (operand RCX)");
	CHECK_STR(text_of(TDX_EPT_ENTRY_STATE_INCORRECT | 1), "TDX_EPT_ENTRY_STATE_INCORRECT (operand RCX)");
	CHECK_STR(text_of(TDX_OPERAND_INVALID | 77), "TDX_OPERAND_INVALID (detail 0x4d)");
}

TEST(status_text_says_nothing_where_nothing_is_said)
{
	CHECK_STR(text_of(TDX_SYS_BUSY), "TDX_SYS_BUSY");
	CHECK_STR(text_of(TDX_RND_NO_ENTROPY), "TDX_RND_NO_ENTROPY");
	CHECK_STR(text_of(TDX_EPT_ENTRY_NOT_PRESENT), "TDX_EPT_ENTRY_NOT_PRESENT");
}

TEST(status_text_decodes_msr_leaf_package_and_tdmr)
{
	CHECK_STR(text_of(TDX_INCORRECT_MSR_VALUE | 0xbd), "TDX_INCORRECT_MSR_VALUE (MSR 0xbd)");
	CHECK_STR(text_of(TDX_INCONSISTENT_MSR | 0x3b), "TDX_INCONSISTENT_MSR (MSR 0x3b)");
	CHECK_STR(text_of(TDX_CPUID_LEAF_NOT_SUPPORTED | 0x1f), "TDX_CPUID_LEAF_NOT_SUPPORTED (leaf 0x1f)");
	CHECK_STR(text_of(TDX_INVALID_PKG_ID | 9), "TDX_INVALID_PKG_ID (package 9)");
	CHECK_STR(text_of(TDX_SMRR_OVERLAPS_CMR | 0x301), "TDX_SMRR_OVERLAPS_CMR (SMRR 1, CMR 3)");
	CHECK_STR(text_of(TDX_PAMT_OVERLAP | 0x040102),
		  "TDX_PAMT_OVERLAP (TDMR 2, area or level 1, other TDMR 4)");
}

TEST(status_text_keeps_unknown_codes_and_names_the_class)
{
	CHECK_STR(text_of(0xc0000b7700000000ull), "unknown status 0xc0000b7700000000 (class EPT)");
	CHECK_STR(text_of(0xc000ee0000000001ull), "unknown status 0xc000ee0000000001 (class unknown)");
}

TEST(status_text_ignores_flag_bits)
{
	/* Linux's value of the code, and the module's with FATAL on top */
	CHECK_STR(text_of(0x4000000200000000ull), "TDX_NON_RECOVERABLE_TD");
	CHECK_STR(text_of(0x6000000200000000ull), "TDX_NON_RECOVERABLE_TD");
	CHECK_STR(text_of(TDX_NON_RECOVERABLE_VCPU | 2), "TDX_NON_RECOVERABLE_VCPU (exit reason 2)");
}

TEST(status_of_the_instruction_itself_has_a_sentence)
{
	CHECK_STR(text_of(SEAMCALL_VMFAIL_INVALID), "VMfailInvalid: no TDX module is loaded");
	CHECK_STR(text_of(SEAMCALL_GP_FAULT), "#GP: the firmware has not enabled TDX");
	CHECK_STR(text_of(SEAMCALL_UD_FAULT), "#UD: this core is not in VMX operation");
	CHECK(tdx_status_is_no_module((tdx_status_t){ SEAMCALL_GP_FAULT }));
	CHECK(!tdx_status_is_no_module((tdx_status_t){ TDX_SYS_NOT_READY }));
}

TEST(status_classes_become_errno)
{
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_SUCCESS }), 0);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_KEY_CONFIGURED }), 0);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_OPERAND_BUSY | 1 }), -EBUSY);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_SYS_BUSY }), -EBUSY);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_RND_NO_ENTROPY }), -EBUSY);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_KEY_GENERATION_FAILED }), -EBUSY);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_OPERAND_INVALID | 65 }), -EINVAL);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ TDX_TD_FATAL }), -EIO);
	CHECK_EQ(tdx_status_errno((tdx_status_t){ SEAMCALL_VMFAIL_INVALID }), -EIO);
}

TEST(status_busy_is_only_what_a_retry_can_cure)
{
	CHECK(tdx_status_is_busy((tdx_status_t){ TDX_OPERAND_BUSY | 146 }));
	CHECK(tdx_status_is_busy((tdx_status_t){ TDX_PREVIOUS_TLB_EPOCH_BUSY }));
	CHECK(!tdx_status_is_busy((tdx_status_t){ TDX_HOST_PRIORITY_BUSY_TIMEOUT }));
	CHECK(!tdx_status_is_busy((tdx_status_t){ TDX_TLB_TRACKING_NOT_DONE }));
}

TEST(leaf_names_are_the_manuals)
{
	CHECK_STR(tdx_leaf_name(TDH_SYS_INIT), "TDH.SYS.INIT");
	CHECK_STR(tdx_leaf_name(TDH_VP_INIT | 1ull << TDX_LEAF_VERSION_SHIFT), "TDH.VP.INIT");
	CHECK_STR(tdx_leaf_name(999), "TDH.?");
	CHECK_STR(tdx_leaf_name(SEAMLDR_INFO), "SEAMLDR.INFO");
	CHECK_STR(tdx_leaf_name(SEAMLDR_CLEANUP), "SEAMLDR.CLEANUP");
	CHECK_STR(tdx_leaf_name(SEAMLDR_CLEANUP + 9), "SEAMLDR.?");
}
