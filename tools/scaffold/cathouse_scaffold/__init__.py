"""Services as a whole: what names them is rendered from services.toml, and new ones come from a template."""
