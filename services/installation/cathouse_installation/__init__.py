"""Installation: adopted cats, with their granted scopes, settings and credential."""
