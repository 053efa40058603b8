/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers for TD_UUID and the report key. */
#ifndef TDXEMU_ENTROPY_H
#define TDXEMU_ENTROPY_H

#include "include/cella/types.h"

/** entropy_take() - fill @words; false: the CPU's generator gave nothing (TDX_RND_NO_ENTROPY). Any core */
bool entropy_take(u64 *words, u32 count);

#endif
