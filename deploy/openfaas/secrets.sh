#!/bin/sh
# Gives OpenFaaS the secrets that a stack's functions name: secrets.sh FOLDER [STACK]; in FOLDER each is a file of its name.
# It needs faas-cli, logged in. Those that exist are updated.
set -eu

folder=$1
stack=${2:-stack.yml}

names=$(awk '/^    secrets:/ { on = 1; next } on && /^      - / { print $2; next } { on = 0 }' "$stack" | sort -u)
for name in $names; do
  faas-cli secret create "$name" --from-file "$folder/$name" --trim 2>/dev/null \
    || faas-cli secret update "$name" --from-file "$folder/$name" --trim
done
