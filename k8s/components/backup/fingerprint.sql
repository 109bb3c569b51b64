-- A line for each table: its name, its rows, the sum of their hashes. The order of rows does not matter, every value does.
SET timezone = 'UTC';
SELECT format(
  'SELECT %L, count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM %I.%I t',
  schemaname || '.' || tablename, schemaname, tablename
)
FROM pg_tables WHERE schemaname IN ('public', 'vpn') ORDER BY schemaname, tablename
\gexec
