/* SPDX-License-Identifier: BSD-2-Clause */
/* MRTD's record of one page. */
#ifndef TDXEMU_MEASURE_H
#define TDXEMU_MEASURE_H

#include "tests/tdxemu/td.h"

/** measure_page_add() - add the record of TDH.MEM.PAGE.ADD; the TDR is held exclusively (leaf_mr.c) */
void measure_page_add(struct tdcs *tdcs, u64 gpa);

#endif
