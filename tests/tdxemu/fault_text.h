/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of refusal, and plans of them, as text. */
#ifndef TDXEMU_FAULT_TEXT_H
#define TDXEMU_FAULT_TEXT_H

#include "tests/tdxemu/fault_plan.h"

#define FAULT_PLAN_TEXT_BYTES 300	/* with the line's beginning it fits a line of the debug port */

/** fault_leaf_parse() - a leaf's number from its name or number; stops the machine if there can be no such leaf */
u64 fault_leaf_parse(const char *text);
/** fault_rule_parse() - one "LEAF:N:STATUS[/OPERAND]", cut up in place; stops the machine at a wrong word */
struct fault_rule fault_rule_parse(char *text);
/** fault_plan_print() - the plan as fault= takes it */
void fault_plan_print(const struct fault_plan *plan, char *text, u32 bytes);

#endif
