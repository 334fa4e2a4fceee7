revoke select (id, device, network, created_at) on sessions from botberi_subscribers;
