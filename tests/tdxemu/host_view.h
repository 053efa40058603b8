/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host can reach: its EPT, one to one, with our range and every page the module holds cut out.
 * A host access to a hidden page is reported (core, RIP, what the page is) and answered as hardware would: reads give
 * all ones (no plaintext), writes are dropped and the line counts as poisoned.
 *
 * A page that leaves the module is released in two steps: it is reachable again only for a MOVDIR64B clear; any other
 * first access is reported as "released-not-cleared". Of some pages every line is watched: all 64, in ascending order,
 * before any other access. A page for which a PAGE.WBINVD is owed and that is cleared without one is reported as
 * "missing-wbinvd", one that comes back with lines never written as "partly-cleared".
 *
 * What cannot be seen here: CLFLUSH does not leave VMX non-root operation, so a page handed over with dirty lines of
 * KeyID 0 goes unreported (there is one key, and nothing is lost). Other cores in the host are not kicked out when a page
 * is hidden: an NMI of ours may swallow one of the host's or be taken for one; a core that has the translation cached can
 * use it until its next exit.
 */
#ifndef TDXEMU_HOST_VIEW_H
#define TDXEMU_HOST_VIEW_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

enum hidden_as {
	HIDDEN_SEAM,
	HIDDEN_PAMT,
	HIDDEN_TDR,
	HIDDEN_TDCX,
	HIDDEN_TDVPR,
	HIDDEN_SEPT,
	HIDDEN_PRIVATE,
};

enum release_rule {
	RELEASE_CLEAR,	/* MOVDIR64B before any other access */
	RELEASE_WBINVD_CLEAR,	/* TDH.PHYMEM.PAGE.WBINVD first, then MOVDIR64B */
	RELEASE_AS_IS,	/* PAMT after TDH.SYS.DISABLE and the like */
};

/** host_view_build() - once, before the first host instruction. @ram_top: first HPA above RAM */
void host_view_build(u64 ram_top);
/** host_view_eptp() - EPT pointer for the host's VMCSs */
u64 host_view_eptp(void);
/** host_view_generation() - grows whenever a translation was taken away: a core that saw another number needs INVEPT */
u64 host_view_generation(void);
/**
 * host_view_hide() - @hpa, @bytes: 4 KiB multiples. Other cores lose the translation at their next exit at the latest
 */
void host_view_hide(u64 hpa, u64 bytes, enum hidden_as kind);
void host_view_release(u64 hpa, u64 bytes, enum release_rule rule);
/** host_view_written_back() - the host issued PAGE.WBINVD for the page under @hkid */
void host_view_written_back(u64 hpa, u16 hkid);
/** host_view_is_shared() - every byte is RAM the host can reach: what a "shared HPA" operand must be */
bool host_view_is_shared(u64 hpa, u64 bytes);
/** host_view_violation() - EPT violation of the host on @cpu: report, answer, go on */
void host_view_violation(struct emu_cpu *cpu, u64 gpa, u64 qualification);
/** host_view_stepped() - the instruction after host_view_violation() is done (exit reason 37): hide again */
void host_view_stepped(struct emu_cpu *cpu);

#endif
