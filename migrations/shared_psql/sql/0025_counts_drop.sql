drop trigger runs_count on runs;
drop trigger agent_versions_recount on agent_versions;
drop trigger agent_versions_count on agent_versions;
drop trigger instances_recount on instances;
drop trigger instances_count on instances;
drop function count_instance, count_version, count_ended_run;
