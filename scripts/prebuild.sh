#!/usr/bin/env bash
# Makes prebuilds/<platform>-<arch>/ for this machine with prebuildify: the addon and, where nvcc is found, the CUDA
# backend. prebuildify runs node-gyp, which runs scripts/build-native.mjs.
# It moves the addon out of build/Release; from then on the prebuilt one is loaded.
set -euo pipefail
cd "$(dirname "$0")/.."
export RNNATIVE_CMAKE_ARGS="${RNNATIVE_CMAKE_ARGS--DRNNATIVE_CUDA=AUTO}"

# node-gyp wants Node's headers even for a target that compiles nothing; the running Node's spare a download.
prefix=$(node -p "require('node:path').resolve(process.execPath, '../..')")
if [ -z "${npm_config_nodedir:-}" ] && [ -e "$prefix/include/node/common.gypi" ]; then
  export npm_config_nodedir="$prefix"
fi
libc_tag=()
[ "$(uname -s)" = Linux ] && libc_tag=(--tag-libc)
rm -rf prebuilds
npx --no-install prebuildify --napi --strip "${libc_tag[@]}"
ls -l prebuilds/*
