/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small TDX module for unit tests of tdx/: it keeps page types, TDs, secure EPT entries and TLB epochs, answers the
 * leaves that Cella uses, and can be told to refuse. It checks what a host must get right about order and ownership; it
 * is no model of the module's own checks of operands.
 */
#ifndef TESTS_UNIT_FAKE_SEAMCALL_H
#define TESTS_UNIT_FAKE_SEAMCALL_H

#include "include/cella/types.h"
#include "include/spec/tdx/tdmr.h"
#include "include/spec/tdx/vp_enter.h"

#define FAKE_TDCS_PAGES 6
#define FAKE_TDVPS_PAGES 6	/* with the TDVPR */

/** fake_module_reset() - as freshly loaded, no refusals; one CMR over [@ram_base, @ram_base + @ram_bytes) */
void fake_module_reset(u64 ram_base, u64 ram_bytes);
/** fake_module_make_ready() - skip bring-up: READY, all RAM in TDMRs, metadata readable */
void fake_module_make_ready(void);
#define FAKE_SEAMLDR(number) (112 + ((number)&0xf))	/* P-SEAMLDR's leaves for fake_refuse() and fake_calls() */

/** fake_set_loader() - does P-SEAMLDR answer, has it a module? After the reset it does and has */
void fake_set_loader(bool present, bool module_loaded);
/** fake_require_cleanup() - SEAMLDR.INSTALL of another module answers ECLEANUPREQ until every core cleaned up */
void fake_require_cleanup(void);
/** fake_refuse() - from its @nth call on (1 = the next), the next @times calls of @leaf answer @status and do nothing
 */
void fake_refuse(u32 leaf, u32 nth, u32 times, u64 status);
/** fake_refuse_nothing() - forget all refusals */
void fake_refuse_nothing(void);
/** fake_calls() - calls of @leaf since the reset */
u64 fake_calls(u32 leaf);
/** fake_page_type() - what the module holds the page for */
enum pamt_page_type fake_page_type(hpa_t page);
/** fake_held_pages() - 4 KiB pages the module holds for TDs */
u64 fake_held_pages(void);
/** fake_key_is_assigned() - does a TD own the KeyID? */
bool fake_key_is_assigned(u16 hkid);
/** fake_last_init() - what the last TDH.VP.INIT got: version and x2APIC id */
u64 fake_last_init_leaf(void);
/** fake_vp_field() - value written last by TDH.VP.WR, any vCPU */
u64 fake_vp_field(u64 field);
/** fake_set_features() - TDX_FEATURES0 of the metadata */
void fake_set_features(u64 features0);
/** fake_next_exit() - what TDH.VP.ENTER returns from now on: RAX and the registers behind it (NULL: all zero) */
void fake_next_exit(u64 rax, const u64 gpr[GPR_COUNT]);
/** fake_on_enter() - called inside TDH.VP.ENTER with the registers the host passed, or NULL */
void fake_on_enter(void (*hook)(u64 gpr[GPR_COUNT]));
/** fake_corrupt_mrtd() - the module measures something else than what it was given */
void fake_corrupt_mrtd(void);

#endif
