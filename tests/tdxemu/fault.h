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

void fault_configure(const char *cmdline);
/** fault_module_loaded() - the module starts anew, and with it the next random plan. No other core is in the module */
void fault_module_loaded(void);
/**
 * fault_take() - should this call of host leaf @leaf fail? Writes @status if so. Called once per SEAMCALL before the
 * leaf
 */
bool fault_take(struct emu_cpu *cpu, u64 leaf, u64 *status);

/* What the machine may lack or have wrong, each with its word. */
/* clang-format off */
#define PLATFORM_WORD_LIST(X) \
	X(NO_TDX, "no-tdx")	/* firmware did not enable TDX: no KeyIDs, no SEAM range */ \
	X(NO_MODULE, "no-module")	/* SEAMCALL to the module gives VMfailInvalid */ \
	X(NO_LOADER, "no-loader")	/* SEAMCALL to P-SEAMLDR gives VMfailInvalid */ \
	X(NO_SYS_DISABLE, "no-sys-disable")	/* a module without TDH.SYS.DISABLE */ \
	X(RBP_LOST, "rbp-lost")	/* every SEAMCALL changes the host's RBP, whatever NO_RBP_MOD says */ \
	X(DYNAMIC_PAMT, "dynamic-pamt")	/* the module offers dynamic PAMT */ \
	X(OLD_MODULE, "old-module")	/* a module without features that hosts demand today */ \
	X(ONE_KEYID, "one-keyid")	/* only one private KeyID */ \
	X(NO_SEAMRR, "no-seamrr")	/* KeyIDs are there, but no SEAM range is reserved */ \
	X(GP_FAULT, "gp-fault")	/* all looks right, yet SEAMCALL gives #GP */ \
	X(NO_ENTROPY, "no-entropy")	/* the module's random number generator never delivers */ \
	X(LP_UNCOUNTED, "lp-uncounted")	/* firmware counted one core more than there are */ \
	X(CORE_ABSENT, "core-absent")	/* so did the MADT: a core that never starts */ \
	X(HOTPLUG_CPU, "hotplug-cpu")	/* MADT: a core of another package may come later */ \
	X(HOTPLUG_MEMORY, "hotplug-memory")	/* SRAT: all RAM may go */ \
	X(X2APIC_OPT_OUT, "x2apic-opt-out")	/* DMAR: firmware asks not to use x2APIC */ \
	X(CMR_OVERLAP, "cmr-overlap")	/* two convertible ranges overlap */ \
	X(SEAM_CAPABILITIES, "seam-capabilities")	/* SEAMOPS lacks SEAMDB_REPORT */ \
	X(LP_SEAM_CAPABILITIES, "lp-seam-capabilities")	/* SEAMOPS of the last core lacks SEAMREPORT */ \
	X(SIGSTRUCT, "sigstruct")	/* signed for another handoff version */ \
	X(NO_VMX, "no-vmx")	/* not in CPUID, VMXON is an undefined opcode */ \
	X(VMX_LOCKED_OFF, "vmx-locked-off")	/* IA32_FEATURE_CONTROL */ \
	X(LP_VMX_LOCKED_OFF, "lp-vmx-locked-off")	/* on core 1 only */ \
	X(NOT_INTEL, "not-intel")	/* another vendor */ \
	X(NO_MOVDIR64B, "no-movdir64b") \
	X(NO_SELF_SNOOP, "no-self-snoop") \
	X(NO_XSAVE, "no-xsave") \
	X(NO_TME, "no-tme")	/* no memory encryption MSRs */ \
	X(TME_OFF, "tme-off") \
	X(TME_UNLOCKED, "tme-unlocked") \
	X(TME_MT_OFF, "tme-mt-off")	/* one key only */ \
	X(NO_AES_XTS, "no-aes-xts") \
	X(AES_XTS_NOT_ACTIVATED, "aes-xts-not-activated") \
	X(NO_KEYID_MSR, "no-keyid-msr")	/* IA32_MKTME_KEYID_PARTITIONING gives #GP */ \
	X(KEYIDS_BEYOND_BITS, "keyids-beyond-bits")	/* more KeyIDs than KeyID bits can number */ \
	X(TOO_MANY_KEYIDS, "too-many-keyids")	/* 2048 of them, more than the module knows */ \
	X(NO_SEAMRR_CAPABILITY, "no-seamrr-capability") \
	X(SEAMRR_UNLOCKED, "seamrr-unlocked") \
	X(SEAMRR_INVALID, "seamrr-invalid") \
	X(NO_SMRR, "no-smrr") \
	X(NO_SMRR_LOCK, "no-smrr-lock") \
	X(SMRR_UNLOCKED, "smrr-unlocked") \
	X(SMRR_SIZE, "smrr-size")	/* mask with a hole */ \
	X(SMRR_IN_CMR, "smrr-in-cmr") \
	X(XAPIC_UNLOCKED, "xapic-unlocked")	/* the host may leave x2APIC mode */ \
	X(LIMIT_CPUID, "limit-cpuid")	/* IA32_MISC_ENABLE limits CPUID */ \
	X(ARCH_CAPABILITIES, "arch-capabilities")	/* a demanded bit is 0 */ \
	X(ENERGY_FILTERING, "energy-filtering")	/* off */ \
	X(PERF_CAPABILITIES, "perf-capabilities")	/* no full-width counter writes */ \
	X(TSX_CTRL, "tsx-ctrl")	/* announced, but the MSR gives #GP */ \
	X(WBNOINVDP, "wbnoinvdp")	/* counts other sub-blocks than IA32_WBINVDP */ \
	X(VMX_BASIC, "vmx-basic")	/* no information on INS and OUTS exits */ \
	X(VMX_EPT, "vmx-ept")	/* no execute-only pages */ \
	X(CPUID_VALUE, "cpuid-value")	/* leaf 6 with a bit that must be 0 */ \
	X(CPUID_1F, "cpuid-1f")	/* level types of leaf 0x1F do not ascend */ \
	X(WBINVD_SCOPE, "wbinvd-scope")	/* more than a package shares the last-level cache */ \
	X(LP_TSC_ADJUST, "lp-tsc-adjust")	/* words with lp-: only the last core differs */ \
	X(LP_TME, "lp-tme") \
	X(LP_CPUID, "lp-cpuid") \
	X(LP_PACKAGE, "lp-package")

#define PLATFORM_WORD(name, word) PLATFORM_##name,
enum platform_word { PLATFORM_WORD_LIST(PLATFORM_WORD) PLATFORM_WORD_COUNT };
#undef PLATFORM_WORD
/* clang-format on */

/** fault_platform() - was this word given? fault_platform_name() - the word itself */
bool fault_platform(enum platform_word word);
const char *fault_platform_name(enum platform_word word);
/** fault_rules_forget(), fault_platform_forget() - no refusal, no word was given (unit tests) */
void fault_rules_forget(void);
void fault_platform_forget(void);

#endif
