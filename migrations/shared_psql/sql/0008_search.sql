-- Text as it is searched: without accents, all of one width and case. Letters are taken apart (NFKD) and lose their marks;
-- `unaccent` knows those that have no parts, such as ø, ł and æ. This is called immutable although its rules could be
-- changed: they come with Postgres, and nobody here may change them.
create function search_text(said text) returns text
  language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
  select replace(lower(extensions.unaccent('extensions.unaccent',
    regexp_replace(normalize(said, NFKD), '[' || chr(768) || '-' || chr(879) || ']', '', 'g'))), chr(962), chr(963))
$$;

-- All that is said of an agent, in which words are looked for.
create function search_whole(name text, slug text, tags text[], capabilities text[], summary text, description text)
  returns text language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
  select public.search_text(concat_ws(chr(10),
    name, slug, array_to_string(tags || capabilities, ' '), summary, description))
$$;

-- The words of what names an agent: whoever has those looked for there comes first.
create function search_names(name text, slug text, tags text[], capabilities text[]) returns tsvector
  language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
  select to_tsvector('simple', public.search_text(concat_ws(' ', name, slug, array_to_string(tags || capabilities, ' '))))
$$;

-- Words that begin with each of these.
create function search_query(words text[]) returns tsquery
  language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
  select to_tsquery('simple', coalesce(string_agg(format('''%s'':*', quoted), ' & '), ''))
  from unnest(words) as word, replace(replace(public.search_text(word), '\', '\\'), '''', '''''') as quoted
  where quoted <> ''
$$;

revoke execute on function search_text, search_whole, search_names, search_query from public;
grant execute on function search_text, search_query to botberi_user, botberi_admin;
grant execute on function search_whole, search_names to botberi_admin;

alter table agents
  add column tags text[] not null default '{}',
  add column capabilities text[] not null default '{}';
alter table agents
  add column searched text
    generated always as (search_whole(name, slug, tags, capabilities, summary, description)) stored,
  add column names tsvector generated always as (search_names(name, slug, tags, capabilities)) stored;
comment on column agents.tags is 'what it is about';
comment on column agents.capabilities is 'what it can do';

-- Kept in order at once: agents are written rarely and looked for often.
create index agents_searched_idx on agents using gin (searched extensions.gin_trgm_ops) with (fastupdate = off);
create index agents_names_idx on agents using gin (names) with (fastupdate = off);
create index agents_tags_idx on agents using gin (tags) with (fastupdate = off);
create index agents_capabilities_idx on agents using gin (capabilities) with (fastupdate = off);

grant update (tags, capabilities) on agents to botberi_admin;
