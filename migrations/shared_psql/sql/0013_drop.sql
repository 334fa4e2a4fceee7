drop table agent_memory_usage;
drop table agent_memory;
drop table budgets;
drop function forget_run_usage(integer, integer);
drop function added_numbers(jsonb, jsonb);
drop function reported_cost(jsonb);
drop table run_usage;
