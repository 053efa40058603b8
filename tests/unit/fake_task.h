/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks in unit tests of tdx/: each runs on its core up to its next task_yield(), one after the other. */
#ifndef TESTS_UNIT_FAKE_TASK_H
#define TESTS_UNIT_FAKE_TASK_H

#include "include/cella/types.h"

/** fake_task_refuse() - the next @starts calls of task_start() find no memory for a stack */
void fake_task_refuse(u32 starts);

#endif
