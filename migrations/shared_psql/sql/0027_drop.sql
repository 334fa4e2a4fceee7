alter table agents drop column featured_rank;
