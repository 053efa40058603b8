/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See machine_check.h. An uncorrected error is fatal, but it need not be broken hardware: on CPUs with the partial-write
 * erratum a stray write of less than a line to TDX memory poisons it, and whoever reads it next lands here. The owner of
 * the page, by Cella's books and by the TDX module, tells the two apart.
 *
 * The interrupted context may hold any lock, so everything is said by panic(), which takes none. SDM volume 3,
 * "Machine-Check Architecture"; Linux's rule for TDX pages: TDX Module ABI, "TDH.PHYMEM.PAGE.RDMD Leaf".
 */
#include "arch/x86/machine_check.h"

#include "arch/x86/extable.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/timer.h"

enum { OTHER_CORE_US = 100000 };	/* the core with the error speaks first */

static struct {
	const char *(*owner)(hpa_t page);	/* (c) NULL: nobody to ask */
	u64 address_mask;	/* (c) */
} machine_checks = { NULL, ~0ull };

void machine_check_ask(const char *(*owner)(hpa_t page), u32 address_bits)
{
	machine_checks.address_mask = BIT(address_bits) - 1;
	__atomic_store_n(&machine_checks.owner, owner, __ATOMIC_RELEASE);
}

static u64 read_or_zero(u32 msr)
{
	u64 value;

	return rdmsr_safe(msr, &value) ? value : 0;
}

static __noreturn void uncorrected(u32 bank, u64 status)
{
	const char *(*owner)(hpa_t page) = __atomic_load_n(&machine_checks.owner, __ATOMIC_ACQUIRE);
	const char *module = NULL;
	hpa_t address, page;
	bool in_pool;

	if (!(status & MC_STATUS_ADDRESS_VALID))
		panic("machine check: uncorrected error in bank %u, status %#lx, no address", bank, status);
	address = HPA(read_or_zero(IA32_MC0_ADDR + bank * MC_BANK_MSRS) & machine_checks.address_mask);
	page = HPA(ALIGN_DOWN(address.raw, PAGE_SIZE));
	in_pool = page_zone_of(page) == ZONE_TD;
	if (owner && in_pool)
		module = owner(page);
	panic("machine check: uncorrected error in bank %u, status %#lx, at %#lx: the page is %s%s%s%s%s", bank, status,
	      address.raw, page_owner_name(page_owner_of(page)), in_pool ? " in the TD pool" : "",
	      module ? ", to the TDX module " : "", module ? module : "",
	      in_pool || page_owner_of(page) == PAGE_PAMT ? ": a stray write to TDX memory, or broken memory" :
							    ": broken memory");
}

void machine_check(const struct trap_frame *frame)
{
	u32 banks = (u32)read_or_zero(IA32_MCG_CAP) & MCG_CAP_BANKS_MASK;
	u64 state = read_or_zero(IA32_MCG_STATUS);
	u32 corrected = 0;

	for (u32 bank = 0; bank < banks; bank++) {
		u64 status = read_or_zero(IA32_MC0_STATUS + bank * MC_BANK_MSRS);

		if (!(status & MC_STATUS_VALID))
			continue;
		if (status & (MC_STATUS_UNCORRECTED | MC_STATUS_CONTEXT_CORRUPT))
			uncorrected(bank, status);
		(void)wrmsr_safe(IA32_MC0_STATUS + bank * MC_BANK_MSRS, 0);
		corrected++;
	}
	if (!(state & MCG_STATUS_RIPV)) {
		time_udelay(OTHER_CORE_US);
		panic("machine check: this core has no error on record, yet cannot go on (IA32_MCG_STATUS %#lx)", state);
	}
	/* with interrupts off the interrupted code may hold the log's lock */
	if (frame->rflags & RFLAGS_IF)
		log_warn("trap", "machine check without harm: %u corrected errors", corrected);
	(void)wrmsr_safe(IA32_MCG_STATUS, 0);
}
