#!/usr/bin/env bash
# Packs rnnative as npm would publish it, prebuild included; publint and attw look at it. Then installs it as a user would,
# into an empty folder, with --ignore-scripts and no compiler on PATH, and uses it by require, by import and from the
# command line, first alone, then with rnnative-cuda beside it. At last it runs and compiles what the README shows,
# and tests itself under Jest and in Vitest's pools.
# Run scripts/prebuild.sh first.
set -euo pipefail
cd "$(dirname "$0")/.."
# What most people need, installed: the package and all it depends on.
most_kibibytes=$((14 * 1024)) most_packages=12

fail() { echo "$1" >&2; exit 1; }
compgen -G 'prebuilds/*/*.node' > /dev/null || fail "no prebuild; run scripts/prebuild.sh"
work=$(mktemp -d)
trap 'wait; rm -rf "$work"' EXIT
# pack FOLDER: prints the tarball's path.
pack() { echo "$work/$(npm pack --silent --ignore-scripts --pack-destination "$work" "$1" | tail -n 1)"; }

scripts/pack-sources.sh
node scripts/pack-declarations.mjs
tarball=$(pack .)
# Meanwhile: they are many packages.
mkdir "$work/runners"
echo '{ "name": "runners", "private": true }' > "$work/runners/package.json"
(cd "$work/runners" && npm install --silent --ignore-scripts --no-audit --no-fund "$tarball" jest@30.2.0 vitest@4.1.12) &
runners=$!
npx --no-install publint --strict "$tarball"
npx --no-install attw --profile node16 --quiet "$tarball"
mkdir "$work/unpacked"
tar -xzf "$tarball" -C "$work/unpacked"
package="$work/unpacked/package"
for file in LICENSE THIRD_PARTY_NOTICES README.md dist/index.js dist/index.mjs dist/index.d.ts dist/index.d.mts \
  dist/cli/main.js examples binding.gyp sources.tar.gz scripts/install.mjs; do
  [ -e "$package/$file" ] || fail "the package lacks $file"
done
[ -z "$(find "$package" -name 'librnnative_cuda.so')" ] || fail "the CUDA backend is in the package; it has its own"

# A PATH with node, npm and what npm's shebang and shell need, but no compiler, cmake or make.
mkdir "$work/bin" "$work/app"
for tool in node npm npx sh env; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
echo '{ "name": "app", "private": true }' > "$work/app/package.json"
cp scripts/smoke/* "$work/app/"
# in_app COMMAND...
in_app() { (cd "$work/app" && env -u RNNATIVE_BINARY -u CC -u CXX PATH="$work/bin" "$@"); }
warnings=$(in_app npm install --ignore-scripts --no-audit --no-fund "$tarball" 2>&1 > /dev/null)
[ -z "$warnings" ] || fail "the installation warns: $warnings"
kibibytes=$(du -sk "$work/app/node_modules" | cut -f1)
packages=$(in_app npm ls --all --parseable | grep -c node_modules)
echo "installed: $kibibytes KiB in $packages packages (at most $most_kibibytes in $most_packages)"
[ "$kibibytes" -le "$most_kibibytes" ] && [ "$packages" -le "$most_packages" ] || fail "that is too much"
in_app node require.cjs
in_app node import.mjs
in_app node absent.mjs
in_app npx --no-install rnnative doctor --json > "$work/doctor"

# The CUDA backend, where it was built: found by its name, it must answer what it finds. Without a driver it says so.
if [ -d rnnative-cuda ]; then
  in_app npm install --silent --ignore-scripts "$(pack ./rnnative-cuda)"
  in_app npx --no-install rnnative doctor --json > "$work/doctor"
  node scripts/check-cuda-probe.mjs "$work/doctor"
else
  echo "the CUDA backend was not built here"
fi

env -u RNNATIVE_BINARY node scripts/smoke/readme.mjs "$work/app"

wait "$runners" || fail "Jest and Vitest could not be installed"
cp scripts/smoke/runners.test.cjs scripts/smoke/vitest.config.mjs "$work/runners/"
sed -E "s/^const (.*) = require\((.*)\)$/import \1 from \2/" scripts/smoke/runners.test.cjs > "$work/runners/runners.test.mjs"
(cd "$work/runners" && env -u RNNATIVE_BINARY npx jest runners.test.cjs && env -u RNNATIVE_BINARY npx vitest run)
echo "the packed package installs without scripts or a compiler and works"
