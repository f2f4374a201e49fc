#!/usr/bin/env bash
# Builds the CUDA backend with the host's compiler (cuda/emulation) and runs the op tests on it, every CUDA thread in
# turn, and then training in programs (graphs). RNNATIVE_EMULATION_SEED=N changes the turns. What it cannot show: the order of memory accesses, and time.
# usage: test-cuda-emulated.sh [--build: no more than that | ava arguments; default: the op tests]
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/.cmake/emulated/out
node scripts/build-native.mjs --tree .cmake/emulated --target rnnative_cuda -DRNNATIVE_CUDA=EMULATED "-DRNNATIVE_OUTPUT_DIR=$out"
[ "${1:-}" != --build ] || exit 0
cp build/Release/rnnative.node "$out/"
export RNNATIVE_BINARY=$out/rnnative.node RNNATIVE_TEST_ISAS=cuda RNNATIVE_TEST_BRIEF=slow
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=('dist-test/ops/**' 'dist-test/{runtime,train}/programs*' 'dist-test/runtime/lost*')
node scripts/test.mjs "${tests[@]}"
# Small layers run in one block unless told otherwise.
if [ $# -eq 0 ]; then
  # Each is one file, which keeps one core busy.
  RNNATIVE_CUDA_RECURRENCE=cluster node scripts/test.mjs 'dist-test/ops/recurrent/basic.test.*' > "$out/cluster.log" 2>&1 &
  cluster=$!
  RNNATIVE_CUDA_RECURRENCE=grid node scripts/test.mjs 'dist-test/ops/recurrent/basic.test.*'
  wait $cluster || { cat "$out/cluster.log"; exit 1; }
  tail -n 1 "$out/cluster.log"
  # What a step of training does, from graphs that were recorded of other lengths and ids.
  RNNATIVE_TEST_PROGRAMS=1 node scripts/test.mjs dist-test/ops/{attention,cross_entropy,dropout,embedding,pointer,pool_time,recurrent/decoder,recurrent/phases,recurrent/ragged,select,shape}.test.mjs
fi
