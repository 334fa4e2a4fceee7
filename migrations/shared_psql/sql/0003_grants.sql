grant update (version_id, config, secret_places, limits, labels, generation, reason, message, next, deadline_at)
  on instances to botberi_user;
grant select, insert on instance_specs to botberi_user;
grant select on account_limits, kill_switches to botberi_user;

grant update (reason, message, next, deadline_at) on instances to botberi_admin;
grant select, insert on account_limits, kill_switches to botberi_admin;
grant update (limits, row_version, updated_at) on account_limits to botberi_admin;
grant update (released_by, released_at) on kill_switches to botberi_admin;

grant select, insert, update (released_by, released_at) on kill_switches to botberi_subscribers;
grant execute on function stop_instances to botberi_subscribers;

grant update (observed_generation) on instances to botberi_worker;
grant select, delete on instance_specs to botberi_worker;
grant execute on function roll_back_instance to botberi_worker;
