/* SPDX-License-Identifier: BSD-2-Clause */
/* Measurement into RTMRs with a CC event log: nothing is extended that is not logged, nothing logged that is not extended. */
#ifndef BOOT_TDSHIM_MEASURE_H
#define BOOT_TDSHIM_MEASURE_H

#include "include/cella/tdshim.h"
#include "include/cella/types.h"

#define EVENT_LOG_BASE (TDSHIM_NVS_BASE + 0x10000)
#define EVENT_LOG_BYTES 0x10000

enum rtmr {
	RTMR_CONFIG = 0,	/* hand-off, memory map, ACPI tables */
	RTMR_KERNEL = 1,
	RTMR_PAYLOAD = 2,	/* command line, initrd */
};

/** measure_start() - an empty log with its first event. After memory was accepted */
void measure_start(void);
/** measure() - extend @rtmr with SHA-384 of the data and log it as @type with @name as event data */
void measure(enum rtmr rtmr, u32 type, const char *name, const void *data, u64 bytes);
/** measure_separator() - end of a phase: four zero bytes */
void measure_separator(enum rtmr rtmr);

#endif
