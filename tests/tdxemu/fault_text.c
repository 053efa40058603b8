/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of refusal as text: "LEAF:N:STATUS[/OPERAND]" with the manual's names, read from the command line and written to
 * the log. What one function writes the other reads.
 * Callers: fault.c. Boot core for reading; P-SEAMLDR or a core alone in the module for writing.
 */
#include "tests/tdxemu/fault_text.h"

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/seamldr.h"
#include "include/spec/tdx/status.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/options.h"
#include "tests/tdxemu/verdict.h"

#define CLASS_OPERAND 1
#define CLASS_BUSY 2

/* clang-format off */
#define NAMED_LEAF(name, number, text) { #name, text, number },
#define NAMED_SEAMLDR_LEAF(name, number, text) { #name, text, name },
static const struct {
	const char *c_name, *manual_name;
	u64 number;
} leaf_names[] = { TDH_LEAF_LIST(NAMED_LEAF) SEAMLDR_LEAF_LIST(NAMED_SEAMLDR_LEAF) };

#define NAMED_STATUS(name, value) { #name, value },
static const struct {
	const char *name;
	u64 value;
} status_names[] = { TDX_STATUS_LIST(NAMED_STATUS) SEAMLDR_STATUS_LIST(NAMED_STATUS) };

#define NAMED_OPERAND(name) { #name, TDX_OPERAND_ID_##name }
static const struct {
	const char *name;
	u32 number;
} operand_names[] = {
	NAMED_OPERAND(RAX), NAMED_OPERAND(RCX), NAMED_OPERAND(RDX), NAMED_OPERAND(R8), NAMED_OPERAND(R9), NAMED_OPERAND(R10),
	NAMED_OPERAND(R11), NAMED_OPERAND(R12), NAMED_OPERAND(TDR), NAMED_OPERAND(TDCX), NAMED_OPERAND(TDVPR),
	NAMED_OPERAND(TDCS), NAMED_OPERAND(TDVPS), NAMED_OPERAND(SEPT_TREE), NAMED_OPERAND(SEPT_ENTRY),
	NAMED_OPERAND(TD_EPOCH), NAMED_OPERAND(SYS), NAMED_OPERAND(TDMR), NAMED_OPERAND(KOT), NAMED_OPERAND(KET),
	NAMED_OPERAND(WBCACHE),
};
/* clang-format on */

u64 fault_leaf_parse(const char *text)
{
	u64 number;
	u32 slot;

	for (u32 i = 0; i < ARRAY_SIZE(leaf_names); i++)
		if (strcmp(text, leaf_names[i].c_name) == 0 || strcmp(text, leaf_names[i].manual_name) == 0)
			return leaf_names[i].number;
	if (!option_number(text, &number) || !fault_leaf_slot(number, &slot))
		verdict_stop("command line: fault=: no host leaf has the name %s", text);
	return number;
}

static u32 parse_operand(const char *text)
{
	u64 number;

	for (u32 i = 0; i < ARRAY_SIZE(operand_names); i++)
		if (strcmp(text, operand_names[i].name) == 0)
			return operand_names[i].number;
	if (!option_number(text, &number) || number > 0xffffffff)
		verdict_stop("command line: fault=: %s is neither an operand's name nor a number of 32 bits", text);
	return (u32)number;
}

static u64 parse_status(char *text)
{
	char *name = option_next(&text, '/');
	u64 operand = *text != '\0' ? parse_operand(text) : 0;
	u64 value;

	if (name == NULL)
		verdict_stop("command line: fault=: a status is missing");
	for (u32 i = 0; i < ARRAY_SIZE(status_names); i++)
		if (strcmp(name, status_names[i].name) == 0)
			return status_names[i].value | operand;
	if (!option_number(name, &value))
		verdict_stop("command line: fault=: %s is neither a status name nor a number", name);
	return value | operand;
}

struct fault_rule fault_rule_parse(char *text)
{
	char *leaf = option_next(&text, ':');
	char *call = option_next(&text, ':');
	char *status = option_next(&text, ':');
	struct fault_rule rule;

	if (leaf == NULL || call == NULL || status == NULL)
		verdict_stop("command line: a fault is LEAF:CALL:STATUS[/OPERAND], separated by commas");
	rule.leaf = fault_leaf_parse(leaf);
	rule.status = parse_status(status);
	rule.call = FAULT_EVERY_CALL;
	if (strcmp(call, "*") != 0 && (!option_number(call, &rule.call) || rule.call == FAULT_EVERY_CALL))
		verdict_stop("command line: fault=: call number %s is neither * nor 1, 2, ...", call);
	return rule;
}

static const char *leaf_name(u64 leaf)
{
	for (u32 i = 0; i < ARRAY_SIZE(leaf_names); i++)
		if (leaf_names[i].number == leaf)
			return leaf_names[i].manual_name;
	return "?";
}

static const char *status_name(u64 status)
{
	for (u32 i = 0; i < ARRAY_SIZE(status_names); i++)
		if (status_names[i].value == (status & TDX_STATUS_CODE_MASK))
			return status_names[i].name;
	return "?";
}

/* Operands are named where the class says that the details are one; elsewhere they are an MSR, an index or so. */
static void print_operand(u64 status, char *text, u32 bytes)
{
	u32 operand = (u32)status;
	u64 class = (status & TDX_STATUS_IDENTITY_MASK) >> TDX_STATUS_CLASS_SHIFT;

	text[0] = '\0';
	if (operand == 0)
		return;
	format_text(text, bytes, "/0x%x", operand);
	if (class != CLASS_OPERAND && class != CLASS_BUSY)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(operand_names); i++)
		if (operand_names[i].number == operand)
			format_text(text, bytes, "/%s", operand_names[i].name);
}

void fault_plan_print(const struct fault_plan *plan, char *text, u32 bytes)
{
	u32 used = 0;
	char operand[16];

	text[0] = '\0';
	for (u32 i = 0; i < plan->count && used < bytes; i++) {
		const struct fault_rule *rule = &plan->rules[i];

		print_operand(rule->status, operand, sizeof(operand));
		used += (u32)format_text(text + used, bytes - used, "%s%s:%lu:%s%s", i == 0 ? "" : ",",
					 leaf_name(rule->leaf), rule->call, status_name(rule->status), operand);
	}
}
