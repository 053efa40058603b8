/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space: type 0 header, MSI-X capability, access mechanisms. PCI Local Bus Specification 3.0,
 * "Configuration Space Organization", "MSI-X Capability and Table Structure"; PCI Express Base Specification, "Enhanced
 * Configuration Access Mechanism".
 */
#ifndef SPEC_PCI_H
#define SPEC_PCI_H

/* Type 0 header */
#define PCI_VENDOR_ID 0x00	/* u16 */
#define PCI_DEVICE_ID 0x02	/* u16 */
#define PCI_COMMAND 0x04	/* u16 */
#define PCI_STATUS 0x06	/* u16 */
#define PCI_REVISION_ID 0x08	/* u8 */
#define PCI_CLASS_CODE 0x09	/* three bytes: interface, sub-class, base class */
#define PCI_CACHE_LINE_SIZE 0x0c	/* u8 */
#define PCI_LATENCY_TIMER 0x0d	/* u8 */
#define PCI_HEADER_TYPE 0x0e	/* u8; 0: one function, type 0 */
#define PCI_BAR0 0x10	/* u32; bits 3:0 of a memory BAR are 0: 32-bit, not prefetchable */
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c	/* u16 */
#define PCI_SUBSYSTEM_ID 0x2e	/* u16 */
#define PCI_CAPABILITIES 0x34	/* u8, offset of the first one */
#define PCI_INTERRUPT_LINE 0x3c	/* u8 */
#define PCI_INTERRUPT_PIN 0x3d	/* u8; 0: none */

#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_BUS_MASTER 0x0004u
#define PCI_COMMAND_INTX_DISABLE 0x0400u
#define PCI_STATUS_CAPABILITIES 0x0010u

#define PCI_CLASS_HOST_BRIDGE 0x060000u	/* base class, sub-class, interface */
#define PCI_CLASS_COMMUNICATION_OTHER 0x078000u

#define PCI_VENDOR_INTEL 0x8086u
#define PCI_DEVICE_82G33_HOST 0x29c0u	/* host bridge of the Q35 chipset */

/* Capabilities: u8 id, u8 offset of the next one, content */
#define PCI_CAPABILITY_VENDOR 0x09
#define PCI_CAPABILITY_MSIX 0x11

#define PCI_MSIX_CAPABILITY_BYTES 12
#define PCI_MSIX_CONTROL 2	/* u16 */
#define PCI_MSIX_TABLE 4	/* u32: offset | BAR number */
#define PCI_MSIX_PBA 8	/* u32: offset | BAR number */
#define PCI_MSIX_CONTROL_ENABLE 0x8000u
#define PCI_MSIX_CONTROL_FUNCTION_MASK 0x4000u
#define PCI_MSIX_CONTROL_SIZE_MASK 0x07ffu	/* entries - 1 */

/* A table entry: four u32 */
#define PCI_MSIX_ENTRY_BYTES 16
#define PCI_MSIX_ENTRY_ADDRESS_LOW 0
#define PCI_MSIX_ENTRY_ADDRESS_HIGH 1
#define PCI_MSIX_ENTRY_DATA 2
#define PCI_MSIX_ENTRY_CONTROL 3
#define PCI_MSIX_ENTRY_MASKED 0x1u
#define PCI_MSIX_ADDRESS_LOW_MASK 0xfffffffcu	/* bits 1:0 are zero */

/* Access mechanism 1 */
#define PCI_PORT_ADDRESS 0xcf8
#define PCI_PORT_DATA 0xcfc
#define PCI_ADDRESS_ENABLE 0x80000000u
#define PCI_ADDRESS_BUS(address) ((address) >> 16 & 0xff)
#define PCI_ADDRESS_DEVICE(address) ((address) >> 11 & 0x1f)
#define PCI_ADDRESS_FUNCTION(address) ((address) >> 8 & 0x7)
#define PCI_ADDRESS_REGISTER(address) ((address) & 0xfc)

/* ECAM, within one bus */
#define PCI_ECAM_DEVICE(offset) ((offset) >> 15 & 0x1f)
#define PCI_ECAM_FUNCTION(offset) ((offset) >> 12 & 0x7)
#define PCI_ECAM_REGISTER(offset) ((offset) & 0xfff)

#endif
