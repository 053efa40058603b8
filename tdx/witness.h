/* SPDX-License-Identifier: BSD-2-Clause */
/* What the TDX module says about a page, for the machine check handler. */
#ifndef TDX_WITNESS_H
#define TDX_WITNESS_H

#include "include/cella/types.h"

/** witness_page() - what @page of the TD pool is to the module, NULL: no answer, as always before READY. Any context */
const char *witness_page(hpa_t page);

#endif
