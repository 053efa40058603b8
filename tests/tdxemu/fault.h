/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault plan from our command line: "fault=LEAF:N:STATUS[,...]" makes the N-th call of a leaf (1 = first; * = every)
 * answer STATUS (a name of spec/tdx/status.h without TDX_, or a hex word) without doing anything; "chaos=SEED" answers
 * busy, no-entropy and interrupted statuses at random where the manual allows the leaf to give them.
 * "platform=WORD[,...]" changes what the machine looks like (PLATFORM_WORD_LIST).
 */
#ifndef TDXEMU_FAULT_H
#define TDXEMU_FAULT_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

void fault_configure(const char *cmdline);
/**
 * fault_take() - should this call of host leaf @leaf fail? Writes @status if so. Called once per SEAMCALL before the
 * leaf
 */
bool fault_take(struct emu_cpu *cpu, u64 leaf, u64 *status);

/* What the machine may lack or have wrong, each with its word. */
/* clang-format off */
#define PLATFORM_WORD_LIST(X) \
	X(NO_TDX, "no-tdx")		/* firmware did not enable TDX: no KeyIDs, SEAMCALL gives #GP */ \
	X(NO_MODULE, "no-module")	/* SEAMCALL to the module gives VMfailInvalid */ \
	X(NO_LOADER, "no-loader")	/* SEAMCALL to P-SEAMLDR gives VMfailInvalid */ \
	X(OLD_MODULE, "old-module")	/* a module without features that hosts demand today */ \
	X(ONE_KEYID, "one-keyid")	/* only one private KeyID */ \
	X(NO_SEAMRR, "no-seamrr")	/* KeyIDs are there, but no SEAM range is reserved: SEAMCALL gives #GP */

#define PLATFORM_WORD(name, word) PLATFORM_##name,
enum platform_word { PLATFORM_WORD_LIST(PLATFORM_WORD) PLATFORM_WORD_COUNT };
#undef PLATFORM_WORD
/* clang-format on */

/** fault_platform() - was this word given? */
bool fault_platform(enum platform_word word);

#endif
