#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `make test` behind the build: unit tests, then machine tests; adds up their counts. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.."
log=build/test.log
: >"$log"
for step in unit system; do
	make --no-print-directory "$step" 2>&1 | tee -a "$log"
done
awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; runs++ }
	END { if (runs < 3) { print "all: only " runs " of 3 test programs came to their end"; failed += 3 - runs }
		printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$log"
