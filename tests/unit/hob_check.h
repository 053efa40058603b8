/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks that OVMF and tdshim make of a TD HOB list, for the tests of vmm/hob.c and vmm/build.c. */
#ifndef TESTS_UNIT_HOB_CHECK_H
#define TESTS_UNIT_HOB_CHECK_H

#include "include/cella/types.h"
#include "vmm/refuse.h"

/** hob_validate() - @list_gpa: where the list will lie. -EINVAL, sentence in @error */
int __must_check hob_validate(const void *list, u64 bytes, u64 list_gpa, char error[REFUSAL_BYTES]);

#endif
