#!/usr/bin/env bash
# Runs every fuzz target for so many seconds: tests/fuzz.sh SECONDS; tests/fuzz.sh --count says how many there are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
run() { cargo run --quiet --manifest-path fuzz/Cargo.toml --target-dir target --bin fuzz -- "$@"; }
mapfile -t targets < <(run list)
[ "${#targets[@]}" -gt 0 ] || { echo 'no fuzz target' >&2; exit 1; }
if [ "${1:-}" = --count ]; then echo "${#targets[@]}"; exit; fi
for target in "${targets[@]}"; do
  run "$target" "${1:?usage: tests/fuzz.sh SECONDS | --count}"
done
