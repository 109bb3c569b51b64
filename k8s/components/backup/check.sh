#!/bin/sh
# Restores the newest dump into a PostgreSQL of its own below $SCRATCH and compares every table with what it was.
set -eu
newest=$(ls -1 "$BACKUPS"/*.dump 2>/dev/null | sort | tail -n 1)
[ -n "$newest" ] || { echo "there is no dump in $BACKUPS" >&2; exit 1; }
PGDATA="$SCRATCH/data"
export PGDATA
trap 'pg_ctl stop --mode=immediate --silent || true; rm -rf "$PGDATA"' EXIT
initdb --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync >/dev/null
pg_ctl start --wait --silent --log="$SCRATCH/log" \
  --options="-c listen_addresses='' -c unix_socket_directories='$SCRATCH' -c fsync=off -c jit=off"
export PGHOST="$SCRATCH" PGUSER=postgres
createdb restored
pg_restore --exit-on-error --no-owner --no-privileges --dbname=restored "$newest"
psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --file="$SCRIPTS/fingerprint.sql" \
  --output="$SCRATCH/rows" restored
diff "${newest%.dump}.rows" "$SCRATCH/rows" || { echo "$newest: what is restored differs from what was dumped" >&2; exit 1; }
echo "restored $newest: $(wc -l < "$SCRATCH/rows") tables, $(awk -F'|' '{n += $2} END {print n + 0}' "$SCRATCH/rows") rows, all as dumped"
