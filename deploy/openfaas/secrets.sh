#!/bin/sh
# Gives OpenFaaS the secrets that a stack's functions name: secrets.sh FOLDER [STACK]; in FOLDER each is a file of its name.
# It needs faas-cli, logged in. Those that exist are updated; it ends at the first that can be neither, with what was said.
set -eu

folder=$1
stack=${2:-stack.yml}

names=$(awk '/^    secrets:/ { on = 1; next } on && /^      - / { print $2; next } { on = 0 }' "$stack" | sort -u)
for name in $names; do
  if told=$(faas-cli secret create "$name" --from-file "$folder/$name" --trim 2>&1); then
    printf '%s\n' "$told"
  elif ! faas-cli secret update "$name" --from-file "$folder/$name" --trim; then
    printf 'secrets.sh: %s could not be made before that: %s\n' "$name" "$told" >&2
    exit 1
  fi
done
