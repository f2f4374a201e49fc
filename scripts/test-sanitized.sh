#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into .cmake/asan and runs tests on it.
# Two variants hold every kernel at two vector widths: avx2, and avx512bf16, emulated where the processor lacks it.
# usage: test-sanitized.sh [ava arguments; default: the op and boundary tests] | --run COMMAND... | --build: no more than that
set -euo pipefail
cd "$(dirname "$0")/.."
emulate=ON
if grep -qw avx512_bf16 /proc/cpuinfo; then emulate=OFF; fi
node scripts/build-native.mjs --tree .cmake/asan -DRNNATIVE_SANITIZE=ON -DRNNATIVE_UNITY=ON \
  -DRNNATIVE_EMULATE_AVX512=$emulate '-DRNNATIVE_ISAS=avx2;avx512bf16' "-DRNNATIVE_OUTPUT_DIR=$PWD/.cmake/asan/out"
[ "${1:-}" != --build ] || exit 0

# Node itself is not instrumented, so the sanitizers' runtimes must be loaded before anything else.
compiler=${CXX:-c++}
libraries=()
for library in libasan.so libubsan.so libstdc++.so; do
  libraries+=("$(realpath "$("$compiler" -print-file-name=$library)")")
done
export RNNATIVE_BINARY="$PWD/.cmake/asan/out/rnnative.node"
# Node leaks by design, and V8 reserves its own memory cage.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
export RNNATIVE_TEST_BRIEF=slow
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=('dist-test/ops/**' 'dist-test/addon/**')
if [ "${1:-}" = --run ]; then
  LD_PRELOAD="${libraries[*]}" exec "${@:2}"
fi
LD_PRELOAD="${libraries[*]}" node scripts/test.mjs "${tests[@]}"
