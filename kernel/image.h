/* SPDX-License-Identifier: BSD-2-Clause */
/* Where Cella itself lies in RAM. Constant after boot, any core. */
#ifndef KERNEL_IMAGE_H
#define KERNEL_IMAGE_H

#include "include/cella/types.h"

/** image_hpa() - first byte of the loaded image, .bss included; page aligned by linker.ld */
hpa_t image_hpa(void);
/** image_bytes() - its length, a multiple of 4 KiB */
u64 image_bytes(void);

#endif
