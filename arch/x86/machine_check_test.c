/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine checks with banks of our own making. */
#include "arch/x86/machine_check.h"

#include <string.h>

#include "arch/x86/extable.h"
#include "include/spec/x86/msr.h"
#include "kernel/page.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

#define BANKS 8

static struct {
	u64 mcg_status;
	u64 status[BANKS], address[BANKS];
	u32 banks;
} msrs;
static u64 asked;
static struct trap_frame frame;

bool rdmsr_safe(u32 msr, u64 *value)
{
	u32 bank = (msr - IA32_MC0_CTL) / MC_BANK_MSRS;

	*value = 0;
	if (msr == IA32_MCG_CAP)
		*value = 0xf000c00 | msrs.banks;
	else if (msr == IA32_MCG_STATUS)
		*value = msrs.mcg_status;
	else if (msr < IA32_MC0_CTL || bank >= msrs.banks)
		return false;
	else if (msr % MC_BANK_MSRS == IA32_MC0_STATUS % MC_BANK_MSRS)
		*value = msrs.status[bank];
	else if (msr % MC_BANK_MSRS == IA32_MC0_ADDR % MC_BANK_MSRS)
		*value = msrs.address[bank];
	return true;
}

bool wrmsr_safe(u32 msr, u64 value)
{
	u32 bank = (msr - IA32_MC0_STATUS) / MC_BANK_MSRS;

	CHECK_EQ(value, 0);
	if (msr == IA32_MCG_STATUS)
		msrs.mcg_status = 0;
	else
		msrs.status[bank] = 0;
	return true;
}

static const char *owner(hpa_t page)
{
	asked = page.raw;
	return "private memory of a TD";
}

static void begin(void)
{
	static const struct boot_info ram = { .range_count = 1, .ranges = { { 0, GIB(4), BOOT_RANGE_RAM } } };

	fake_reset(2);
	page_init(&ram);
	memset(&msrs, 0, sizeof(msrs));
	memset(&frame, 0, sizeof(frame));
	msrs.banks = BANKS;
	msrs.mcg_status = MCG_STATUS_RIPV | MCG_STATUS_MCIP;
	asked = 0;
	machine_check_ask(NULL, 52);
}

TEST(corrected_machine_check_is_cleared_and_goes_on)
{
	begin();
	msrs.status[3] = MC_STATUS_VALID;
	machine_check(&frame);
	CHECK_EQ(msrs.status[3], 0);
	CHECK_EQ(msrs.mcg_status, 0);
}

TEST(machine_check_names_bank_address_and_owner)
{
	begin();
	msrs.status[5] = MC_STATUS_VALID | MC_STATUS_UNCORRECTED | MC_STATUS_ADDRESS_VALID | 0x134;
	msrs.address[5] = GIB(3) + 0x40;
	CHECK_PANICS(machine_check(&frame));
	CHECK_STR(fake.panic_text, "machine check: uncorrected error in bank 5, status 0xa400000000000134, at 0xc0000040: the "
				   "page is free: broken memory");
}

TEST(machine_check_in_the_td_pool_asks_the_module_without_keyid)
{
	begin();
	CHECK(page_carve_td_pool(HPA(GIB(3)), GIB(1)) > 0);
	machine_check_ask(owner, 46);
	msrs.status[7] = MC_STATUS_VALID | MC_STATUS_UNCORRECTED | MC_STATUS_ADDRESS_VALID;
	msrs.address[7] = GIB(3) + 0x1048 + (33ull << 46);	/* KeyID 33 on top */
	CHECK_PANICS(machine_check(&frame));
	CHECK_EQ(asked, GIB(3) + 0x1000);
	CHECK(strstr(fake.panic_text, "at 0xc0001048: the page is free in the TD pool, to the TDX module private memory of a "
				      "TD: a stray write to TDX memory, or broken memory") != NULL);
	CHECK(page_return_td_pool(HPA(GIB(3)), GIB(1)) > 0);
}

TEST(machine_check_that_cannot_go_on_is_fatal)
{
	begin();
	msrs.status[0] = MC_STATUS_VALID | MC_STATUS_CONTEXT_CORRUPT;
	CHECK_PANICS(machine_check(&frame));
	CHECK(strstr(fake.panic_text, "bank 0") != NULL && strstr(fake.panic_text, "no address") != NULL);
	begin();
	msrs.mcg_status = MCG_STATUS_MCIP;	/* another core's error, and this one was hit in the middle */
	CHECK_PANICS(machine_check(&frame));
	CHECK(strstr(fake.panic_text, "no error on record") != NULL);
}
