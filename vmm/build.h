/* SPDX-License-Identifier: BSD-2-Clause */
/* Building a TD: from a configuration and boot modules to a measured, runnable trust domain. */
#ifndef VMM_BUILD_H
#define VMM_BUILD_H

#include "include/cella/types.h"
#include "include/spec/tdx/report.h"

struct guest;

#define MRTD_TEXT_BYTES (2 * TDX_MR_BYTES + 1)

/**
 * build_guest() - memory map, devices, TD, payload window, hand-off, vCPUs, measured pages, finalisation Keeper task;
 * the guest's per-life members are zeroed. On failure one sentence is logged and build_undo() is still due.
 */
int __must_check build_guest(struct guest *guest);
/** build_undo() - give back what build_guest() made, complete or not; no vCPU task runs any more */
void build_undo(struct guest *guest);
/** mrtd_text() - a measurement in hexadecimal; returns @text */
const char *mrtd_text(const u8 mrtd[TDX_MR_BYTES], char text[MRTD_TEXT_BYTES]);

#endif
