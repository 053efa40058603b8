/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault plan from our command line: "fault=LEAF:N:STATUS[,...]" makes the N-th call of a leaf (1 = first; * = every)
 * answer STATUS (a name of spec/tdx/status.h without TDX_, or a hex word) without doing anything; "chaos=SEED" answers
 * busy, no-entropy and interrupted statuses at random where the manual allows the leaf to give them.
 * "platform=WORD[,...]" changes what the machine looks like (see platform words in fault.c).
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

enum platform_word {
	PLATFORM_NO_TDX,	/* firmware did not enable TDX: no KeyIDs, SEAMCALL gives #GP */
	PLATFORM_NO_MODULE,	/* SEAMCALL gives VMfailInvalid */
	PLATFORM_ONE_KEYID,	/* only one private KeyID */
	PLATFORM_NO_SEAMRR,	/* firmware reports KeyIDs but reserved no SEAM range: SEAMCALL gives #GP */
	PLATFORM_WORD_COUNT,
};
bool fault_platform(enum platform_word word);

#endif
