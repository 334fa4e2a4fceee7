-- Neither program nor network is in an event: whoever writes the mail reads them.

grant select (id, device, network, created_at) on sessions to botberi_subscribers;
