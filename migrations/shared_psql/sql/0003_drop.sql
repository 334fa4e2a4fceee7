drop function stop_instances, roll_back_instance;
drop table kill_switches, account_limits, instance_specs;
drop index instances_labels_idx, instances_status_id_idx, instances_version_id_id_idx, instances_agent_id_id_idx,
  instances_present_idx;
alter table instances drop column observed_generation, drop column generation, drop column labels, drop column limits;
comment on column instance_events.kind is '`desired_state` or `status`: which of the two changed';
