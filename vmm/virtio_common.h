/* SPDX-License-Identifier: BSD-2-Clause */
/* The common configuration structure of a virtio device; virtio.c's region of the BAR. */
#ifndef VMM_VIRTIO_COMMON_H
#define VMM_VIRTIO_COMMON_H

#include "include/cella/types.h"
#include "vmm/virtio.h"

/**
 * virtio_common_read(), virtio_common_write() - one access at @offset of the structure, device lock held
 * @bytes: as the guest chose; any other width than the register's reads all ones and changes nothing
 */
u64 virtio_common_read(struct virtio_device *device, u64 offset, u32 bytes);
void virtio_common_write(struct virtio_device *device, u64 offset, u32 bytes, u64 value);

#endif
