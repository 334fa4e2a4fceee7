drop function apply_email_change, forget_email_changes;
drop table email_changes;
