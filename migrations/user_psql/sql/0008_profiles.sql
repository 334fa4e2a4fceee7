-- What people say of themselves.

alter table accounts
  add column name text,
  add column locale text,
  add column timezone text;
comment on column accounts.name is 'as its owner wants to be called';
comment on column accounts.locale is 'of BCP 47';
comment on column accounts.timezone is 'of IANA''s database';

grant update (name, locale, timezone) on accounts to botberi_user;
