drop index agents_searched_idx, agents_names_idx, agents_tags_idx, agents_capabilities_idx;
revoke update (tags, capabilities) on agents from botberi_admin;
alter table agents drop column names, drop column searched, drop column capabilities, drop column tags;
drop function search_query, search_names, search_whole, search_text;
