"""The library that the services of a platform are built on. Start with `cathouse_kit.service.create_service`."""
