#!/usr/bin/env bash
# Runs ./up on machines that do not exist: a PATH that holds nothing but fakes and a few basic
# programs, so that what would be installed is seen and nothing is. Each fake writes what it was
# asked to do into a log; a scenario compares the log with what it expects.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

passed=0
failed=0

# The programs every Debian has, and nothing that could install or build.
BASICS=(bash sh cat cp cut dirname env grep id mkdir mktemp printf rm sed sort chmod)

# machine NAME: a new empty machine; `$bin` is its PATH and `$log` what was asked of its programs.
machine() {
  name=$1
  bin=$scratch/$name/bin
  log=$scratch/$name/log
  export HOME=$scratch/$name/home LOG=$log FAKES=$scratch/$name/fakes
  mkdir -p "$bin" "$HOME" "$FAKES" "$scratch/$name/checkout/.ci"
  : > "$log"
  local basic
  for basic in "${BASICS[@]}"; do ln -s "$(command -v "$basic")" "$bin/$basic"; done
  cp "$root/up" "$root/Cargo.toml" "$scratch/$name/checkout/"
  cp "$root/.ci/tools.sh" "$scratch/$name/checkout/.ci/"
}

# fake PATH BODY: a program that writes its name and arguments to the log and then runs BODY.
fake() {
  printf '#!/bin/sh\necho "%s" "$@" >> "$LOG"\n%s\n' "${1##*/}" "$2" > "$1"
  chmod +x "$1"
}

# A compiler that is content with everything.
compiler() { fake "$1" 'cat > /dev/null'; }

rust_toolchain() {
  printf '#!/bin/sh\necho "rustc %s (fake)"\n' "$2" > "$1/rustc"
  chmod +x "$1/rustc"
  fake "$1/cargo" '
    [ "$1" = build ] || exit 0
    while [ "$1" != --target-dir ]; do shift; done
    mkdir -p "$2/release"
    printf "#!/bin/sh\necho tutela \"\$@\" >> \"\$LOG\"\n" > "$2/release/tutela"
    chmod +x "$2/release/tutela"'
}

apt() {
  compiler "$FAKES/cc"
  fake "$FAKES/curl" 'cat "$FAKES/rustup-init"'
  fake "$bin/apt-get" '
    for package in "$@"; do
      case $package in
        gcc) cp "$FAKES/cc" "${0%/*}/cc" ;;
        curl) cp "$FAKES/curl" "${0%/*}/curl" ;;
      esac
    done'
}

# What sh.rustup.rs sends: a script that puts a toolchain into the home folder.
rustup_init() {
  mkdir -p "$FAKES/toolchain"
  rust_toolchain "$FAKES/toolchain" "$1"
  fake "$FAKES/rustup-init" 'mkdir -p "$HOME/.cargo/bin"; cp "$FAKES"/toolchain/* "$HOME/.cargo/bin/"'
}

user() { printf '#!/bin/sh\necho %s\n' "$1" > "$bin/id.new"; chmod +x "$bin/id.new"; mv -f "$bin/id.new" "$bin/id"; }

# run [ARGUMENT]…: ./up on the machine; what it says is in `$said`, its exit code in `$code`.
run() {
  code=0
  said=$(env -i PATH="$bin" HOME="$HOME" LOG="$LOG" FAKES="$FAKES" "${SETTINGS[@]}" \
    "$scratch/$name/checkout/up" "$@" 2>&1 < /dev/null) || code=$?
}

# expect CODE LINE…: the exit code, and the log without options that are not the point.
expect() {
  local expected_code=$1 problem=
  shift
  local asked
  asked=$(sed -e "s#$scratch/$name#~#g" -e '/^cc /d' -e '/^cargo --version$/d' "$log")
  local expected
  expected=$(printf '%s\n' "$@")
  [ "$code" = "$expected_code" ] || problem="exit code $code, not $expected_code"
  [ "$asked" = "$expected" ] || problem="$problem
asked:
$asked
expected:
$expected"
  verdict "$problem"
}

# says TEXT: that the person in front of it is told.
says() {
  case $said in
    *"$1"*) verdict "" ;;
    *) verdict "does not say: $1" ;;
  esac
}

verdict() {
  if [ -z "$1" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s: %s\nit said:\n%s\n' "$name" "$1" "$said" >&2
  fi
}

BUILD='cargo build --release --locked --package cli --manifest-path ~/checkout/Cargo.toml --target-dir ~/checkout/target'
RUSTUP='-y --no-modify-path --profile minimal --default-toolchain 1.95 --component clippy,rustfmt'
APT='apt-get install -y -q --no-install-recommends'
SETTINGS=()

machine everything-is-there
compiler "$bin/cc"
rust_toolchain "$bin" 1.95.0
run --port 0
expect 0 "$BUILD" 'tutela up --port 0'

machine a-newer-toolchain-is-there
compiler "$bin/cc"
rust_toolchain "$bin" 1.101.0-nightly
run
expect 0 "$BUILD" 'tutela up'

machine nothing-is-there-as-root
user 0
apt
rustup_init 1.95.0
run
expect 0 'apt-get update -q' "$APT gcc libc6-dev" "$APT curl ca-certificates" \
  "curl --proto =https --tlsv1.2 --fail --silent --show-error --location https://sh.rustup.rs" \
  "rustup-init $RUSTUP" "$BUILD" 'tutela up'
says 'installing a C compiler: apt-get install gcc libc6-dev'
says 'installing Rust 1.95 for this user: https://sh.rustup.rs'

machine nothing-is-there-with-sudo
user 1000
apt
fake "$bin/sudo" 'exec "$@"'
rustup_init 1.95.0
SETTINGS=(TUTELA_RUSTUP_INIT="$FAKES/rustup-init")
run
expect 0 'sudo apt-get update -q' 'apt-get update -q' \
  "sudo env DEBIAN_FRONTEND=noninteractive $APT gcc libc6-dev" "$APT gcc libc6-dev" \
  "rustup-init $RUSTUP" "$BUILD" 'tutela up'
SETTINGS=()

machine no-root-and-no-sudo
user 1000
apt
run
expect 1
says 'a C compiler is missing, and installing it needs root or sudo'
says 'as root: apt-get install -y --no-install-recommends gcc libc6-dev'

machine no-apt-get
user 0
run
expect 1
says 'a C compiler is missing, and this system has no apt-get'
says 'install the equivalent of `gcc libc6-dev`'

machine a-compiler-without-headers
user 0
apt
fake "$bin/cc" 'cat > /dev/null; exit 1'
rust_toolchain "$bin" 1.95.0
run
expect 0 'apt-get update -q' "$APT gcc libc6-dev" "$BUILD" 'tutela up'

machine rust-of-the-distribution-is-too-old
compiler "$bin/cc"
rust_toolchain "$bin" 1.63.0
rustup_init 1.95.0
SETTINGS=(TUTELA_RUSTUP_INIT="$FAKES/rustup-init")
run
expect 0 "rustup-init $RUSTUP" "$BUILD" 'tutela up'
SETTINGS=()

machine rustup-is-there-without-this-toolchain
compiler "$bin/cc"
rust_toolchain "$FAKES" 1.95.0
fake "$bin/rustup" 'cp "$FAKES/rustc" "$FAKES/cargo" "${0%/*}/"'
run
expect 0 'rustup toolchain install 1.95 --profile minimal --component clippy,rustfmt' "$BUILD" 'tutela up'

machine the-installer-is-not-reachable
compiler "$bin/cc"
fake "$bin/curl" 'exit 6'
run
expect 1 'curl --proto =https --tlsv1.2 --fail --silent --show-error --location https://sh.rustup.rs'
says 'the Rust installer could not be fetched'
says 'set TUTELA_RUSTUP_INIT'

machine the-installer-installs-something-too-old
compiler "$bin/cc"
rustup_init 1.80.0
SETTINGS=(TUTELA_RUSTUP_INIT="$FAKES/rustup-init")
run
expect 1 "rustup-init $RUSTUP"
says 'was installed and still does not run'
SETTINGS=()

machine the-build-fails
compiler "$bin/cc"
rust_toolchain "$bin" 1.95.0
fake "$bin/cargo" '[ "$1" = --version ] || exit 101'
run
expect 101 "$BUILD"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
