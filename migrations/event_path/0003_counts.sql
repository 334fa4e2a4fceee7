-- How many rows of a table are in each state, without counting them: whoever changes one notes the difference.
--
-- A sum that each writer changed would have all of them wait for one another. So each adds a row to counts_pending,
-- and one in some hundreds folds what is there into the sums. Who reads adds up both.
create table counts (
  counter text primary key,
  value numeric not null
);
create table counts_pending (
  counter text not null,
  value numeric not null
);
comment on table counts is 'how many rows are in each state, but for what is pending';
comment on table counts_pending is 'differences that are not yet in counts';

create function note_count(counters text[], differences numeric[]) returns void language plpgsql
set search_path = public, pg_temp as $$
begin
  insert into counts_pending (counter, value) select * from unnest(counters, differences);
  -- One folds at a time, until its transaction ends; the others leave it to the next.
  if random() < 0.003 and pg_try_advisory_xact_lock(7166423304) then
    with folded as (delete from counts_pending returning counter, value)
    insert into counts as known (counter, value)
    select folded.counter, sum(folded.value) from folded group by 1 order by 1
    on conflict (counter) do update set value = known.value + excluded.value;
  end if;
end $$;

revoke all on function note_count from public;
grant select on counts, counts_pending to botberi_admin;
