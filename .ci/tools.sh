# Sourced by ./up and ./test: makes sure of the programs they need, says what it installs and how,
# and does nothing where a program is present. Start with `packages` and `rust`.
# shellcheck shell=bash

# Where the Rust installer comes from; a test or an offline site puts its own script here.
RUSTUP_URL=https://sh.rustup.rs

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE [HINT]…
fail() {
  say "error: $1"
  shift
  local hint
  for hint in "$@"; do say "hint: $hint"; done
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND…: as root, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# packages WHAT PACKAGE…: installs packages of the system, and says for what.
packages() {
  local what=$1
  shift
  has apt-get || fail "$what is missing, and this system has no apt-get to install it with" \
    "install the equivalent of \`$*\` with the package manager of this system, then run this again"
  [ "$(id -u)" = 0 ] || has sudo || fail "$what is missing, and installing it needs root or sudo" \
    "as root: apt-get install -y --no-install-recommends $*"
  say "installing $what: apt-get install $*"
  apt_lists
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$@" >&2 ||
    fail "apt-get could not install \`$*\`"
}

# Package lists are fetched once in a run, and only when something is missing.
apt_lists() {
  [ -z "${APT_LISTS_FRESH:-}" ] || return 0
  as_root apt-get update -q >&2 || say "apt-get update failed; going on with the lists that are there"
  APT_LISTS_FRESH=1
}

# A compiler is only there when it finds its headers and its linker too.
can_compile() {
  has cc && printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' |
    cc -x c - -o /dev/null >/dev/null 2>&1
}

c_compiler() {
  can_compile || packages "a C compiler" gcc libc6-dev
}

# The oldest Rust that builds the workspace, from Cargo.toml: also the one that is installed.
rust_version() {
  sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$1/Cargo.toml"
}

# rust_is VERSION: whether the cargo and rustc that would run are at least that.
rust_is() {
  local installed
  installed=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) || return 1
  [ -n "$installed" ] && cargo --version >/dev/null 2>&1 &&
    printf '%s\n%s\n' "$1" "${installed%%-*}" | sort -V -C
}

# rust ROOT: a Rust toolchain that builds the workspace at ROOT.
rust() {
  local version
  version=$(rust_version "$1")
  PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  if rust_is "$version"; then return; fi
  if has rustup; then
    say "installing Rust $version: rustup toolchain install $version"
    rustup toolchain install "$version" --profile minimal --component clippy,rustfmt >&2 ||
      fail "rustup could not install Rust $version"
    export RUSTUP_TOOLCHAIN=$version
  else
    install_rustup "$version"
  fi
  rust_is "$version" || fail "Rust $version was installed and still does not run" \
    "see what \`rustc --version\` and \`rustup show\` say"
}

install_rustup() {
  local arguments=(-y --no-modify-path --profile minimal --default-toolchain "$1" --component clippy,rustfmt)
  if [ -n "${TUTELA_RUSTUP_INIT:-}" ]; then
    say "installing Rust $1: $TUTELA_RUSTUP_INIT ${arguments[*]}"
    "$TUTELA_RUSTUP_INIT" "${arguments[@]}" >&2 || fail "\`$TUTELA_RUSTUP_INIT\` failed"
    return
  fi
  has curl || packages "curl, to fetch the Rust installer" curl ca-certificates
  say "installing Rust $1 for this user: $RUSTUP_URL, into ${CARGO_HOME:-$HOME/.cargo}"
  local installer
  installer=$(curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location "$RUSTUP_URL") ||
    fail "the Rust installer could not be fetched from $RUSTUP_URL" \
      "install Rust $1 another way, or set TUTELA_RUSTUP_INIT to the path of an installer"
  printf '%s\n' "$installer" | sh -s -- "${arguments[@]}" >&2 || fail "the Rust installer failed"
}
