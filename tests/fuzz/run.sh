#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs fuzz targets a bounded number of times: run.sh RUNS FOLDER TARGET... The last line is "N passed, N failed".
# The random seed is fixed, so a failure comes again; its input and log stay in FOLDER. 20 s per target at the most.
set -u
runs=$1
folder=$2
shift 2
passed=0
failed=0
for target in "$@"; do
	work=$folder/corpus/$target
	rm -rf "$work"
	mkdir -p "$work"
	log=$folder/$target.log
	if ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0 "$folder/${target}_fuzz" -runs="$runs" -seed=1 -max_total_time=20 -timeout=5 \
		-max_len=16384 -print_final_stats=1 -artifact_prefix="$folder/$target-" "$work" "$folder/seeds/$target" >"$log" 2>&1; then
		passed=$((passed + 1))
		done=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		covered=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
		printf '  ok     fuzz %-12s %8s runs, %s edges\n' "$target" "$done" "${covered#cov: }"
	else
		failed=$((failed + 1))
		echo "  FAILED fuzz $target: $(grep -m 1 -E 'does not hold|ERROR|runtime error|DEADLY' "$log"); full log: $log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
