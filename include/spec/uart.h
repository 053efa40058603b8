/* SPDX-License-Identifier: BSD-2-Clause */
/* 16550A registers and bits. National Semiconductor PC16550D data sheet. */
#ifndef SPEC_UART_H
#define SPEC_UART_H

#define UART_COM1 0x3f8

#define UART_DATA 0
#define UART_DIVISOR_LOW 0
#define UART_INTERRUPT_ENABLE 1
#define UART_DIVISOR_HIGH 1
#define UART_INTERRUPT_ID 2
#define UART_FIFO_CONTROL 2
#define UART_LINE_CONTROL 3
#define UART_MODEM_CONTROL 4
#define UART_LINE_STATUS 5
#define UART_MODEM_STATUS 6
#define UART_SCRATCH 7

#define UART_LCR_8N1 0x03
#define UART_LCR_DIVISOR 0x80
#define UART_FCR_ENABLE_AND_CLEAR 0x07
#define UART_MCR_DTR_RTS 0x03
#define UART_LSR_DATA_READY 0x01
#define UART_LSR_TRANSMIT_EMPTY 0x20
#define UART_LSR_IDLE 0x40
#define UART_DIVISOR_115200 1
#define UART_FIFO_BYTES 16
#define UART_ABSENT 0xff

#endif
