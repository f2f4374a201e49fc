#!/usr/bin/env bash
# Everything that needs a GPU, on a machine with one, nvcc, cmake, python3 with PyTorch, but neither Node nor a network:
# unpacks what scripts/gpu-bundle.sh packed, builds the addon and the CUDA backend, runs the op tests on cuda, a few of
# them under compute-sanitizer, then the benchmark beside PyTorch. The whole stays under 9 minutes. What every stage
# printed is left under $OUT, and a short table is printed last.
#
# usage: gpu-run.sh [--emulated] [--only STAGE,...] [ARGUMENT OF bench/gpu/compare.mjs ...]
#   stages: build test programs tiers memcheck racecheck bench; and, not by default, multi30k wikitext (unpacking always)
#   RNNATIVE_CMAKE_ARGS: more arguments for CMake
#   --emulated: tries this script where the bundle was made, without a GPU: an emulated device, a few tests, tiny sizes.
#
# Here first:        npm run build:ts && npm run build:test && bash scripts/gpu-bundle.sh
# Then on a device:  run(command='bash scripts/gpu-run.sh', carry=['.gpu'], timeout_s=600)
# While that machine is warm, a second call builds only what has changed; for the two long runs:
#                    run(command='bash scripts/gpu-run.sh --only build,multi30k,wikitext', carry=['.gpu'], timeout_s=600)
set -uo pipefail
cd "$(dirname "$0")/.."
: "${OUT:=$PWD/.gpu/results}"
root=$PWD work=$PWD/.cmake/gpu deadline=530 slower=1
cuda=ON tests=('dist-test/ops/**' 'dist-test/{runtime,train}/programs*') tiers=('dist-test/ops/recurrent/{basic,ragged,bf16}*') bench=() long=()
programs=(dist-test/ops/{attention,bf16,cross_entropy,dropout,elementwise,embedding,layer_norm,matmul,recurrent/{basic,bf16,decoder,ragged},reduce,shape,softmax}.test.mjs)
only=,build,test,programs,tiers,memcheck,racecheck,bench,
checked=(test/ops/{recurrent/basic,attention,recurrent/decoder,cross_entropy,topk,softmax}.test.mts)
while [ $# -gt 0 ]; do
  case $1 in
    --emulated)
      cuda=EMULATED tests=(dist-test/ops/{topk,softmax}.test.mjs) tiers=(dist-test/ops/recurrent/ragged.test.mjs) bench=(--smoke) long=(6 cpu) # too slow in emulation
      programs=(dist-test/ops/{recurrent/decoder,embedding}.test.mjs) deadline=3600 slower=10
      ;;
    --only) only=,$2, && shift ;;
    *) bench+=("$1") ;;
  esac
  shift
done
mkdir -p "$OUT" "$work/bin"
[ ! -d /usr/local/cuda/bin ] || PATH=$PATH:/usr/local/cuda/bin

table=()
# stage NAME SECONDS COMMAND...: its output goes to $OUT/NAME.log, its last line to the table.
stage() {
  local name=$1 limit=$(($2 * slower)) left=$((deadline - SECONDS)) began=$SECONDS status=0 verdict
  shift 2
  [ "$limit" -le "$left" ] || limit=$left
  if [ "$limit" -lt 5 ]; then
    table+=("$(printf '%-10s no time left' "$name")")
    return 1
  fi
  timeout --kill-after=5 "$limit" "$@" > "$OUT/$name.log" 2>&1 || status=$?
  case $status in
    0) verdict=ok ;;
    124 | 137) verdict='timed out' ;;
    *) verdict="failed ($status)" ;;
  esac
  table+=("$(printf '%-10s %-12s %4d s  %s' "$name" "$verdict" $((SECONDS - began)) "$(tail -n 1 "$OUT/$name.log" | cut -c1-120)")")
  return "$status"
}
wanted() { [[ $only == *,$1,* ]]; }

# By Python, which such a machine has; xz it may lack.
unpack() {
  rm -rf dist dist-test node_modules
  python3 - "$work/bin/node" << 'SCRIPT'
import lzma, os, shutil, sys, tarfile
with tarfile.open(".gpu/javascript.tar.xz") as archive:
    archive.extractall(".", filter="tar")
if not os.path.exists(sys.argv[1]):
    with lzma.open(".gpu/node.xz") as packed, open(sys.argv[1], "wb") as node:
        shutil.copyfileobj(packed, node, 1 << 20)
    os.chmod(sys.argv[1], 0o755)
SCRIPT
}
# Where the bundle was made its contents are in place.
if [ "$cuda" = ON ]; then
  unpack || exit 1
  export PATH="$work/bin:$PATH"
fi

# The whole machine builds; the reference, which the tests compare with, is the same on every instruction set.
build() {
  local generator=()
  command -v ninja > /dev/null && generator=(-G Ninja)
  cmake -S "$root" -B "$work/tree" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release "-DRNNATIVE_CUDA=$cuda" \
    -DRNNATIVE_CUDA_ARCHITECTURES=90a-real '-DRNNATIVE_ISAS=avx2' "-DRNNATIVE_OUTPUT_DIR=$work/out" ${RNNATIVE_CMAKE_ARGS:-} &&
    cmake --build "$work/tree" --parallel "$(nproc)"
}
export -f build
export root work cuda
built=0
if wanted build; then stage build 220 bash -c build || built=1; fi

export RNNATIVE_BINARY=$work/out/rnnative.node RNNATIVE_TEST_ISAS=cuda
# The finite differences only concern the reference.
export RNNATIVE_TEST_BRIEF=fast
# PyTorch brings cuBLAS along.
if [ -z "${RNNATIVE_CUBLAS_PATH:-}" ]; then
  cublas=$(python3 -c "import glob, nvidia; print(*glob.glob(nvidia.__path__[0] + '/*/lib/libcublas.so.*'), sep='\n')" 2> /dev/null | head -n 1)
  [ -z "$cublas" ] || export RNNATIVE_CUBLAS_PATH=$cublas
fi

# sanitize TOOL SECONDS: what it found in each process is appended to the stage's log.
sanitize() {
  local tool=$1 sanitizer
  sanitizer=$(command -v compute-sanitizer)
  if [ -z "$sanitizer" ]; then
    table+=("$(printf '%-10s no compute-sanitizer here' "$tool")")
    return
  fi
  rm -f "$work/$tool"-*.txt
  stage "$tool" "$2" env RNNATIVE_TEST_BRIEF=slow "$sanitizer" --tool "$tool" --target-processes all --error-exitcode 9 --print-limit 20 \
    --log-file "$work/$tool-%p.txt" node scripts/test.mjs --verbose --concurrency 6 "${checked[@]}"
  cat "$work/$tool"-*.txt >> "$OUT/$tool.log" 2> /dev/null
  table+=("           $(grep -h 'SUMMARY' "$work/$tool"-*.txt 2> /dev/null | sed 's/^=* *//' | sort | uniq -c | sort -rn | head -n 3 | tr -s ' \n' ' ;')")
}
# A word language model (2 x 650, weights tied) for so many seconds, then its perplexity on the test set.
wikitext() {
  local data=$RNNATIVE_DATA/lm/wikitext-2 model=.cmake/gpu/wikitext
  rm -rf "$model"
  node dist/cli/main.js lm train --text "$data/train.txt.gz" --valid "$data/valid.txt.gz" --unit word --device "$2" \
    --precision bf16 --layers 2 --hidden 650 --tie-weights --dropout 0.5 --batch 40 --steps 35 --schedule plateau \
    --checkpoint "$model" --max-seconds "$1" --json | grep -v '"event":"step"' &&
    node dist/cli/main.js lm eval --model "$model" --text "$data/test.txt.gz" --json
}
export RNNATIVE_DATA=${RNNATIVE_DATA:-$root/.gpu/data}
if [ "$built" -eq 0 ]; then
  if wanted test; then stage test 110 node scripts/test.mjs --verbose --concurrency 6 "${tests[@]}"; fi
  # The ops of training, recorded as graphs with other ids and lengths.
  if wanted programs; then stage programs 60 env RNNATIVE_TEST_PROGRAMS=1 node scripts/test.mjs --verbose --concurrency 6 "${programs[@]}"; fi
  # A layer runs in the way that suits its size; each has to work at every size it fits.
  if wanted tiers; then
    for tier in cluster grid steps; do
      stage "$tier" 40 env "RNNATIVE_CUDA_RECURRENCE=$tier" node scripts/test.mjs --verbose "${tiers[@]}"
    done
  fi
  if [ "$cuda" = ON ]; then
    if wanted memcheck; then sanitize memcheck 45; fi
    if wanted racecheck; then sanitize racecheck 45; fi
  fi
  if wanted bench; then stage bench 300 node bench/gpu/compare.mjs --out "$OUT/bench.json" "${bench[@]}"; fi
  if wanted multi30k; then
    rm -f bench/results/multi30k-gpu.json
    stage multi30k 400 node bench/acceptance/multi30k.mjs train gpu --device "${long[1]:-cuda}" --precision bf16 --seconds "${long[0]:-240}" &&
      cp bench/results/multi30k-gpu.json "$OUT/"
  fi
  if wanted wikitext; then
    stage wikitext 240 bash -o pipefail -c "$(declare -f wikitext); wikitext ${long[0]:-120} ${long[1]:-cuda}"
  fi
fi

for log in "$OUT"/*.log; do
  [ "$(stat --format=%s "$log")" -le $((15 << 20)) ] || { tail -c $((15 << 20)) "$log" > "$work/tail" && mv "$work/tail" "$log"; }
done
{
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null
  [ "$built" -eq 0 ] || grep -E -m 20 'error|Error' "$OUT/build.log"
  grep -h -E '^✘' "$OUT"/{test,programs,cluster,grid,steps}.log 2> /dev/null | head -n 40
  cat "$OUT/bench.log" 2> /dev/null
  printf '%s\n' "${table[@]}"
} | tee "$OUT/summary.txt"
[[ ${table[*]} != *failed* && ${table[*]} != *timed* ]]
