revoke select (created_at, refreshed_at, expires_at, ends_at, revoked_reason) on sessions from botberi_admin;
