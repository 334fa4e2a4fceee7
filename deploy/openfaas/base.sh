#!/bin/sh
# Builds the base images that a stack's functions stand on, from the repository's root: base.sh [STACK]. Names and
# versions are those that faas-cli will look for: BOTBERI_REGISTRY and BOTBERI_VERSION.
set -eu

stack=${1:-stack.yml}
groups=$(sed -n 's/^      BASE: .*\/base-\([a-z-]*\):.*$/\1/p' "$stack" | sort -u)

for group in $groups; do
  docker build --target base --build-arg "GROUP=$group" \
    --tag "${BOTBERI_REGISTRY:-botberi}/base-$group:${BOTBERI_VERSION:-latest}" .
done
