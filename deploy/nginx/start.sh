#!/bin/sh
# Writes nginx' configuration into FOLDER from the files beside this one and starts nginx on it: start.sh FOLDER [-t]
# FOLDER is all that nginx writes to, so the rest may be read-only. With -t it only checks the configuration.
# Each setting is an environment variable; what stands here are the values of a local run.
set -eu

folder=$1
here=$(cd "$(dirname "$0")" && pwd)

: "${EDGE_LISTEN:=127.0.0.1:8080}"                 # address and port for all APIs
: "${EDGE_APIS:=}"                                 # ports for one API each: "user=8010 admin=8020 broker=8030"
: "${EDGE_STATUS:=}"                               # address and port for nginx' own statistics, which nobody else may reach
: "${EDGE_PLATFORM:=local}"                        # a file of platforms/: local, compose, openfaas, openfaas-ce, knative
: "${EDGE_FUNCTIONS:=127.0.0.1:8050}"              # where functions are; what it means stands in the platform's file
: "${EDGE_GATEWAY:=127.0.0.1:8040}"                # host:port of the WebSocket gateway
: "${EDGE_USER_DOCS:=127.0.0.1:8010}"              # host:port of the user API's documentation
: "${EDGE_ADMIN_DOCS:=127.0.0.1:8020}"             # … of the admin API's
: "${EDGE_BROKER_DOCS:=127.0.0.1:8030}"            # … of the broker API's
: "${EDGE_CORS_ORIGINS:=}"                         # origins of browser applications, with spaces between them
: "${EDGE_RATE:=50r/s}"                            # requests for each address
: "${EDGE_BURST:=100}"                             # how far an address may run ahead of that
: "${EDGE_ADMIN_RATE:=20r/s}"                      # the same for the administrators' API, which is counted by itself
: "${EDGE_ADMIN_BURST:=100}"                       # how far one may run ahead with that
: "${EDGE_GUESS_RATE:=30r/m}"                      # the same for POSTs that need no session: log-in, sign-up
: "${EDGE_GUESS_BURST:=30}"                         # how far one may run ahead with those
: "${EDGE_REQUESTS:=200}"                          # requests that an address may have under way at once
: "${EDGE_ADMIN_REQUESTS:=50}"                     # … of the administrators' API
: "${EDGE_SOCKETS:=20}"                            # open WebSockets for each address
: "${EDGE_STREAMS:=100}"                           # open streams of runs for each address
: "${EDGE_TRUSTED_PROXIES:=}"                       # addresses or networks of load balancers whose X-Forwarded-For is believed, with spaces between them; unix: is nobody, which only the local run takes for granted
: "${EDGE_WORKERS:=2}"                             # nginx' processes
: "${EDGE_RESOLVER:=}"                             # who tells addresses of names; without one, /etc/resolv.conf says

if [ -z "$EDGE_RESOLVER" ]; then
  # IPv6 addresses stand in brackets in nginx.
  EDGE_RESOLVER=$(awk '$1 == "nameserver" { print (index($2, ":") ? "[" $2 "]" : $2); exit }' /etc/resolv.conf)
  : "${EDGE_RESOLVER:=127.0.0.1}"
fi

# Who can speak from an address that is believed can be anybody, and has no throttle: nothing is assumed of a network.
[ "$EDGE_PLATFORM" != local ] || : "${EDGE_TRUSTED_PROXIES:=unix:}"
if [ -z "$EDGE_TRUSTED_PROXIES" ]; then
  echo "edge: EDGE_TRUSTED_PROXIES is not set: give the load balancer's own addresses, or unix: where there is none" >&2
  exit 1
fi
# shellcheck disable=SC2034 # read by its name below
EDGE_PROXY_LINES=
for network in $EDGE_TRUSTED_PROXIES; do
  case $network in
    */0|10.0.0.0/8|100.64.0.0/10|127.0.0.0/8|172.16.0.0/12|192.168.0.0/16|fc00::/7|fd00::/8|fe80::/10)
      echo "edge: EDGE_TRUSTED_PROXIES has $network, which holds far more than a load balancer: give its own addresses" >&2
      exit 1 ;;
  esac
  EDGE_PROXY_LINES="$EDGE_PROXY_LINES set_real_ip_from $network;"
done

# nginx drops from root to nobody, who can't enter a folder in somebody's home.
EDGE_USER_LINE=
# shellcheck disable=SC2034 # read by its name below
[ "$(id -u)" != 0 ] || EDGE_USER_LINE="user root;"

mkdir -p "$folder/temp" "$folder/app" "$folder/console"
folder=$(cd "$folder" && pwd)

settings="LISTEN STATUS FUNCTIONS GATEWAY USER_DOCS ADMIN_DOCS BROKER_DOCS CORS_ORIGINS RATE BURST ADMIN_RATE ADMIN_BURST
  GUESS_RATE GUESS_BURST REQUESTS ADMIN_REQUESTS SOCKETS STREAMS TRUSTED_PROXIES PROXY_LINES WORKERS RESOLVER USER_LINE"
script=
for name in $settings; do
  value=
  eval "value=\$EDGE_$name"
  case $value in
    *[!]A-Za-z0-9\ :/.,_[-]*) [ "${name%_LINE*}" != "$name" ] || { echo "edge: EDGE_$name holds characters that it can't: $value" >&2; exit 1; } ;;
  esac
  script="${script}s|\${EDGE_$name}|$value|g
"
done

fill() { # fill TEMPLATE OUTPUT
  sed "$script" "$1" > "$2"
}

server() { # server ADDRESS API
  # shellcheck disable=SC2016 # $only is nginx'
  printf 'server {\n    listen %s;\n    set $only "%s";\n    include server.conf;\n}\n' "$1" "$2"
}

fill "$here/edge.conf.template" "$folder/nginx.conf"
fill "$here/server.conf.template" "$folder/server.conf"
cp "$here/routes.conf" "$here/behind.conf" "$here/route.conf" "$here/unrouted.conf" "$here/events.conf" "$here/public.conf" "$here/problems.conf" "$here/forward.conf" "$here/app.conf" "$here/console.conf" "$folder/"
cp "$here"/app/* "$folder/app/"
cp "$here"/console/* "$folder/console/"
cp "$here/platforms/$EDGE_PLATFORM.conf" "$folder/platform.conf"
{
  server "$EDGE_LISTEN" ""
  for each in $EDGE_APIS; do
    server "${each#*=}" "${each%%=*}"
  done
  [ -z "$EDGE_STATUS" ] || printf 'server {\n    listen %s;\n    access_log off;\n    stub_status;\n}\n' "$EDGE_STATUS"
} > "$folder/servers.conf"

shift
# Where the name of a socket is looked for; one that was left behind can't be opened again.
cd "$folder"
rm -f functions.sock
exec nginx -p "$folder/" -c "$folder/nginx.conf" -e stderr "$@"
