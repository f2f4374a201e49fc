#!/usr/bin/env bash
# Makes prebuilds/<platform>-<arch>/ for this machine with prebuildify: the addon. Where nvcc is found the CUDA backend
# comes along, and becomes a package of its own in rnnative-cuda/. prebuildify runs node-gyp, which runs
# scripts/build-native.mjs.
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
rm -rf prebuilds rnnative-cuda
npx --no-install prebuildify --napi --strip "${libc_tag[@]}"
for library in prebuilds/*/librnnative_cuda.so; do
  [ ! -e "$library" ] || node scripts/cuda-package.mjs "$library"
done
if [ "$(uname -s)" = Linux ]; then
  scripts/check-floor.sh prebuilds/*/*.node $(compgen -G 'rnnative-cuda/*.so' || true)
fi
ls -l prebuilds/*
