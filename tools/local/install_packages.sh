#!/usr/bin/env bash
# Installs packages of Debian or Ubuntu as root, so that nothing of them starts, now or after a reboot:
# install_packages.sh PACKAGE…
# What was installed before is left alone, and so are the system's settings.
set -euo pipefail

mark="# put here by botberi while it installs packages"
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
kept=$clusters.botberi
log=$(mktemp)

restore() {
  if [[ -f $policy ]] && grep -qF "$mark" "$policy"; then rm -f "$policy"; fi
  if [[ -f $kept ]]; then mv -f "$kept" "$clusters"; fi
  rm -f "$log"
}
trap restore EXIT

quietly() {
  "$@" >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    echo "botberi: this failed: $*" >&2
    exit 1
  }
}

apt() {
  quietly env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 \
    apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold "$@"
}

# A unit is enabled by a link in this folder, with systemd running or not.
links() { find /etc/systemd/system -type l 2>/dev/null | sort; }

links_before=$(links)
if [[ ! -e $policy ]]; then
  # Asked by every package before it starts a service: no.
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
  chmod 755 "$policy"
fi
apt update
case " $* " in
  *" postgresql "*)
    apt install --no-install-recommends postgresql-common
    # The package would make a database cluster of its own.
    cp -p "$clusters" "$kept"
    echo "create_main_cluster = false" >>"$clusters"
    ;;
esac
apt install --no-install-recommends "$@"
comm -13 <(echo "$links_before") <(links) | xargs -r rm -f
if [[ -d /run/systemd/system ]]; then quietly systemctl daemon-reload; fi
