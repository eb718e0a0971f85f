"""The names, roles, guards and settings that all services of Cat House share. It depends only on the kit."""
