/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz targets: x_fuzz.c feeds one parser with bytes of libFuzzer and claims what must hold of whatever it lets through.
 * clang's address and undefined behaviour sanitizers watch; the input lies in an allocation of exactly its size.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "include/cella/types.h"

/** LLVMFuzzerTestOneInput() - one run; what libFuzzer calls. Returns 0 */
int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes);

#define CLAIM(claim) \
	do { \
		if (!(claim)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim); \
			abort(); \
		} \
	} while (0)

#endif
