/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's vCPUs counted, summed and printed. */
#ifndef VMM_COUNTERS_H
#define VMM_COUNTERS_H

#include "vmm/guest.h"

/** counters_sum() - over all vCPUs; each number is read once, the vCPUs may go on counting */
void counters_sum(const struct guest *guest, struct guest_counters *sum);
/** counters_print() - the sums as lines of text without newline, only what is not 0 */
void counters_print(const struct guest *guest, void (*print)(const struct guest *guest, const char *line));

#endif
