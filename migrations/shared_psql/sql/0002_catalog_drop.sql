drop table channel_moves;
delete from channels where version_id is null;
alter table channels drop constraint channels_candidate_check, alter column version_id set not null,
  drop column candidate_version_id, drop column candidate_percent, drop column row_version;
revoke update (status, status_reason, status_changed_by, status_changed_at, row_version) on agent_versions
  from botberi_admin;
alter table agent_versions drop column status, drop column status_reason, drop column status_changed_by,
  drop column status_changed_at, drop column row_version;
