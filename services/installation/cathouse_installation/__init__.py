"""Installation: which player adopted which cat, with which scopes, settings and credential."""
