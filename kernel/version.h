/* SPDX-License-Identifier: BSD-2-Clause */
/* Cella's version: changed by hand, once per release. */
#ifndef KERNEL_VERSION_H
#define KERNEL_VERSION_H

#define CELLA_VERSION "0.1.0"

#endif
