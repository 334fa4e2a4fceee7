revoke update (password_hash) on accounts from botberi_user;
alter table sessions drop column network;
alter table sessions drop column device;
alter table sessions drop column ends_at;
