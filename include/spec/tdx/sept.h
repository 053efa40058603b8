/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure EPT as the host sees it: the GPA operand of the memory leaves, entry information in RCX and RDX.
 * Manual: TDX Module ABI, "Secure EPT Entry Information"; TDX Module Base, "Secure EPT".
 */
#ifndef SPEC_TDX_SEPT_H
#define SPEC_TDX_SEPT_H

#include "include/cella/types.h"

/* RCX of the memory leaves: GPA 51:12 with the level of the entry in 2:0. */
#define SEPT_LEVEL_MASK 7ull
#define SEPT_GPA_MASK 0x000ffffffffff000ull

/* RDX of TDH.MEM.SEPT.ADD. */
#define SEPT_ADD_ALLOW_EXISTING BIT(0)
/* "No page" in operands that name optional pages (NULL_PA). */
#define SEPT_NULL_PAGE 0xffffffffffffffffull

/* RDX when a leaf returns entry information. */
#define SEPT_INFO_LEVEL_MASK 7ull
#define SEPT_INFO_STATE_SHIFT 8
#define SEPT_INFO_STATE_MASK (0xffull << SEPT_INFO_STATE_SHIFT)
#define SEPT_INFO_VM_SHIFT 16

/* Architectural entry states (bits 15:8 of RDX, and of the ACCEPT details of a TD exit). */
enum sept_state {
	SEPT_FREE = 0,
	SEPT_BLOCKED = 1,
	SEPT_PENDING = 2,
	SEPT_PENDING_BLOCKED = 3,
	SEPT_MAPPED = 4,
	SEPT_REMOVED = 5,
	SEPT_BLOCKEDW = 8,
	SEPT_NL_BLOCKED = 0x81,
	SEPT_NL_MAPPED = 0x84,
};

/* Raw entry bits. Only the module's side of the interface reads or writes them. */
#define SEPT_ENTRY_FREE 0x80e0000000000000ull
#define SEPT_ENTRY_LEAF BIT(7)
#define SEPT_ENTRY_LOCK BIT(11)	/* TDEL */
#define SEPT_ENTRY_TDEX BIT(53)
#define SEPT_ENTRY_TDBW BIT(54)
#define SEPT_ENTRY_TDB BIT(55)
#define SEPT_ENTRY_TDP BIT(56)
#define SEPT_ENTRY_SUPPRESS_VE BIT(63)
/* The bits that make up an entry's state: IPAT and leaf, 56:53, D. */
#define SEPT_ENTRY_STATE_LOW (BIT(6) | BIT(7))
#define SEPT_ENTRY_STATE_HIGH (0xfull << 53)
#define SEPT_ENTRY_STATE_DIRTY BIT(9)

/* Shared EPT entries, which the host writes: R, W, X, memory type, leaf, suppress #VE. */
#define EPT_READ BIT(0)
#define EPT_WRITE BIT(1)
#define EPT_EXECUTE BIT(2)
#define EPT_MEMTYPE_SHIFT 3
#define EPT_MEMTYPE_WB 6ull
#define EPT_IGNORE_PAT BIT(6)
#define EPT_LEAF BIT(7)
#define EPT_SUPPRESS_VE BIT(63)
#define EPT_ADDRESS_MASK 0x000ffffffffff000ull
#define EPT_ENTRIES 512

#define TDX_SHARED_BIT_GPAW48 BIT(47)
#define TDX_SHARED_BIT_GPAW52 BIT(51)

#endif
