/* SPDX-License-Identifier: BSD-2-Clause */
/* CMOS real-time clock. Motorola MC146818 data sheet; century: ACPI's usual choice of register. */
#ifndef SPEC_RTC_H
#define SPEC_RTC_H

#define RTC_PORT_INDEX 0x70
#define RTC_PORT_DATA 0x71
#define RTC_INDEX_MASK 0x7f	/* bit 7: NMI mask */
#define RTC_CMOS_BYTES 128

#define RTC_SECONDS 0x00
#define RTC_MINUTES 0x02
#define RTC_HOURS 0x04
#define RTC_WEEKDAY 0x06	/* 1: Sunday */
#define RTC_DAY 0x07
#define RTC_MONTH 0x08
#define RTC_YEAR 0x09	/* of the century */
#define RTC_REG_A 0x0a
#define RTC_REG_B 0x0b
#define RTC_REG_C 0x0c
#define RTC_REG_D 0x0d
#define RTC_CENTURY 0x32

#define RTC_A_UPDATE_IN_PROGRESS 0x80
#define RTC_A_DEFAULT 0x26	/* 32.768 kHz, 1024 Hz */
#define RTC_B_24_HOURS 0x02
#define RTC_B_BINARY 0x04	/* else BCD */
#define RTC_D_VALID 0x80
#define RTC_HOURS_PM 0x80	/* in the hours register, 12-hour mode */

#endif
