-- The agents that people are shown first.

alter table agents add column featured_rank smallint not null default 0
  constraint agents_featured_rank_check check (featured_rank between 0 and 1000);
comment on column agents.featured_rank is 'where it stands among those that are shown first: 1 before 2; 0 for elsewhere';
create index agents_featured_idx on agents (featured_rank, id desc) where featured_rank > 0;
grant update (featured_rank) on agents to botberi_admin;
