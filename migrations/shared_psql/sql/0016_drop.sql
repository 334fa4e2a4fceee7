drop function forget_api_keys, api_key_uses, note_api_key_use, ended_api_keys, api_key_of, revoke_api_key,
  record_api_key;
drop table api_keys;
