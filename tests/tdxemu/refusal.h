/* SPDX-License-Identifier: BSD-2-Clause */
/* Status words that name an operand, as the leaves write them. */
#ifndef TDXEMU_REFUSAL_H
#define TDXEMU_REFUSAL_H

#include "include/spec/tdx/status.h"

#define INVALID(operand) (TDX_OPERAND_INVALID | TDX_OPERAND_ID_##operand)
#define BUSY(operand) (TDX_OPERAND_BUSY | TDX_OPERAND_ID_##operand)

#endif
