drop function instance_to_ask, kill_switch_reason, session_is_revoked;
