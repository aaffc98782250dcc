# Shared by the scripts beside it: say what happens, get what is missing, borrow the test database.
# Sourced, never run. Everything here talks on stderr, so that a script's stdout stays its answer.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

say() {
  printf '%s\n' "$*" >&2
}

# elapsed SINCE: seconds with one decimal since SINCE, an earlier value of EPOCHREALTIME.
elapsed() {
  # Some locales write the decimal point as a comma, so only the digits are used; the last six are microseconds.
  local tenths=$(((${EPOCHREALTIME//[^0-9]/} - ${1//[^0-9]/}) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# step LABEL COMMAND...: one line of progress; what the command prints is shown only when it fails.
step() {
  local label=$1 since=$EPOCHREALTIME output status
  shift
  printf '%s ... ' "$label" >&2
  output=$(mktemp)
  # Not in an "if": there, bash ignores "set -e" inside of functions.
  set +e
  (set -e; "$@") >"$output" 2>&1 </dev/null
  status=$?
  set -e
  if ((status == 0)); then
    say "$(elapsed "$since")"
  else
    say 'failed'
    cat "$output" >&2
  fi
  rm -f "$output"
  return "$status"
}

# timed LABEL COMMAND...: for commands that show their own progress, such as cargo.
timed() {
  local label=$1 since=$EPOCHREALTIME
  shift
  "$@" || { say "$label: failed after $(elapsed "$since")"; return 1; }
  say "$label: $(elapsed "$since")"
}

# apt_install PACKAGE...: as root, or through sudo, or with a word on what a person has to do.
apt_install() {
  local as_root=()
  command -v apt-get >/dev/null || die "please install $*, or what your system calls it, and try again"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "$* is missing and there is no sudo; as root, run: apt-get install $*"
    # Ask for the password here: inside a step the prompt could not be seen.
    sudo -n true 2>/dev/null || sudo -v || die "$* is missing; as root, run: apt-get install $*"
    as_root=(sudo)
  fi
  # "env" because sudo drops the caller's environment.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
  step "Updating the package lists" "${apt[@]}" update
  step "Installing $*" "${apt[@]}" install --no-install-recommends "$@"
}

need_linker() {
  command -v cc >/dev/null || apt_install build-essential
}

# Debian's python3 has venv but not the ensurepip that it needs; python3-venv brings it.
need_venv() {
  python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv
}

# install_python DIR NAME --with-deps|--without-deps PACKAGE...: a Python environment in DIR with these packages, for NAME. Does
# nothing when it is there.
install_python() {
  local dir=$1 name=$2 deps=() mark
  [[ $3 == --with-deps ]] || deps=(--no-deps)
  shift 3
  mark="$dir/${*//[^a-z0-9.=-]/_}.installed"
  [[ ! -e $mark ]] || return 0
  need_venv
  step "Making a Python environment for $name" python3 -m venv --clear "$dir"
  step "Installing $*" "$dir/bin/python" -m pip --disable-pip-version-check install --only-binary :all: "${deps[@]}" "$@"
  touch "$mark"
}

# with_lock PLACE SECONDS COMMAND...: when nobody else holds PLACE, a file or a directory, which is waited for that long. Two at
# once would install or start the same thing twice.
with_lock() {
  local place=$1 seconds=$2 lock
  shift 2
  [[ -d $place ]] || : >>"$place"
  exec {lock}<"$place"
  flock -w "$seconds" "$lock" || die "another scripts/${0##*/} has been busy in $place for minutes"
  "$@"
  exec {lock}<&-
}

need_cargo() {
  # rustup puts cargo on the PATH of login shells only.
  command -v cargo >/dev/null || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  command -v cargo >/dev/null || die "cargo is missing; install a Rust toolchain (https://rustup.rs) and try again"
}

# borrow_test_cluster --with-aws|--without-aws: the throw-away cluster of the tests with its url in HUB_TEST_DATABASE_URL, and the stand-in
# for AWS with its url in HUB_TEST_AWS_URL. Several scripts may use them at once: each holds a shared lock, and the last one
# out stops what did not run before the first one came in. Call release_test_cluster at the end, from a trap.
borrow_test_cluster() {
  local dir="$root/.hub/test"
  mkdir -p "$dir"
  exec {test_cluster_lock}>>"$dir/in-use"
  flock -s "$test_cluster_lock"
  "$root/scripts/postgres" --dir "$dir" status >/dev/null || touch "$dir/stop-postgres-after-use"
  "$root/scripts/postgres" --dir "$dir" --fast start
  HUB_TEST_DATABASE_URL=$("$root/scripts/postgres" --dir "$dir" url)
  export HUB_TEST_DATABASE_URL
  [[ $1 == --with-aws ]] || return 0
  "$root/scripts/moto" --dir "$dir" status >/dev/null 2>&1 || touch "$dir/stop-moto-after-use"
  "$root/scripts/moto" --dir "$dir" start
  HUB_TEST_AWS_URL=$("$root/scripts/moto" --dir "$dir" url)
  export HUB_TEST_AWS_URL
}

release_test_cluster() {
  local dir="$root/.hub/test" server
  # A lock that is still shared cannot become exclusive: then somebody else is using them.
  [[ -n ${test_cluster_lock:-} ]] && flock -n -x "$test_cluster_lock" || return 0
  for server in postgres moto; do
    if [[ -e $dir/stop-$server-after-use ]]; then
      "$root/scripts/$server" --dir "$dir" stop
      rm -f "$dir/stop-$server-after-use"
    fi
  done
}
