revoke select (device, network) on sessions from botberi_admin;
