-- Where and by what somebody is logged in, for administrators who look after an account.
grant select (device, network) on sessions to botberi_admin;
