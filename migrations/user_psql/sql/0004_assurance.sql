-- With how many factors somebody has logged in, and when: some things need two, or that it wasn't long ago.

alter table sessions add column aal smallint not null default 1;
alter table sessions add column authenticated_at timestamptz not null default now();
alter table sessions disable trigger sessions_keep_ended;
update sessions set authenticated_at = created_at;
alter table sessions enable trigger sessions_keep_ended;
comment on column sessions.aal is 'authenticator assurance level: 1 or 2';
comment on column sessions.authenticated_at is 'when somebody logged in';

grant insert (aal) on sessions to botberi_user;
