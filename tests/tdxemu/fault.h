/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Refusals from our command line.
 *
 *   fault=LEAF:N:STATUS[/OPERAND][,...]  the N-th call of a leaf (1 = first; * = every) answers STATUS (a name of
 *                     spec/tdx/status.h without TDX_, for SEAMLDR leaves of spec/tdx/seamldr.h, or a hex word) without
 *                     doing anything. OPERAND, a name as in the manual or a number, is the word's low half:
 *                     OPERAND_BUSY/KOT, INCORRECT_MSR_VALUE/0x982
 *   plans=SEED[.K]    each load of the module draws the next random plan (fault_plan.h), from plan K on, and prints it as
 *                     "plan SEED.K transient|permanent: " and a text that fault= takes
 *   statuses=LEAF     each load of the module brings the plan that LEAF refuses its first call with the next error status
 *                     of the module's table
 *   chaos=SEED        busy, no-entropy and interrupted statuses at random where the manual allows the leaf to give them
 *   platform=WORD[,...]  what the machine looks like (PLATFORM_WORD_LIST)
 */
#ifndef TDXEMU_FAULT_H
#define TDXEMU_FAULT_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"
#include "tests/tdxemu/fault_plan.h"

#define FAULT_PLAN_TEXT_BYTES 300	/* with the line's beginning it fits a line of the debug port */

void fault_configure(const char *cmdline);
/** fault_module_loaded() - the module starts anew, and with it the next random plan. No other core is in the module */
void fault_module_loaded(void);
/** fault_rule_parse() - one "LEAF:N:STATUS[/OPERAND]", cut up in place; stops the machine at a wrong word */
struct fault_rule fault_rule_parse(char *text);
/** fault_plan_print() - the plan as fault= takes it */
void fault_plan_print(const struct fault_plan *plan, char *text, u32 bytes);
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
	X(NO_SYS_DISABLE, "no-sys-disable")	/* a module without TDH.SYS.DISABLE */ \
	X(OLD_MODULE, "old-module")	/* a module without features that hosts demand today */ \
	X(DYNAMIC_PAMT, "dynamic-pamt")	/* the module offers dynamic PAMT */ \
	X(ONE_KEYID, "one-keyid")	/* only one private KeyID */ \
	X(NO_SEAMRR, "no-seamrr")	/* KeyIDs are there, but no SEAM range is reserved: SEAMCALL gives #GP */

#define PLATFORM_WORD(name, word) PLATFORM_##name,
enum platform_word { PLATFORM_WORD_LIST(PLATFORM_WORD) PLATFORM_WORD_COUNT };
#undef PLATFORM_WORD
/* clang-format on */

/** fault_platform() - was this word given? */
bool fault_platform(enum platform_word word);
/** fault_platform_forget() - no word was given (unit tests) */
void fault_platform_forget(void);

#endif
