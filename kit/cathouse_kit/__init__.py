"""What every Cat House service is made of. Start with `cathouse_kit.service.create_service`."""
