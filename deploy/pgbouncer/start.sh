#!/bin/sh
# PgBouncer in front of one database: start.sh; DATABASE is `user_psql` or `shared_psql`, UPSTREAM its host:port,
# with `?tls=verify` behind it where Postgres has to prove who it is by a certificate.
# It knows one password of Postgres', that of the role which may look up how the pooled roles prove themselves (SCRAM):
# what they prove to PgBouncer, PgBouncer proves to Postgres in turn. With the secret pgbouncer-exporter, whoever has that
# may ask it for its statistics, and nothing else: no role of Postgres is called so.
set -eu

folder=${TMPDIR:-/tmp}
secrets=${BOTBERI_SECRETS:-/var/openfaas/secrets}
place() { if [ -f "$secrets/$1" ]; then echo "$secrets/$1"; else echo "$secrets/$1/$1"; fi; }

name=$(echo "$DATABASE" | tr _ -)-pgbouncer
[ -f "$(place "$name")" ] || { echo "pgbouncer: the secret $name is missing: expected a file $(place "$name")" >&2; exit 1; }

encryption="server_tls_sslmode = prefer"
case "$UPSTREAM" in
  *"?tls=verify")
    UPSTREAM=${UPSTREAM%"?tls=verify"}
    encryption="server_tls_sslmode = verify-full
server_tls_ca_file = ${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
    ;;
esac

umask 077
printf '"botberi_pgbouncer" "%s"\n' "$(cat "$(place "$name")")" > "$folder/users"
exporter=$(place pgbouncer-exporter)
if [ -f "$exporter" ]; then
  printf '"botberi_exporter" "%s"\n' "$(cat "$exporter")" >> "$folder/users"
fi
cat > "$folder/pgbouncer.ini" <<END
[databases]
$DATABASE = host=${UPSTREAM%:*} port=${UPSTREAM##*:} dbname=$DATABASE auth_user=botberi_pgbouncer

[pgbouncer]
listen_addr = 0.0.0.0
listen_port = ${PORT:-5432}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/users
stats_users = botberi_exporter
auth_query = select usename, passwd from pgbouncer.login(\$1)
pool_mode = transaction
default_pool_size = ${POOL_SIZE:-8}
max_client_conn = ${MAX_CLIENTS:-500}
query_wait_timeout = 8
server_connect_timeout = 5
server_login_retry = 1
server_idle_timeout = 300
tcp_keepidle = 5
tcp_keepintvl = 2
tcp_keepcnt = 3
tcp_user_timeout = 10000
$encryption
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
log_stats = 0
END
exec pgbouncer "$folder/pgbouncer.ini"
