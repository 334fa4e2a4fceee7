alter table sessions drop column authenticated_at;
alter table sessions drop column aal;
