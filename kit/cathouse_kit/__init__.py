"""What the services of a platform are made of. Start with `cathouse_kit.service.create_service`."""
