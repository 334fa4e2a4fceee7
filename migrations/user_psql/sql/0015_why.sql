-- How a session has gone, for administrators: nothing of where or by what.
grant select (created_at, refreshed_at, expires_at, ends_at, revoked_reason) on sessions to botberi_admin;
