-- Deliveries that are under way are counted before another is begun: they are few.
create index push_configs_claimed_until_idx on push_configs (claimed_until) where claimed_until is not null;
