#!/usr/bin/env bash
# Everything that needs a GPU, on a machine with one that is lent for minutes and has nvcc, cmake and python3 with PyTorch,
# but neither Node nor a network. What matters most comes first: build, what is there, whether each way of running
# recurrences works (one that hangs or is wrong is left out of the rest, by name), microseconds a step, three layers beside
# cuDNN with each way forced; then the tests, programs, the ways in full, sanitizers. A stage's line is printed when it
# ends and all output is written as it comes, so that a run that is cut short has told what it knew; the summary says
# what to do next.
#
# usage: gpu-run.sh [--seconds N] [--emulated] [--only STAGE,...] [--without WAY,...] [ARGUMENT OF bench/gpu/compare.mjs ...]
#   stages: build probe smoke steps bench test programs ways memcheck racecheck; and, not by default, rows (all of
#           bench/gpu), multi30k and wikitext
#   --seconds: after so many it ends (285: a machine's call of 300)
#   --without: ways known not to work (block, cluster, grid)
#   RNNATIVE_CMAKE_ARGS: more arguments for CMake
#   --emulated: tries this script where the bundle was made, without a GPU: an emulated device, a few tests, tiny sizes.
#
# Here first:        npm run build:ts && npm run build:test && bash scripts/gpu-bundle.sh
# Then on a device:  run(command='bash scripts/gpu-run.sh', carry=['.gpu'], timeout_s=300)
# While it is warm, what is left: a second call as the summary's last line says. Builds then only what has changed.
set -uo pipefail
cd "$(dirname "$0")/.."
: "${OUT:=$PWD/.gpu/results}"
root=$PWD work=$PWD/.cmake/gpu deadline=285 slower=1 cuda=ON
tests=('dist-test/ops/**' 'dist-test/{runtime,train}/programs*') ways=('dist-test/ops/recurrent/{basic,ragged,bf16}*')
programs=(dist-test/ops/{attention,bf16,cross_entropy,dropout,elementwise,embedding,layer_norm,matmul,pointer,pool_time,reduce,select,shape,softmax}.test.mjs
  dist-test/ops/recurrent/{basic,bf16,decoder,norm,phases,ragged}.test.mjs)
bench=(--rows '1-1024-16-768-768|1-512-64-1024-1024|1-256-32-512-512-bid' --tiers 'grid,cluster,steps' --rounds 3 --seconds-per-row 4)
only=,build,probe,smoke,steps,bench,test,programs,ways,memcheck,racecheck, without=, given=() tiny=() small=() long=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) deadline=$2 && shift ;;
    --emulated)
      cuda=EMULATED slower=10 tiny=(--tiny) small=(--smoke) long=(6 cpu) # too slow in emulation
      tests=(dist-test/ops/{extend_beams,int8,topk,softmax}.test.mjs) ways=(dist-test/ops/recurrent/ragged.test.mjs)
      programs=(dist-test/ops/{recurrent/decoder,embedding}.test.mjs) bench=(--smoke --rows 1-1024-16 --tiers grid --rounds 1)
      ;;
    --only) only=,$2, && shift ;;
    --without) without=,$2, && shift ;;
    *) given+=("$1") ;;
  esac
  shift
done
[ "$cuda" = ON ] || deadline=$((deadline * slower))
mkdir -p "$OUT" "$work/bin"
all=$OUT/all.log summary=$OUT/summary.txt
: > "$all" > "$summary"
[ ! -d /usr/local/cuda/bin ] || PATH=$PATH:/usr/local/cuda/bin

say() { echo "$*" | tee -a "$summary"; }
failed=() left=()
# stage NAME SECONDS COMMAND...: its output goes to all.log; a line on how it ended, with its own last line, to the summary.
stage() {
  local name=$1 limit=$(($2 * slower)) rest=$((deadline - SECONDS)) began=$SECONDS status=0 verdict
  shift 2
  [ "$limit" -le "$rest" ] || limit=$rest
  if [ "$limit" -lt 5 ]; then
    say "$(printf '%-12s no time left' "$name")"
    left+=("${name%%-*}")
    return 1
  fi
  echo "==== $name" >> "$all"
  begins=$(stat --format=%s "$all")
  timeout --kill-after=5 "$limit" "$@" >> "$all" 2>&1 || status=$?
  case $status in
    0) verdict=ok ;;
    124 | 137) verdict='timed out' ;;
    *) verdict="FAILED ($status)" ;;
  esac
  say "$(printf '%-12s %-12s %4d s  %s' "$name" "$verdict" $((SECONDS - began)) "$(output | tail -n 1 | cut -c1-150)")"
  [ "$status" -eq 0 ] || failed+=("${name%%-*}")
  return "$status"
}
# Of the stage that ran last.
output() { tail --bytes=+$((begins + 1)) "$all"; }
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
  # Read from a cold disk it takes as long as the build, meanwhile.
  python3 -c 'import torch' > /dev/null 2>&1 &
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
if wanted build && ! stage build 150 bash -c build; then
  output | grep -E -m 20 'error|Error' | tee -a "$summary"
  say 'next: mend the build'
  exit 1
fi

export RNNATIVE_BINARY=$work/out/rnnative.node RNNATIVE_TEST_ISAS=cuda
# The finite differences only concern the reference.
export RNNATIVE_TEST_BRIEF=fast
# PyTorch brings cuBLAS along, which needs cublasLt from the folder it lies in.
if [ -z "${RNNATIVE_CUBLAS_PATH:-}" ] && [ "$cuda" = ON ]; then
  cublas=$(python3 -c "import glob, nvidia; print(*(f for p in nvidia.__path__ for f in glob.glob(p + '/*/lib/libcublas.so.*')), sep='\n')" 2> /dev/null | head -n 1)
  [ -z "$cublas" ] || export RNNATIVE_CUBLAS_PATH=$cublas LD_LIBRARY_PATH=$(dirname "$cublas")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
[ "$cuda" != ON ] || say "$(timeout 10 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm --format=csv,noheader 2>&1 | head -n 1)"
[ "$cuda" != ON ] || say "cuBLAS: ${RNNATIVE_CUBLAS_PATH:-NOT FOUND beside PyTorch: products are by our own kernels, and figures are of them}"
if wanted probe; then
  stage probe 25 env RNNATIVE_CUDA_PLANS=1 node bench/gpu/probe.mjs
  output | grep '^recurrence' | tee -a "$summary"
fi

# What is left to layers: RNNATIVE_CUDA_RECURRENCE lists the ways they may run.
good=()
for way in block cluster grid; do
  [[ $without != *,$way,* ]] || continue
  if wanted smoke && ! stage "smoke-$way" 15 env "RNNATIVE_CUDA_RECURRENCE=$way" node bench/gpu/smoke.mjs "${tiny[@]}"; then
    output | grep -E 'WRONG|OTHER|Error' | head -n 5 | tee -a "$summary"
    say "             $way is left out of what follows"
    without+=$way,
  else
    good+=("$way")
  fi
done
if wanted smoke; then stage smoke-steps 15 env RNNATIVE_CUDA_RECURRENCE=steps node bench/gpu/smoke.mjs "${tiny[@]}"; fi
[ ${#good[@]} -eq 3 ] || export RNNATIVE_CUDA_RECURRENCE=$(IFS=,; echo "${good[*]:+${good[*]},}steps")

# Microseconds a step, as layers choose to run and by one way alone.
if wanted steps; then
  stage steps-chosen 20 node bench/gpu/steps.mjs "${small[@]}"
  output | grep '^{' | tee -a "$summary"
  for way in "${good[@]}" steps; do
    [ "$way" != block ] || continue # no layer there fits one block
    stage "steps-$way" 15 env "RNNATIVE_CUDA_RECURRENCE=$way" node bench/gpu/steps.mjs "${small[@]}"
    output | grep '^{' | tee -a "$summary"
  done
fi
if wanted bench; then
  stage bench 100 node bench/gpu/compare.mjs --out "$OUT/bench.json" "${bench[@]}" "${given[@]}"
  output | grep ' | ' | tee -a "$summary"
fi
if wanted rows; then
  stage rows 400 node bench/gpu/compare.mjs --out "$OUT/rows.json" "${small[@]}" "${given[@]}"
  output | grep ' | ' | tee -a "$summary"
fi

tested() {
  stage "$@" && return
  output | grep -E '^✘' | head -n 40 | tee -a "$summary"
}
if wanted test; then tested test 110 node scripts/test.mjs --verbose --concurrency 6 "${tests[@]}"; fi
# The ops of training, recorded as graphs with other ids and lengths.
if wanted programs; then tested programs 60 env RNNATIVE_TEST_PROGRAMS=1 node scripts/test.mjs --verbose --concurrency 6 "${programs[@]}"; fi
# A layer runs in the way that suits its size; each has to work at every size it fits.
if wanted ways; then
  for way in "${good[@]}" steps; do
    [ "$way" != block ] || continue # the tests' own
    tested "ways-$way" 40 env "RNNATIVE_CUDA_RECURRENCE=$way" node scripts/test.mjs --verbose "${ways[@]}"
  done
fi

# sanitize TOOL NAME WAYS COMMAND...: without cuBLAS, whose loading alone takes longer than all else.
sanitize() {
  local tool=$1 name=$2 ways=$3 sanitizer
  shift 3
  sanitizer=$(command -v compute-sanitizer)
  if [ -z "$sanitizer" ]; then
    say "$(printf '%-12s no compute-sanitizer here' "$tool")"
    return
  fi
  stage "$tool-$name" 40 env RNNATIVE_CUBLAS_PATH= RNNATIVE_TEST_BRIEF=slow "RNNATIVE_CUDA_RECURRENCE=$ways" "$sanitizer" --tool "$tool" \
    --target-processes all --error-exitcode 9 --print-limit 20 "$@"
  output | grep 'SUMMARY' | sort | uniq -c | sort -rn | head -n 3 | tee -a "$summary"
}
if [ "$cuda" = ON ]; then
  if wanted memcheck; then
    for way in "${good[@]}" steps; do sanitize memcheck "$way" "$way" node bench/gpu/smoke.mjs --tiny; done
    sanitize memcheck ops "${RNNATIVE_CUDA_RECURRENCE:-}" node scripts/test.mjs --concurrency 2 test/ops/{attention,cross_entropy,topk,softmax}.test.mts
  fi
  # It sees shared memory alone, and nothing of the grid's exchange.
  if wanted racecheck; then
    for way in block cluster; do
      [[ $without == *,$way,* ]] || sanitize racecheck "$way" "$way" node bench/gpu/smoke.mjs --tiny
    done
  fi
else
  for tool in memcheck racecheck; do
    ! wanted "$tool" || say "$(printf '%-12s needs a GPU: not tried in emulation' "$tool")"
  done
fi

# A word language model (2 x 650, weights tied) for so many seconds, then its perplexity on the test set.
wikitext() {
  local data=$RNNATIVE_DATA/lm/wikitext-2 model=.cmake/gpu/wikitext
  rm -rf "$model"
  if [ "$cuda" = EMULATED ]; then
    local set few=$work/few
    mkdir -p "$few"
    for set in train valid test; do zcat "$data/$set.txt.gz" | sed 100q | gzip > "$few/$set.txt.gz"; done
    data=$few
  fi
  node dist/cli/main.js lm train --text "$data/train.txt.gz" --valid "$data/valid.txt.gz" --unit word --device "$2" \
    --precision bf16 --layers 2 --hidden 650 --tie-weights --dropout 0.5 --batch 40 --steps 35 --schedule plateau \
    --checkpoint "$model" --max-seconds "$1" --json | grep -v '"event":"step"' &&
    node dist/cli/main.js lm eval --model "$model" --text "$data/test.txt.gz" --json
}
export RNNATIVE_DATA=${RNNATIVE_DATA:-$root/.gpu/data}
if wanted multi30k; then
  rm -f bench/results/multi30k-gpu.json
  stage multi30k 400 node bench/acceptance/multi30k.mjs train gpu --device "${long[1]:-cuda}" --precision bf16 --seconds "${long[0]:-240}" &&
    cp bench/results/multi30k-gpu.json "$OUT/"
fi
if wanted wikitext; then
  stage wikitext 240 bash -o pipefail -c "$(declare -f wikitext); wikitext ${long[0]:-120} ${long[1]:-cuda}"
fi

[ "$(stat --format=%s "$all")" -le $((15 << 20)) ] || { tail -c $((15 << 20)) "$all" > "$work/tail" && mv "$work/tail" "$all"; }
once() { printf '%s\n' "$@" | awk 'NF && !seen[$0]++' | paste -sd, -; }
again=$(once "${failed[@]}" "${left[@]}")
if [ -z "$again" ]; then
  [ "$cuda" = ON ] || say 'not tried in emulation: unpacking, nvcc, cuBLAS, PyTorch beside us'
  say "next: all stages passed; --only rows,multi30k,wikitext --seconds 600 for the long ones"
else
  [ ${#failed[@]} -eq 0 ] || say "next: look into $(once "${failed[@]}") in all.log"
  bad=${without#,}
  say "next: bash scripts/gpu-run.sh --only build,$again${bad:+ --without ${bad%,}}"
fi
[ ${#failed[@]} -eq 0 ]
