/* SPDX-License-Identifier: BSD-2-Clause */
/* Power and reset registers of a guest, and the legacy ports that must not read all ones. */
#ifndef VMM_DEV_POWER_H
#define VMM_DEV_POWER_H

#include "include/cella/types.h"

struct guest;

/** dev_power_create() - put the ports on the guest's bus; no state. Errors: bus_add() */
int __must_check dev_power_create(struct guest *guest);

#endif
