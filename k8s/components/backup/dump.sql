-- Dump and fingerprint see the same moment: both read the snapshot of this one transaction.
SET idle_in_transaction_session_timeout = 0;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \gset
\setenv SNAPSHOT :snapshot
\! pg_dump --snapshot="$SNAPSHOT" --format=custom --file="$NAME.part" phantommesh && touch "$NAME.complete"
\o :fingerprint
\i :scripts/fingerprint.sql
\o
COMMIT;
