-- What events that this database emits have as their source. A constant, which becomes a part of what calls it.
create function event_source() returns text language sql immutable as $$ select '/botberi/shared_psql' $$;
