revoke update (aal) on sessions from botberi_user;
drop function forget_mfa_challenges;
drop table mfa_challenges;
drop table recovery_codes;
drop table totp_factors;
