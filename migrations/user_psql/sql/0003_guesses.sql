-- How often the password of an account was guessed, and how often a network guessed any. Nothing here names anybody.

create table guesses (
  key bytea primary key,
  wrong integer not null,
  guessed_at timestamptz not null,
  next_at timestamptz not null
);
create index guesses_guessed_at_idx on guesses (guessed_at);
comment on column guesses.key is 'sha256 of whose password is guessed, or from where';
comment on column guesses.wrong is 'how many guesses were wrong, as far as is known yet';
comment on column guesses.next_at is 'when the next guess is let through';

create function forget_guesses(row_limit integer) returns integer language sql security definer
set search_path = public, pg_temp as $$
  with old as (
    delete from guesses where key in (
      select key from guesses where guessed_at < now() - interval '1 hour' limit row_limit)
    returning 1
  ) select count(*)::integer from old
$$;

revoke all on function forget_guesses from public;
grant select, insert, update, delete on guesses to botberi_user;
grant execute on function forget_guesses to botberi_subscribers;
