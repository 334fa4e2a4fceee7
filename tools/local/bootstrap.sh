#!/usr/bin/env bash
# Brings what a target of the Makefile needs onto this machine, and does nothing when it is there: bootstrap.sh PURPOSE
# Each purpose, and what it needs, is in tools/local/servers/binaries.py. Servers, a browser and Node come from the distribution,
# the Python packages from the lock into .venv, and what tests and kits need of npm and of clients from their own locks into build.
set -euo pipefail

cd "$(dirname "$0")/../.."
purpose=${1:-run}
locks=deploy/requirements

say() { echo "botberi: $*" >&2; }
fail() { say "$*"; exit 1; }

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
}

missing_packages() {
  "$python" -c 'import venv, ensurepip' 2>/dev/null || echo "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  # Asked of the module by which they are started.
  "$python" -m tools.local.servers.binaries "$purpose"
}

install_packages() {
  local become=()
  command -v apt-get >/dev/null || fail "install these with your system's package manager, then try again: $*"
  if [[ $EUID != 0 ]]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
      become=(sudo)
    else
      fail "packages are missing: $*. Have root run: tools/local/install_packages.sh $*"
    fi
  fi
  say "installing $* (none of it is started or enabled) …"
  "${become[@]}" bash tools/local/install_packages.sh "$@"
}

sync_packages() {
  local wanted
  wanted=$(cat $locks/bootstrap.txt $locks/all.txt <("$python" --version) <(pwd) | sha256sum)
  [[ $(cat .venv/.lock 2>/dev/null) != "$wanted" ]] || return 0
  say "installing the Python packages of the lock into .venv …"
  .venv/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv
  [[ -x .venv/bin/uv ]] || .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $locks/bootstrap.txt
  .venv/bin/uv pip sync -q --python .venv/bin/python --compile-bytecode --require-hashes $locks/all.txt
  echo "$wanted" >.venv/.lock
}

sync_node_packages() {
  local from=$locks/$1 to=build/$1
  ! cmp -s "$from"/package-lock.json "$to"/installed.json || return 0
  say "installing $2 of the lock into $to …"
  mkdir -p "$to"
  cp "$from"/package.json "$from"/package-lock.json "$from"/.npmrc "$to"
  if npm ci --prefix "$to" --silent; then
    cp "$from"/package-lock.json "$to"/installed.json
  else
    say "npm could not install it: what needs it will say that it was skipped"
  fi
}

# What clients bring with them is no business of the product's: an environment of their own.
sync_clients() {
  local lock=$locks/conformance/python.txt to=build/conformance/python
  ! cmp -s $lock $to/installed.txt || return 0
  say "installing the clients of the lock into $to …"
  .venv/bin/uv venv -q --clear --python .venv/bin/python $to
  .venv/bin/uv pip sync -q --python $to/bin/python --require-hashes $lock
  cp $lock $to/installed.txt
}

# A2A's kit is a repository alone. A2A_KIT names another place that has it, such as a folder.
sync_kit_of_a2a() {
  local to=build/conformance/a2a-tck commit=357c4a87afa2818731590647cccbea31c31733a2
  [[ $(git -C $to rev-parse -q --verify HEAD 2>/dev/null) != "$commit" ]] || return 0
  say "fetching A2A's kit into $to …"
  git init -q $to
  if ! { git -C $to fetch -q --depth 1 "${A2A_KIT:-https://github.com/a2aproject/a2a-tck}" $commit &&
    git -C $to checkout -q --detach FETCH_HEAD; }; then
    say "it can't be fetched: what needs it will say so"
  fi
}

python=$(find_python)
[[ -n $python ]] || fail "Python 3.11 or newer is needed: apt-get install python3"
mkdir -p -m 700 .local
# Held until this script ends: a second one waits, then finds nothing left to do.
exec 9>.local/bootstrap.lock
flock 9
missing=$(missing_packages) || fail "what is missing for '$purpose' can't be told"
# shellcheck disable=SC2086 # names of packages
[[ -z $missing ]] || install_packages $missing
sync_packages
if [[ $purpose == test ]]; then
  sync_node_packages asyncapi "the AsyncAPI parser"
  sync_node_packages console "what the console is made of"
elif [[ $purpose == console ]]; then
  sync_node_packages console "what the console is made of"
elif [[ $purpose == conformance ]]; then
  sync_node_packages conformance "the kits"
  sync_clients
  sync_kit_of_a2a
fi
