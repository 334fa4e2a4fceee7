drop function forget_ended_api_keys, api_key_to_record, note_api_key_use, api_key_of;
drop table api_keys;
drop function keep_api_key_revoked;
