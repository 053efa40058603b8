/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Around the SEAMCALL instruction: entropy retry, counters, and the one place where every refusal is written down with
 * its raw registers (reserved bits of outputs may gain meaning later, so they are shown undecoded).
 *
 * Counters are striped over a few cache lines, because all cores enter their TDs at the same time.
 * Any core in VMX operation, any context.
 */
#include "tdx/seamcall.h"

#include "include/cella/arch.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "tdx/backoff.h"
#include "tdx/seamcall_offsets.h"

_Static_assert(offsetof(struct seamcall_regs, rcx) == REGS_RCX && offsetof(struct seamcall_regs, rdx) == REGS_RDX &&
	       offsetof(struct seamcall_regs, r8) == REGS_R8 && offsetof(struct seamcall_regs, r9) == REGS_R9 &&
	       offsetof(struct seamcall_regs, r10) == REGS_R10 && offsetof(struct seamcall_regs, r11) == REGS_R11 &&
	       offsetof(struct seamcall_regs, r12) == REGS_R12 && offsetof(struct seamcall_regs, r13) == REGS_R13 &&
	       offsetof(struct seamcall_regs, r14) == REGS_R14 && offsetof(struct seamcall_regs, r15) == REGS_R15 &&
	       offsetof(struct seamcall_regs, rbx) == REGS_RBX && offsetof(struct seamcall_regs, rdi) == REGS_RDI &&
	       offsetof(struct seamcall_regs, rsi) == REGS_RSI, "seamcall.S: struct seamcall_regs");
_Static_assert(GPR_RAX * 8 == GPRS_RAX && GPR_RCX * 8 == GPRS_RCX && GPR_RDX * 8 == GPRS_RDX &&
		       GPR_RBX * 8 == GPRS_RBX && GPR_RSI * 8 == GPRS_RSI && GPR_RDI * 8 == GPRS_RDI &&
		       GPR_R8 * 8 == GPRS_R8 && GPR_R9 * 8 == GPRS_R9 && GPR_R10 * 8 == GPRS_R10 &&
		       GPR_R11 * 8 == GPRS_R11 && GPR_R12 * 8 == GPRS_R12 && GPR_R13 * 8 == GPRS_R13 &&
		       GPR_R14 * 8 == GPRS_R14 && GPR_R15 * 8 == GPRS_R15, "seamcall.S: register array");

enum {
	ENTROPY_ATTEMPTS = 10,	/* what TDX hosts do; the generator refills within microseconds */
	COUNTED_LEAVES = 128,	/* leaf numbers above, and P-SEAMLDR's, go into the last slot */
	COUNTER_STRIPES = 16,
};

static struct {
	u64 calls[COUNTER_STRIPES][COUNTED_LEAVES];	/* atomic */
} seam;

/* tdx/seamcall.S */
u64 seamcall_issue(u64 leaf, struct seamcall_regs *regs);
u64 seamcall_issue_enter(u64 leaf, u64 gpr[GPR_COUNT]);

static void count(u64 leaf)
{
	u64 number = leaf & TDX_LEAF_SEAMLDR ? COUNTED_LEAVES : leaf & TDX_LEAF_NUMBER_MASK;
	u64 *slot = &seam.calls[arch_this_cpu()->id % COUNTER_STRIPES][MIN(number, (u64)COUNTED_LEAVES - 1)];

	__atomic_fetch_add(slot, 1, __ATOMIC_RELAXED);
}

/* The one trace point: everything that is not a plain success. */
static void trace(u64 leaf, tdx_status_t status, const struct seamcall_regs *regs)
{
	char text[TDX_STATUS_TEXT_BYTES];
	const char *what = leaf & TDX_LEAF_SEAMLDR ? seamldr_status_text(status, text) : tdx_status_text(status, text);

	log_debug("seamcall", "%s: %s: rax %016lx rcx %lx rdx %lx r8 %lx r9 %lx r10 %lx r11 %lx",
		  tdx_leaf_name(leaf), what, status.raw, regs->rcx, regs->rdx, regs->r8, regs->r9, regs->r10, regs->r11);
}

tdx_status_t seamcall(u64 leaf, struct seamcall_regs *regs)
{
	const struct seamcall_regs inputs = *regs;
	struct backoff backoff = { 0 };
	tdx_status_t status;

	do {
		u64 irq = arch_irq_save();

		*regs = inputs;	/* some leaves clear their outputs before they find that there is no entropy */
		count(leaf);
		status.raw = seamcall_issue(leaf, regs);
		arch_irq_restore(irq);
		if (!tdx_succeeded(status))
			trace(leaf, status, regs);
	} while (!(leaf & TDX_LEAF_SEAMLDR) && tdx_status_is(status, TDX_RND_NO_ENTROPY) &&
		 backoff.attempts + 1 < ENTROPY_ATTEMPTS && backoff_wait(&backoff));
	return status;
}

tdx_status_t seamcall_enter(u64 gpr[GPR_COUNT])
{
	tdx_status_t status;

	count(TDH_VP_ENTER);
	status.raw = seamcall_issue_enter(TDH_VP_ENTER, gpr);
	if (!tdx_succeeded(status)) {
		struct seamcall_regs outputs = {
			.rcx = gpr[GPR_RCX], .rdx = gpr[GPR_RDX], .r8 = gpr[GPR_R8], .r9 = gpr[GPR_R9],
			.r10 = gpr[GPR_R10], .r11 = gpr[GPR_R11],
		};

		trace(TDH_VP_ENTER, status, &outputs);
	}
	return status;
}

u64 seamcall_count(u32 leaf)
{
	u64 sum = 0;

	for (u32 stripe = 0; leaf < COUNTED_LEAVES && stripe < COUNTER_STRIPES; stripe++)
		sum += __atomic_load_n(&seam.calls[stripe][leaf], __ATOMIC_RELAXED);
	return sum;
}

u64 seamcall_total(void)
{
	u64 sum = 0;

	for (u32 leaf = 0; leaf < COUNTED_LEAVES; leaf++)
		sum += seamcall_count(leaf);
	return sum;
}
