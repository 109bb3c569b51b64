#!/bin/sh
# Writes $BACKUPS/phantommesh-TIME.dump and .rows. Nothing of that name is there before it is whole.
set -eu
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD
NAME="$BACKUPS/phantommesh-$(date -u +%Y%m%dT%H%M%SZ)"
export NAME
rm -f "$BACKUPS"/*.part "$BACKUPS"/*.complete
psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --set=fingerprint="$NAME.rows.part" \
  --set=scripts="$SCRIPTS" --file="$SCRIPTS/dump.sql" phantommesh
[ -e "$NAME.complete" ] || { echo "pg_dump failed; nothing is kept" >&2; exit 1; }
[ -s "$NAME.rows.part" ] || { echo "no table was found; nothing is kept" >&2; exit 1; }
mv "$NAME.rows.part" "$NAME.rows"
mv "$NAME.part" "$NAME.dump"
rm "$NAME.complete"
echo "dumped $(wc -l < "$NAME.rows") tables into $NAME.dump"
# What is beyond $KEEP dumps goes, the oldest first.
for old in $(ls -1 "$BACKUPS"/*.dump | sort -r | tail -n +"$((KEEP + 1))"); do
  rm -f "$old" "${old%.dump}.rows"
  echo "removed $old"
done
