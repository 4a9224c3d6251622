#!/usr/bin/env bash
# Makes target/package/acs-push.zip, the one file that every way to deploy takes: the program for Linux on x86_64, host.json
# and the function folders. docs/deploy.md says what to do with it.
# Needs Linux on x86_64, cargo, a C compiler, glibc's static library (Debian's libc6-dev has it) and zip.
#
# glibc is linked into the program, so it does not matter which version the host's image has.
# The same sources, toolchain and system libraries give the same bytes, in whatever folder they are.
# AUDITABLE=1 writes into the program which dependencies it has, so that `cargo audit bin` can check the program alone. It
# needs cargo-auditable; .github/workflows/release.yml sets it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "deploy/package.sh: $1" >&2
    exit 1
}

target=x86_64-unknown-linux-gnu
[[ $(uname -sm) == 'Linux x86_64' ]] ||
    fail "this is $(uname -sm); the package is built on Linux on x86_64: on Windows in WSL, elsewhere by .github/workflows/deploy.yml."
for tool in cargo zip; do
    command -v "$tool" >/dev/null || fail "$tool is not installed."
done

# Paths of this machine do not belong into the program. The separator is the one that allows blanks in them.
flags=(
    -Ctarget-feature=+crt-static
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    "--remap-path-prefix=$PWD=/acs-push"
)
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
# The C code of mimalloc has the time of its build in it. This is 2020-01-01.
export SOURCE_DATE_EPOCH=1577836800
build=(build)
[[ ${AUDITABLE:-} != 1 ]] || build=(auditable build)
# Cargo itself says where the program is, whatever target directory is configured.
program=$(cargo "${build[@]}" --release --locked --bin acs-push --target "$target" \
    --message-format=json-render-diagnostics </dev/null |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')

# One time for all files, in UTC, and one order: `zip` would take over what the clone has.
export LC_ALL=C TZ=UTC
folder=target/package
rm -rf "$folder"
mkdir -p "$folder/content"
files=(host.json */function.json)
cp --parents "${files[@]}" "$folder/content"
cp "$program" "$folder/content/acs-push"
cd "$folder/content"
chmod 0644 "${files[@]}"
chmod 0755 acs-push
touch --date="@$SOURCE_DATE_EPOCH" acs-push "${files[@]}"
# -X: no owner and no times beside the one; -D: no entries for folders.
zip --quiet -X -D ../acs-push.zip acs-push "${files[@]}"
cd ..
rm -r content
sha256sum acs-push.zip
