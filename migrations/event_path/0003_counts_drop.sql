drop function note_count;
drop table counts_pending, counts;
