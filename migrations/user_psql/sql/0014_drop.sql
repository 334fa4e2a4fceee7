drop function forget_device_logins;
drop table device_logins;
