#!/usr/bin/env bash
# Packs rnnative as npm would publish it, prebuild included, and installs it as a user would: into an empty folder, with
# --ignore-scripts and no compiler on PATH. Then uses it by require, by import and from the command line.
# Run scripts/prebuild.sh first.
set -euo pipefail
cd "$(dirname "$0")/.."
maximum_unpacked_bytes=$((12 * 1024 * 1024)) # without the CUDA backend

compgen -G 'prebuilds/*/*.node' > /dev/null || { echo "no prebuild; run scripts/prebuild.sh" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --ignore-scripts --pack-destination "$work" > "$work/name"
tarball="$work/$(tail -n 1 "$work/name")"
mkdir "$work/unpacked"
tar -xzf "$tarball" -C "$work/unpacked"
package="$work/unpacked/package"
bytes=$(find "$package" -type f ! -name 'librnnative_cuda.so' -printf '%s\n' | awk '{ n += $1 } END { print n }')
echo "package: $bytes bytes unpacked without the CUDA backend (at most $maximum_unpacked_bytes)"
[ "$bytes" -le "$maximum_unpacked_bytes" ] || { echo "the package is too large" >&2; exit 1; }
for file in LICENSE THIRD_PARTY_NOTICES README.md dist/index.js dist/index.mjs dist/index.d.ts dist/index.d.mts \
  dist/cli/main.js binding.gyp CMakeLists.txt scripts/install.mjs native/addon; do
  [ -e "$package/$file" ] || { echo "the package lacks $file" >&2; exit 1; }
done

# A PATH with node, npm and what npm's shebang and shell need, but no compiler, cmake or make.
mkdir "$work/bin" "$work/app"
for tool in node npm npx sh env; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
echo '{ "name": "app", "private": true }' > "$work/app/package.json"
cp scripts/smoke/* "$work/app/"
(
  export PATH="$work/bin"
  unset RNNATIVE_BINARY CC CXX
  cd "$work/app"
  npm install --silent --ignore-scripts "$tarball"
  node require.cjs
  node import.mjs
  npx --no-install rnnative doctor --json
)
echo "the packed package installs without scripts or a compiler and works"
