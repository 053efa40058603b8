/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before kernel/lib/string.c and its test in the unit build: Cella's own C string functions get names of their
 * own, so that they are tested beside the development machine's libc and not in place of it.
 */
#ifndef TESTS_UNIT_RENAME_H
#define TESTS_UNIT_RENAME_H

#define memcpy cella_memcpy
#define memmove cella_memmove
#define memset cella_memset
#define memcmp cella_memcmp
#define memchr cella_memchr
#define strlen cella_strlen
#define strnlen cella_strnlen
#define strcmp cella_strcmp
#define strncmp cella_strncmp
#define strchr cella_strchr
#define strrchr cella_strrchr

#endif
