-- What each role may do in user_psql besides the event path: what its functions use, and no more. Sign-ups can't choose
-- their scopes; whoever asks whether a session has ended sees nothing else of it; what is old is forgotten by functions
-- that forget nothing else.

grant select, insert (id, email, password_hash) on accounts to botberi_user;
grant select,
      insert (id, account_id, secret_hash, token_key, expires_at),
      update (counter, refreshed_at, expires_at, revoked_at, revoked_reason) on sessions to botberi_user;

grant select (id, email, scopes, suspended, created_at),
      insert (id, email, password_hash, scopes),
      update (scopes, suspended) on accounts to botberi_admin;
grant select (id, account_id, revoked_at), update (revoked_at, revoked_reason) on sessions to botberi_admin;

grant select (id, revoked_at) on sessions to botberi_broker;

grant execute on function forget_ended_sessions to botberi_subscribers;
