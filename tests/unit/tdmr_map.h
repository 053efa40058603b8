/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine out of bytes, planned by tdx/tdmr_plan.c and judged by tdmr_check.c: for fuzzing and for random runs. */
#ifndef TESTS_UNIT_TDMR_MAP_H
#define TESTS_UNIT_TDMR_MAP_H

#include <stddef.h>

#include "include/cella/types.h"

/** tdmr_map_try() - NULL: the plan keeps all rules, or no plan had to exist; otherwise what is wrong with it */
const char *tdmr_map_try(const u8 *data, size_t bytes);
/** tdmr_map_plans() - plans made, and maps for which there was none, since the start */
void tdmr_map_plans(u64 *made, u64 *none);

#endif
