/* SPDX-License-Identifier: BSD-2-Clause */
/* What the shim says: short lines on COM1, and the one sentence before it gives up. */
#ifndef BOOT_TDSHIM_REPORT_H
#define BOOT_TDSHIM_REPORT_H

#include "include/cella/types.h"

/** shim_say() - one line on the guest's COM1 */
void shim_say(const char *format, ...) __printf(1, 2);
/** shim_refuse() - the hand-off or the payload is not acceptable: say why, report it to the host, stop */
__noreturn void shim_refuse(const char *format, ...) __printf(1, 2);

#endif
