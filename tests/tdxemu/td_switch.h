/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers that VM entry and exit do not switch: syscall MSRs and their like, debug registers, CR2. */
#ifndef TDXEMU_TD_SWITCH_H
#define TDXEMU_TD_SWITCH_H

#include "tests/tdxemu/tdcall.h"

/** td_switch_init() - values after TDH.VP.INIT */
void td_switch_init(struct tdvps *tdvps);
/** td_switch_enter() - the host's values are dropped or kept aside, the TD's loaded */
void td_switch_enter(struct td_run *run);
/** td_switch_leave() - the TD's values are saved, the registers get what tdx-host-td.md 9.9 promises the host */
void td_switch_leave(struct td_run *run);
/** td_switch_scrub_host() - the part of 9.9 that lives in the host's VMCS, which is current now */
void td_switch_scrub_host(void);

#endif
