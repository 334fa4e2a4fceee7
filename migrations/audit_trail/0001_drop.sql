drop function audit_entries_about, erase_audit_details, append_audit_anchor, seal_audit_entries, append_audit_entry,
  audit_entry_hash, audit_field, account_is_gone;
drop table audit_anchors, audit_seals, audit_queue, audit_parties, audit_entries;
drop function refuse_audit_change;
