/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine checks: which bank, which address, whose page. */
#ifndef ARCH_X86_MACHINE_CHECK_H
#define ARCH_X86_MACHINE_CHECK_H

#include "arch/x86/trap.h"
#include "include/cella/types.h"

/**
 * machine_check() - from trap_dispatch(): returns when nothing worse than corrected errors is recorded and the
 * interrupted work can go on, otherwise panics with the cause. Any context, even one that holds the log's lock.
 */
void machine_check(const struct trap_frame *frame);
/**
 * machine_check_ask() - who else knows a page of the TD pool
 * @owner: what the page is, NULL: no answer; called in the machine check itself. @address_bits: bits of a physical
 * address that are no KeyID. Boot core
 */
void machine_check_ask(const char *(*owner)(hpa_t page), u32 address_bits);

#endif
