/**
 * A certificate for 127.0.0.1 that nobody trusts, and its key, so that tests can speak TLS to a server of their own.
 *
 * Relies on: nothing. Refuses: any use outside of tests; the key is public.
 */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUBnZLfosB6pVw3VGjFQwJLaV+n1YwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDIxMjIxOFoYDzIxMjYxMTA2
MjEyMjE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASBXKvgoMH1iXfYEVaL8ZXHOiwd5487FzY5ZMdp/Q/BiqRySMi7FFcN
i/zW0on8N6VCaxuLxU97zL+P6nG81ELzo28wbTAdBgNVHQ4EFgQUQV9OKslGrvNK
bg1NNadLqv7/oaowHwYDVR0jBBgwFoAUQV9OKslGrvNKbg1NNadLqv7/oaowDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAJk5EHJ8xLd3SXBPlpZ0c6GvNpi4kL+RmzL+/o9NMt7HAiBV
kgySEXKjWIA0i9cIPdCgpQAySccbMmB8T8rmk0W9Og==
-----END CERTIFICATE-----`;

export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg24Qr3Eea0Cxfppvc
Nw36YRvTlTSRPNL7e6z+ieN/WjyhRANCAASBXKvgoMH1iXfYEVaL8ZXHOiwd5487
FzY5ZMdp/Q/BiqRySMi7FFcNi/zW0on8N6VCaxuLxU97zL+P6nG81ELz
-----END PRIVATE KEY-----`;
